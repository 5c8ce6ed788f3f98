"""How a Ceph cluster is reached: what librados and rbd(8) are told. Pure."""

from __future__ import annotations

import shlex

from msgspec import Struct


class Cluster(Struct, frozen=True):
    """A cluster, and as whom it is asked."""

    monitors: tuple[str, ...]
    """As in a manifest: a name or address, with a port if it is not the usual one."""
    config: str = ""
    """Absolute path of a configuration file; empty: Ceph's usual one, if there is one."""
    user: str = ""
    """Without ``client.``; empty: nobody is asked for."""
    secret: tuple[str, str | tuple[str, ...]] | None = None
    """The reference to the user's key, never the key: ``("file", PATH)``, env or command."""

    def __str__(self) -> str:
        return ",".join(self.monitors)

    def typed(self, *words: str) -> str:
        """What a person would type."""
        config = ("--conf", self.config) if self.config else ()
        user = ("--id", self.user) if self.user else ()
        return f"{shlex.join(('rbd', *config, '-m', str(self), *user))}{self._key()} " + (
            shlex.join(words))

    def _key(self) -> str:
        match self.secret:
            case ("file", str(path)):
                return f" --keyfile {shlex.quote(path)}"
            case ("env", name):
                return f' --keyfile <(printf %s "${name}")'
            case ("command", tuple(argv)):
                return f" --keyfile <({shlex.join(argv)})"
        return ""
