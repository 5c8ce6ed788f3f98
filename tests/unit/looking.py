"""A cloud to look at: what is declared, a host in memory that has it, and the command line."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.fake.host import FakeHost
from tests.unit.cloud import CLOUD, IMAGE, WEB, fake_host, settle
from tiny_cloud import api

NET = """
kind: Network
metadata: {name: lab}
spec: {subnet: 10.44.0.0/24}
"""
MACHINE = WEB.replace("{name: web}", "{name: web, labels: {tier: front}}").replace(
    "user: {}, address: 10.0.2.15/24", "network: lab, address: 10.44.0.9")
OTHER = MACHINE.replace("web", "db").replace("44.0.9", "44.0.8").replace("front", "back")
BIGGER = MACHINE.replace("512MiB", "768MiB").replace("4GiB", "5GiB")


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (Path(__file__).parents[2] / f"schemas/{name}.json").read_text())
    return found


def declare(*documents: str) -> None:
    Path("manifests").mkdir(exist_ok=True)
    texts = [f"apiVersion: tinycloud/v1\n{textwrap.dedent(text).strip()}\n"
             for text in (CLOUD, *documents)]
    Path("manifests/all.yaml").write_text("---\n".join(texts))


def watched(monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    """What is declared first is there."""
    made = fake_host()
    monkeypatch.setattr(api.Workspace, "_snapshot", lambda *_: made)
    settle(made, IMAGE, NET, MACHINE)
    declare(IMAGE, NET, MACHINE)
    return made


def table(text: str) -> dict[str, list[str]]:
    """Rows by their name; cells are two blanks apart."""
    rows = [[cell.strip() for cell in line.split("  ") if cell] for line in text.splitlines()]
    return {row[0]: row[1:] for row in rows if row}
