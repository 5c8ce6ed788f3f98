"""Resolve references to secrets, which leave the process only by descriptor or stdin."""

import os
from collections.abc import Mapping
from typing import Any

from tiny_cloud.errors import Failure
from tiny_cloud.essence import Essence
from tiny_cloud.host import command
from tiny_cloud.model import PHASES, Secret
from tiny_cloud.schema import secret_of
from tiny_cloud.steps import EditGuest, RecallGuest

LARGEST = 1 << 20
"""Characters of a secret's file: /dev/zero has no end."""


def resolve(secret: Secret, *, run_commands: bool) -> str | None:
    """The secret itself; None if it is not there now. A file loses one trailing newline.

    Raises Failure for what is there and can be no secret: a folder, too large, not UTF-8.
    """
    if secret.source == "env":
        return os.environ.get(str(secret.value))
    if secret.source == "command" and not run_commands:
        return None
    try:
        if secret.source == "file":
            with open(str(secret.value), encoding="utf-8") as file:
                found = file.read(LARGEST + 1)
            if len(found) <= LARGEST:
                return found.removesuffix("\n")
            reason = "is too long to be one"
        elif secret.source == "command":
            # pass, gpg and the like need the user's own variables.
            said = command.run(tuple(secret.value), environ=os.environ, asks=True)
            return said.decode().removesuffix("\n")
        else:
            return None
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        reason = "is not UTF-8 text"
    # Raised out here, because UnicodeDecodeError keeps what it could not decode.
    raise Failure(f"the secret from {secret} {reason}")


def content(secret: Secret) -> str:
    """The secret at apply, of any lines; when it has to be there. Raises Failure."""
    found = resolve(secret, run_commands=True)
    if found is None:
        hint = {"file": "create the file", "env": "set the variable"}.get(secret.source, "")
        raise Failure(f"the secret from {secret} is not there", hint)
    return found


def need(secret: Secret) -> str:
    """A password or a key of one line. Raises Failure."""
    found = content(secret)
    if not found or any(ord(char) < 32 for char in found):
        raise Failure(f"the secret from {secret} is empty or has control characters")
    return found


def told(reference: Mapping[str, Any] | None) -> str:
    """What a step refers to (``{file: …}``); empty: it refers to nothing. Raises Failure."""
    return need(secret_of(reference)) if reference else ""


def need_all(wanted: Essence) -> None:
    """Every secret that the plan will need is there: else nothing is begun. Raises Failure."""
    steps = (step for change in wanted for phase in PHASES for step in change[phase])
    for step in steps:
        looks = step["step"] == RecallGuest.__name__
        edit = step["edit"] if looks else step
        if edit.get("secret"):
            need(secret_of(edit["secret"]))
        if looks or step["step"] == EditGuest.__name__:
            for user in edit["settings"].get("users", {}).values():
                if "password" in user and "hash" not in user["password"]:
                    need(secret_of(user["password"]))
