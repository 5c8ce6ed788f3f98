"""What the tests with real parts share: libvirt, and images of Debian built by tinycloud itself."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.integration.lab import Lab

START = Path(__file__).parents[2] / "scripts/start-libvirt"


@pytest.fixture(scope="session", autouse=True)
def libvirtd() -> Iterator[None]:
    """libvirt with the distribution's own configuration; only what is started here is ended."""
    started = [daemon for daemon in ("libvirtd", "virtlogd") if subprocess.run(
        ["pgrep", "-x", daemon], capture_output=True, check=False).returncode]
    subprocess.run([START], check=True, capture_output=True)
    yield
    if "PYTEST_XDIST_WORKER" in os.environ:
        return  # the other worker's tests may go on
    for daemon in started:
        subprocess.run(["pkill", "-x", daemon], check=True)


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Lab]]:
    """Makes clouds that are gone after the test."""
    labs: list[Lab] = []

    def make(name: str) -> Lab:
        labs.append(Lab.make(name))
        return labs[-1]

    yield make
    for one in labs:
        one.clean()


IMAGES = {
    # With ifupdown, as Debian's own installer leaves it.
    "debian": "openssh-server, sudo",
    # With cloud-init and netplan, as the cloud images of Debian have them.
    "debian-cloud": "openssh-server, cloud-init, netplan.io",
}


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Bootable images of Debian 12, built by tinycloud itself, side by side; they are read-only.

    Tests that run side by side share them: who asks first builds, who leaves last clears away."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, users = shared / "images", shared / "images.users"
    with _locked(users):
        if not folder.is_symlink():
            lab = _built()
            folder.symlink_to(lab.folder)
        lab = Lab("tctimages", folder.resolve())
        users.write_text(users.read_text() + "+")
    files = sorted((lab.storage / "images").iterdir(), key=lambda path: len(path.name))
    yield dict(zip(IMAGES, files, strict=True))
    with _locked(users):
        users.write_text(users.read_text()[1:])
        if not users.read_text():
            folder.unlink()
            lab.clean()


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _built() -> Lab:
    with ExitStack() as unless_done:
        lab = Lab.make("tctimages")
        unless_done.callback(lab.clean)
        for name, packages in IMAGES.items():
            lab.write(name, f"""
                kind: Image
                metadata: {{name: {name}}}
                spec: {{source: {{debootstrap: {{suite: bookworm, packages: [{packages}]}}}}}}
            """)
        _leave_over(lab, "image/debian")
        lab.apply()
        lab.assert_settled()
        unless_done.pop_all()
    return lab


def _leave_over(lab: Lab, image: str) -> None:
    """What a build that was killed leaves: neither a part nor its scratch may be in the way."""
    commands = lab.plan()[image]["commands"]
    (part,) = re.findall(r"mv --no-clobber (\S+)", " ".join(commands))
    Path(part).parent.mkdir(parents=True)
    for ending in ("", ".root"):
        Path(part + ending).write_text("left over")
    Path(f"{part}.tree").mkdir()


@pytest.fixture(scope="session")
def debian(images: dict[str, Path]) -> Path:
    return images["debian"]


@pytest.fixture(scope="session")
def debian_cloud(images: dict[str, Path]) -> Path:
    return images["debian-cloud"]


@pytest.fixture(autouse=True)
def _no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    for name in [name for name in os.environ if name.startswith("TINYCLOUD_")]:
        monkeypatch.delenv(name)
