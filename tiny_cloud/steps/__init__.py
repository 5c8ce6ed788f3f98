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
    RecallGuest,
)
from tiny_cloud.steps.layers import NO_KEY, CommitDisk, RebaseDisk
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
from tiny_cloud.steps.rbd import (
    CreateRBDImage,
    GrowRBDImage,
    RenameRBDImage,
    StampRBDImage,
    TrashRBDImage,
)
from tiny_cloud.steps.secrets import DefineSecret, UndefineSecret
from tiny_cloud.steps.snapshots import (
    CommitOverlay,
    CreateSnapshot,
    DeleteSnapshot,
    RevertToSnapshot,
)
from tiny_cloud.steps.volumes import (
    CreateVolume,
    EncryptVolume,
    FillVolume,
    GrowVolume,
    RemoveVolume,
    RenameVolume,
    StampVolume,
    TrashVolume,
)

__all__ = [
    "NO_KEY",
    "AttachDevice",
    "Autostart",
    "AutostartNetwork",
    "BlockResize",
    "CommitDisk",
    "CommitOverlay",
    "CreateDisk",
    "CreateRBDImage",
    "CreateSnapshot",
    "CreateVolume",
    "Debootstrap",
    "Define",
    "DefineNetwork",
    "DefineSecret",
    "DeleteSnapshot",
    "Describe",
    "DetachDevice",
    "DropRecord",
    "EditGuest",
    "EncryptVolume",
    "ExtractKernel",
    "Fetch",
    "FillVolume",
    "GrowRBDImage",
    "GrowVolume",
    "ImportImage",
    "MakeFolder",
    "MoveRecord",
    "Publish",
    "ReattachCards",
    "RebaseDisk",
    "RecallGuest",
    "Remove",
    "RemoveVolume",
    "Rename",
    "RenameDomain",
    "RenameRBDImage",
    "RenameVolume",
    "RevertToSnapshot",
    "Run",
    "SetMemory",
    "SetVcpus",
    "Shutdown",
    "Stamp",
    "StampRBDImage",
    "StampVolume",
    "Start",
    "StartNetwork",
    "Step",
    "StopNetwork",
    "Trash",
    "TrashRBDImage",
    "TrashVolume",
    "Undefine",
    "UndefineNetwork",
    "UndefineSecret",
    "UpdateDevice",
    "UpdateNetwork",
    "WriteRecord",
    "alias_of",
]
