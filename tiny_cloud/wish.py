"""What is to be planned, and what is allowed."""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from tiny_cloud.addresses import full_addresses
from tiny_cloud.consents import Consents, refuse_text


class Wish(Struct, frozen=True):
    """What is to be planned, beside the manifests. Names are KIND/NAME; ``vm/web`` will do."""

    consents: Consents = field(default_factory=Consents)
    prune: bool = False
    """Also what the cloud owns and no document declares is removed."""
    destroy: bool = False
    """Everything declared is removed; data by its reclaim policy and the consents."""
    targets: tuple[str, ...] = ()
    """Globs: these alone, and what they need; empty: everything."""
    run_commands: bool = False
    """Secrets that come from commands are asked for already when it is planned."""
    deep: bool = False
    """Guests are looked into, for what no outside probe can see."""
    selector: str = ""
    """Labels, as ``-l`` takes them: only what has them and what that needs."""

    def __post_init__(self) -> None:
        refuse_text(self.targets, "targets")

    @property
    def partial(self) -> bool:
        """It is about a part of what is declared."""
        return bool(self.targets or self.selector)

    def full(self) -> Wish:
        """With kinds written out: ``virtualmachine/web``."""
        consents = {name: full_addresses(globs) for name, globs in asdict(self.consents).items()}
        return replace(self, consents=Consents(**consents), targets=full_addresses(self.targets))
