"""``tinycloud init``: a repository to begin with. What is there already is never touched."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from msgspec import Struct

from tiny_cloud.errors import Failure
from tiny_cloud.schema import editors
from tiny_cloud.texts import SUFFIXES

MANIFESTS = "manifests"
SECRET = f"{MANIFESTS}/secrets/root.txt"
SCHEMA = "schemas/tinycloud.json"
FILES = {
    f"{MANIFESTS}/cloud.yaml": ("cloud.yaml", "whose things these are"),
    f"{MANIFESTS}/debian-12.yaml": ("debian-12.yaml", "an image to begin with"),
    f"{MANIFESTS}/web.yaml": ("web.yaml", "a small machine"),
    f"{MANIFESTS}/secrets/.gitignore": ("secrets-gitignore", "keeps secrets out of git"),
    SECRET: ("", "root's password, made up just now"),
    ".gitignore": ("gitignore", "what git does not see"),
    "README.md": ("README.md", "for whoever comes next"),
    ".gitlab-ci.yml": ("gitlab-ci.yml", "GitLab shows a merge request's plan"),
    ".github/workflows/tinycloud.yml": ("github-workflow.yml", "GitHub the same"),
    ".editorconfig": ("editorconfig", "indentation in any editor"),
    ".vscode/settings.json": ("vscode-settings.json", "manifests are completed and checked"),
    ".vscode/extensions.json": ("vscode-extensions.json", "what VS Code needs for that"),
    ".pre-commit-config.yaml": ("pre-commit-config.yaml", "checks before each commit"),
    SCHEMA: ("", "what editors know of manifests"),
}
"""Path: the file in this folder (none: it is made up), and what it is for."""
FALLBACK = "homelab"


class Written(Struct, frozen=True):
    path: str
    text: str
    """What it is for."""
    made: bool
    """False: something is there, and stays as it is."""


def cloud_name(folder: Path) -> str:
    """After the folder, as far as that makes a name."""
    words = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    return words[:63].rstrip("-") or FALLBACK


def begin(folder: Path) -> Iterator[Written]:
    """Write what is not there, one by one. Raises Failure if that cannot be done.

    Where there are manifests already, those of the example are left out."""
    cloud, inhabited = cloud_name(folder), _has_manifests(folder / MANIFESTS)
    for path, (source, text) in FILES.items():
        if inhabited and path.startswith(f"{MANIFESTS}/") and not path.endswith(".gitignore"):
            continue
        content = _content(path, source).replace("@CLOUD@", cloud)
        yield Written(path, text, make(folder / path, content, secret=path == SECRET))


def _has_manifests(folder: Path) -> bool:
    return any(one.suffix in SUFFIXES for one in folder.rglob("*")) if folder.is_dir() else False


def _content(path: str, source: str) -> str:
    if path == SECRET:
        return secrets.token_urlsafe(12) + "\n"
    if path == SCHEMA:
        return json.dumps(editors.any_kind(), indent=1, ensure_ascii=False) + "\n"
    return (files(__name__) / source).read_text(encoding="utf-8")


def make(path: Path, content: str, *, secret: bool = False) -> bool:
    """Whether it was not there. A secret is for its owner's eyes from the first byte on. Raises
    Failure."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with open(os.open(path, flags, 0o600 if secret else 0o666), "w", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        if path.is_dir() or not path.parent.is_dir():
            raise Failure(f"{path} cannot be written: something else is in its place",
                          "name another folder") from None
        return False
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}",
                      "name a folder that is yours to write") from error
    return True
