"""The command line in this process, for tests that need no host."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fake.host import FakeHost
from tiny_cloud import api, cli
from tiny_cloud.model import Cloud

Run = Callable[..., tuple[int, str, str]]
CANARY = "canary-4711"
"""The password that manifests of these tests take from the environment."""


@pytest.fixture
def in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeHost:
    """What the API plans on and carries out on, instead of this machine."""
    cloud = Cloud("lab", "qemu:///system", str(tmp_path / "storage"), declared=True)
    fake = FakeHost(cloud)
    fake.secret = {"PASSWORD": CANARY}
    monkeypatch.setenv("PASSWORD", CANARY)
    monkeypatch.setattr(api, "Libvirt", lambda *_, **__: None)
    monkeypatch.setattr(api, "Snapshot", lambda *_, **__: fake)
    monkeypatch.setattr(api, "Host", lambda *_: fake)
    return fake


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs a command line in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")

    def call(*argv: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tinycloud", *argv])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        said = capsys.readouterr()
        return code, said.out, said.err

    return call
