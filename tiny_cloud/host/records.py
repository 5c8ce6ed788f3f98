"""What was declared last time, as JSON files: STORAGE/records/KIND-NAME.json, mode 0600."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tiny_cloud.errors import Failure
from tiny_cloud.host.files import put
from tiny_cloud.model import Address, Cloud


def path_of(storage: Path, address: Address) -> Path:
    return storage / "records" / f"{address.kind}-{address.name}.json"


def read_all(storage: Path) -> dict[Address, Mapping[str, Any]]:
    """Every record; one that cannot be parsed counts as lost. Raises Failure if it is refused."""
    folder = storage / "records"
    found: dict[Address, Mapping[str, Any]] = {}
    try:
        # Not glob, which takes a folder that may not be read for an empty one.
        for file in sorted(folder / name for name in os.listdir(folder) if name.endswith(".json")):
            kind, _, name = file.stem.partition("-")
            record = _parse(file)
            if record is not None:
                found[Address(kind, name)] = record
    except FileNotFoundError:
        return found
    except PermissionError as error:
        raise Failure(f"{error.filename} may not be read", "run as the user who applied") from error
    except OSError as error:
        raise Failure(f"{error.filename or folder} cannot be read: {error.strerror}") from error
    return found


def read(storage: Path, address: Address) -> Mapping[str, Any] | None:
    """One record; None: there is none, or it is damaged."""
    return _parse(path_of(storage, address))


def recall(cloud: Cloud, address: Address) -> Mapping[str, Any]:
    """What names and identities are made of, before anything is asked: the record, if there is one
    and it may be read."""
    try:
        record = read(Path(cloud.storage), address)
    except OSError:
        return {}
    return record if record and record["cloud"] == cloud.name else {}


def owners(cloud: Cloud) -> Mapping[str, Address]:
    """Whose the UUIDs are that are recorded; none where the records may not be read."""
    try:
        found = read_all(Path(cloud.storage))
    except Failure:
        return {}
    return {record["uuid"]: address for address, record in found.items()
            if "uuid" in record and record["cloud"] == cloud.name}


def move(storage: Path, address: Address, to: Address, changes: Mapping[str, Any]) -> None:
    """Written under the new name before it goes under the old one; one that went is fine."""
    record = read(storage, address)
    if record is not None:
        write(storage, to, {**record, **changes})
        drop(storage, address)


def _parse(file: Path) -> Mapping[str, Any] | None:
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, FileNotFoundError, IsADirectoryError):
        return None
    wanted = {"cloud": str, "spec": dict, "metadata": dict, "fields": dict}
    sane = isinstance(record, dict) and all(
        isinstance(record.get(key), form) for key, form in wanted.items()
    )
    return record if sane else None


def write(storage: Path, address: Address, record: Mapping[str, Any]) -> None:
    """Atomically: a reader sees the old one or the new one, also after a crash."""
    file = path_of(storage, address)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    put(file, json.dumps(record, indent=1, sort_keys=True))


def drop(storage: Path, address: Address) -> None:
    file = path_of(storage, address)
    Path(f"{file}.part").unlink(missing_ok=True)
    file.unlink(missing_ok=True)
