"""Sandboxes, as far as no host is asked."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tiny_cloud import pytest_plugin
from tiny_cloud.api import Planned
from tiny_cloud.errors import Failure, Problems
from tiny_cloud.sandbox import Sandbox, images
from tiny_cloud.sandbox.clearing import MANIFEST
from tiny_cloud.sandbox.machine import free_ports
from tiny_cloud.sandbox.work import carry_out


def planned(apply: Callable[..., None]) -> Planned:
    return cast(Planned, SimpleNamespace(apply=apply))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_runs_comes_to_its_end_before_ctrl_c_is_raised(number: signal.Signals) -> None:
    said = []

    def apply(*, stopping: Callable[[], bool], patience: float) -> None:
        assert not stopping()
        signal.raise_signal(number)
        said.append("went on")
        assert stopping()
        raise Failure("disk/b: not started")

    with pytest.raises(KeyboardInterrupt):
        carry_out(planned(apply))
    assert said == ["went on"]


def test_without_it_a_failure_is_one() -> None:
    def apply(**_: Any) -> None:
        raise Failure("no room")

    with pytest.raises(Failure, match="no room"):
        carry_out(planned(apply))


def test_one_image_has_one_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    there = tmp_path / "a.qcow2"
    assert images.name_of("a.qcow2") == images.name_of(there) == images.name_of(
        {"source": {"path": os.fspath(there)}})
    assert images.name_of("a.qcow2") != images.name_of("b.qcow2")


def test_an_image_that_is_borrowed_is_not_made(tmp_path: Path) -> None:
    spec = {"external": True, "path": "/srv/a.qcow2", "format": "qcow2"}
    assert images.made(spec, tmp_path / "images", "") == spec
    assert not (tmp_path / "images").exists()


def test_what_was_refused_is_not_declared(tmp_path: Path) -> None:
    """The next call is not refused for its sake."""
    box = Sandbox("lab", tmp_path / "box", connect="test:///default")
    assert box.folder.stat().st_mode & 0o777 == 0o711
    with pytest.raises(Problems, match="there is no field memroy"):
        box.machine("web", memroy="64MiB")
    with pytest.raises(Problems, match=r"^documents\[0\]:3:11: there is no kind \"Dsk\""):
        box.declare({"kind": "Dsk", "metadata": {"name": "a"}})
    assert list(box.folder.iterdir()) == []


def test_ports_are_different() -> None:
    assert len(set(free_ports(50))) == 50


def test_what_cannot_be_cleared_away_stays_and_is_told(tmp_path: Path) -> None:
    (tmp_path / "main-1").mkdir()
    (tmp_path / "main-1" / MANIFEST).write_text("kind: Cloud")
    said: list[str] = []
    config = SimpleNamespace(
        stash={pytest_plugin.PLACE: tmp_path}, getini=lambda name: "",
        get_terminal_writer=lambda: SimpleNamespace(line=lambda text, red: said.append(text)))
    pytest_plugin.pytest_unconfigure(cast(pytest.Config, config))
    assert said[0].startswith(f"tinycloud: {tmp_path} stays: ") and "no apiVersion" in said[0]
    assert (tmp_path / "main-1").is_dir()
