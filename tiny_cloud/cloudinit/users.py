"""Accounts. Where some are declared, the one that the image's cloud.cfg names is not made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tiny_cloud.cloudinit.base import Piece, Settings


def users(settings: Settings) -> Piece:
    declared: Mapping[str, Mapping[str, Any]] = settings.get("users", {})
    if not declared:
        return {}
    keys = any("authorizedKeys" in user for name, user in declared.items() if name == "root")
    return {
        "users": [_user(name, user) for name, user in declared.items()],
        # It would put a command before root's keys that only prints a sentence and ends.
        **({"disable_root": False} if keys else {}),
        **({"runcmd": commands} if (commands := list(_late(declared))) else {}),
    }


def _user(name: str, user: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name}
    words = {"hash": "hashed_passwd", "groups": "groups", "shell": "shell", "uid": "uid",
             "authorizedKeys": "ssh_authorized_keys"}
    made |= {word: user[field] for field, word in words.items() if field in user}
    # The default would lock an account that is there already. A new one is locked by useradd.
    return {**made, "lock_passwd": False}


def _late(declared: Mapping[str, Mapping[str, Any]]) -> Iterator[list[str]]:
    """Of an account that is there already cloud-init sets password and keys alone."""
    for name, user in declared.items():
        shell = ["--shell", user["shell"]] if "shell" in user else []
        groups = ["--append", "--groups", ",".join(user["groups"])] if user.get("groups") else []
        if shell or groups:
            yield ["usermod", *shell, *groups, name]
