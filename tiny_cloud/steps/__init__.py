"""Steps are data: the plan shows exactly what apply runs, and a test compares lists.

Each step says with ``shell`` what a person would type to the same end (``plan --commands``). A step
never holds a secret: it refers to one, and the host resolves it when the step runs.
"""

from tiny_cloud.steps.base import Run, Step
from tiny_cloud.steps.devices import (
    AttachDevice,
    BlockResize,
    Describe,
    DetachDevice,
    SetMemory,
    SetVcpus,
    UpdateDevice,
    alias_of,
)
from tiny_cloud.steps.files import (
    DropRecord,
    MakeFolder,
    MoveRecord,
    Publish,
    Remove,
    Rename,
    Stamp,
    Trash,
    WriteRecord,
)
from tiny_cloud.steps.images import (
    CreateDisk,
    Debootstrap,
    EditGuest,
    ExtractKernel,
    Fetch,
    ImportImage,
)
from tiny_cloud.steps.machines import Autostart, Define, RenameDomain, Shutdown, Start, Undefine
from tiny_cloud.steps.networks import (
    AutostartNetwork,
    DefineNetwork,
    ReattachCards,
    StartNetwork,
    StopNetwork,
    UndefineNetwork,
    UpdateNetwork,
)
from tiny_cloud.steps.snapshots import (
    CommitOverlay,
    CreateSnapshot,
    DeleteSnapshot,
    RevertToSnapshot,
)

__all__ = [
    "AttachDevice",
    "Autostart",
    "AutostartNetwork",
    "BlockResize",
    "CommitOverlay",
    "CreateDisk",
    "CreateSnapshot",
    "Debootstrap",
    "Define",
    "DefineNetwork",
    "DeleteSnapshot",
    "Describe",
    "DetachDevice",
    "DropRecord",
    "EditGuest",
    "ExtractKernel",
    "Fetch",
    "ImportImage",
    "MakeFolder",
    "MoveRecord",
    "Publish",
    "ReattachCards",
    "Remove",
    "Rename",
    "RenameDomain",
    "RevertToSnapshot",
    "Run",
    "SetMemory",
    "SetVcpus",
    "Shutdown",
    "Stamp",
    "Start",
    "StartNetwork",
    "Step",
    "StopNetwork",
    "Trash",
    "Undefine",
    "UndefineNetwork",
    "UpdateDevice",
    "UpdateNetwork",
    "WriteRecord",
    "alias_of",
]
