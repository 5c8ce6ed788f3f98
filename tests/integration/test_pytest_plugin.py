"""The pytest plugin, with pytest's own means to run it, on real libvirt.

The machines have no system: they start in a second.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.lab import end_all, virsh

pytest_plugins = ["pytester"]
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PREFIX = "tctnplug"
PLACE = Path("/var/tmp")
MINE = """
    from pathlib import Path
    import time

    SMALL = dict(memory="64MiB", accel="tcg", disks=[dict(name="data", size="8MiB")])

    def told(tinycloud):
        with Path("told").open("a") as stream:
            print(tinycloud.name, file=stream)
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.Pytester]:
    """A folder for tests of somebody else's; afterwards nothing of theirs is left."""
    # pytester gives them a home of their own; whether KVM works here is known in ours.
    monkeypatch.setenv("XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME", f"{Path.home()}/.cache"))
    pytester.makeini(f"[pytest]\ntinycloud_name = {PREFIX}\n")
    yield pytester
    domains, folders = ours(), list(PLACE.glob(f"{PREFIX}-*"))
    end_all(PREFIX)
    for folder in folders:
        shutil.rmtree(folder)
    assert (domains, folders) == ([], [])


def ours() -> list[str]:
    names = virsh("list", "--all", "--name").split()
    return [name for name in names if name.startswith(f"{PREFIX}-")]


def told(inner: pytest.Pytester) -> list[str]:
    file = inner.path / "told"
    return file.read_text().split() if file.exists() else []


def test_each_test_has_machines_of_its_own(inner: pytest.Pytester) -> None:
    """And all stand on one image, which is made once."""
    inner.makepyfile(MINE + """
    def names(tinycloud):
        with __import__("contextlib").closing(__import__("libvirt").open()) as connection:
            return {one.name() for one in connection.listAllDomains()}

    def image(tinycloud):
        (file,) = (tinycloud.shared / "images").glob("*.qcow2")
        return str(file.stat().st_ino)

    def test_one(tinycloud):
        told(tinycloud)
        web, db = tinycloud.machines("web", "db", image="blank.raw", guest=None, **SMALL)
        Path("inode").write_text(image(tinycloud))
        assert (web.name, db.name) == ("web", "db")
        assert tinycloud.look().get("vm/web").running
        assert names(tinycloud) >= {f"{tinycloud.name}-web", f"{tinycloud.name}-db"}

    def test_another(tinycloud):
        told(tinycloud)
        tinycloud.machine("web", image="blank.raw", guest=None, **SMALL)
        assert Path("inode").read_text() == image(tinycloud)
        assert not any(name.startswith(Path("told").read_text().split()[0])
                       for name in names(tinycloud))

    def test_shared(tinycloud_session):
        tinycloud_session.machine("web", **SMALL)
        tinycloud_session.declare(
            {"kind": "Disk", "metadata": {"name": "more"}, "spec": {"size": "1MiB"}})

    def test_shared_again(tinycloud_session):
        seen = tinycloud_session.look()
        assert seen.get("vm/web").running and seen.get("disk/more")
    """)
    (inner.path / "blank.raw").write_bytes(bytes(1 << 20))
    result = inner.runpytest_subprocess()
    result.assert_outcomes(passed=4)
    one, another = told(inner)
    assert one != another


def test_a_failure_is_told_in_the_words_of_the_plan(inner: pytest.Pytester) -> None:
    inner.makepyfile(MINE + """
    def test_slip(tinycloud):
        tinycloud.machine("web", memroy="64MiB")

    def test_blocked(tinycloud):
        tinycloud.machine("web", **SMALL)
        tinycloud.machine("web", **{**SMALL, "disks": [
            dict(name="data", size="8MiB", format="raw")]})

    def test_no_way_in(tinycloud):
        tinycloud.machine("web", **SMALL).run("uname")
    """)
    result = inner.runpytest_subprocess()
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines([
        '>       tinycloud.machine("web", memroy="64MiB")',
        "E       tiny_cloud.errors.Problems: documents[[]0[]]:11:5: there is no field memroy in "
        "VirtualMachine.spec (did you mean memory?)",
        "E       tiny_cloud.outcome.Incomplete: disk/web-data is blocked: *",
        "E       --replace disk/web-data",
        '>       tinycloud.machine("web", *SMALL).run("uname")',
        "E       tiny_cloud.errors.Failure: web has no way in",
        "E       give it an image, and no interfaces",
    ])
    result.stdout.no_fnmatch_line("*tiny_cloud/*.py*")


def test_ctrl_c_leaves_nothing(inner: pytest.Pytester) -> None:
    """In the tests of two workers, each with a cloud that is named after it."""
    inner.makepyfile(MINE + """
    import pytest

    @pytest.mark.parametrize("number", [1, 2])
    def test_long(tinycloud, number):
        tinycloud.machine("web", **SMALL)
        told(tinycloud)
        time.sleep(120)
    """)
    with (inner.path / "said").open("w") as said:
        child = subprocess.Popen([sys.executable, "-m", "pytest", "-n", "2"], cwd=inner.path,
                                 stdout=said, stderr=said)
        deadline = time.monotonic() + 120
        while len(told(inner)) < 2:
            assert time.monotonic() < deadline and child.poll() is None
            time.sleep(0.1)
        assert sorted(name.split("-")[2] for name in told(inner)) == ["gw0", "gw1"]
        assert len(ours()) == 2
        child.send_signal(signal.SIGINT)
        assert child.wait(120) == pytest.ExitCode.INTERRUPTED, (inner.path / "said").read_text()
