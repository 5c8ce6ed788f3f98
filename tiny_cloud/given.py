"""Documents that are handed over instead of read from files: YAML text, or Python's own data."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from tiny_cloud.errors import Problem, Problems

Given: TypeAlias = Mapping[str, Any] | str | Iterable[Mapping[str, Any] | str]
"""Each is one document as dicts and lists, or a text that may hold several."""


def texts(documents: Given) -> dict[str, str]:
    """YAML by what messages call it: ``documents[0]``. A single document is one of one.

    Data goes through JSON, which is YAML 1.2 as well (yaml.org/spec/1.2.2, 1.2): so there is one
    reader with one set of limits, and a message shows the very line, counted as
    ``json.dumps(…, indent=2)`` writes them. Raises Problems for what no manifest can hold.
    """
    found: dict[str, str] = {}
    problems: list[Problem] = []
    alone = isinstance(documents, str | Mapping)
    for number, document in enumerate([documents] if alone else documents):
        name = f"documents[{number}]"
        try:
            found[name] = document if isinstance(document, str) else _written(document)
        except (TypeError, ValueError, RecursionError) as error:
            problems.append(Problem(f"{name} is no manifest: {error}", None, "build it of dicts, "
                                    "lists, texts, numbers, paths, True, False and None"))
    if problems:
        raise Problems(problems)
    return found


def _written(document: object) -> str:
    if not isinstance(document, Mapping):
        raise TypeError(f"it is {type(document).__name__}, not a mapping")
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)


def _plain(value: object) -> object:
    """What JSON has no word for, and manifests do."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"there is a {type(value).__name__} in it")
