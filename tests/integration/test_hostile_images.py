"""Images that want to open other files, call somebody, or never come to an end; and sane ones."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.goals import scaled, seen
from tests.hostile import hostile, sane
from tests.hostile.canary import Canary
from tests.hostile.dice import tried
from tiny_cloud.errors import Failure
from tiny_cloud.events import Amount
from tiny_cloud.host import independent, inspect
from tiny_cloud.host.command import FOREIGN_CPU, FOREIGN_MEMORY
from tiny_cloud.host.imports import import_image
from tiny_cloud.steps import ImportImage
from tiny_cloud.support import READ

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
SEED = 20261123


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return sane.make(tmp_path_factory.mktemp("sane"))


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Canary]:
    with Canary(tmp_path) as made:
        yield made


def test_a_canary_sings(canary: Canary, tmp_path: Path) -> None:
    """qemu-img, left alone, opens what a descriptor names, and calls whom it names."""
    assert canary.sang() == []
    descriptor = tmp_path / "image"
    descriptor.write_text(f'{hostile.FLAT}RW 16 FLAT "{canary.file}" 0\n')
    for name, heard in ((descriptor, "opened"), (f"nbd://127.0.0.1:{canary.port}", "called")):
        # The port never answers.
        argv = ["timeout", "1", "qemu-img", "info", name]
        subprocess.run(argv, capture_output=True, check=False)
        assert set(canary.sang()) == {heard}


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a process for each look, which takes ten times as long as the look itself."""
    monkeypatch.setattr(inspect, "_independent",
                        lambda path, declared: independent.look(path, declared)[0])


@pytest.mark.goal(11)
@pytest.mark.usefixtures("at_once")
def test_every_sane_image_is_accepted(images: dict[str, Path], tmp_path: Path) -> None:
    def accepted(name: str) -> None:
        to = str(tmp_path / f"{name}.part")
        import_image(ImportImage(str(images[name]), sane.DECLARED.get(name, ""), to))
        form = images[name].suffix[1:]
        subprocess.run(["qemu-img", "compare", "-q", "-f", form, "-F", "qcow2", images[name], to],
                       check=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(accepted, images))
    assert {path.suffix[1:] for path in images.values()} == READ
    seen(11, "sane images of every format accepted, with the same content", len(images))


@pytest.mark.goal(11)
@pytest.mark.usefixtures("at_once")
def test_every_hostile_image_is_refused(
    images: dict[str, Path], canary: Canary, tmp_path: Path
) -> None:
    # What a reader trips over takes a process; test_hostile_cloud.py has it.
    cases = {name: case for name, case in hostile.every(canary).items()
             if case.said != hostile.TRIPS}

    def refused(name: str) -> str:
        """What is not as it should be."""
        case = cases[name]
        data = bytearray(images[case.of].read_bytes())
        case.change(data)
        image = tmp_path / f"{re.sub('[^a-z0-9]', '-', name.lower())}.img"
        image.write_bytes(data)
        try:
            import_image(ImportImage(str(image), case.declared, f"{image}.part"))
        except Failure as failure:
            said = failure.summary
            good = case.said.lower() in said.lower() and str(image) in said and "\n" not in said
            return "" if good else f"{name}: {said}"
        finally:
            image.unlink()
        return f"{name}: accepted"

    with ThreadPoolExecutor(2) as pool:
        wrong = list(filter(None, pool.map(refused, cases)))
    assert wrong == []
    assert canary.sang() == []
    assert os.listdir(tmp_path) == ["canary"]
    seen(11, "hostile images of every format refused, no file opened and nobody called",
         len(cases))


ODD = ("json:{'driver':'null-co'}", "nbd:127.0.0.1:9", "fat:rw:.", "ssh:x", "-f", "--", "a,b=c",
       "a\nb", "%s {0}", "\udcff", "host_device:x")


@pytest.mark.goal(11)
def test_a_name_is_never_more_than_a_name(images: dict[str, Path], tmp_path: Path) -> None:
    for number, name in enumerate(ODD):
        source = tmp_path / name
        source.symlink_to(images["qcow2"])
        to = f"{tmp_path}/{number}.part"
        import_image(ImportImage(str(source), "", to))
        subprocess.run(["qemu-img", "compare", "-q", "-f", "qcow2", "-F", "qcow2",
                        images["qcow2"], to], check=True)
    seen(11, "files with names that qemu takes for instructions, read as files", len(ODD))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.mknod(tmp_path / "device", 0o60600, os.makedev(7, 0))
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "round").symlink_to("round")
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(Failure, match=f"{path} (is not a regular file|cannot be read)"):
            import_image(ImportImage(str(path), "", f"{tmp_path}/base.part"))


def test_a_source_that_changes_meanwhile_is_not_published(
    images: dict[str, Path], tmp_path: Path
) -> None:
    source, to = tmp_path / "source", tmp_path / "base.part"
    source.write_bytes(images["qcow2"].read_bytes())
    before = source.stat()

    def meddle(done: Amount) -> None:
        """The same bytes, size and time of change, so that all but the kernel is deceived."""
        source.write_bytes(images["qcow2"].read_bytes())
        os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))

    with pytest.raises(Failure, match="was changed while it was read"):
        import_image(ImportImage(str(source), "", str(to)), meddle)
    assert not to.exists()


def test_a_source_that_is_another_one_by_now_is_not_published(
    images: dict[str, Path], tmp_path: Path
) -> None:
    to = tmp_path / "base.part"
    with pytest.raises(Failure, match=r"and not 0{64}, which it had when the plan was made"):
        import_image(ImportImage(str(images["qcow2"]), "", str(to), digest=f"sha256:{'0' * 64}"))
    assert not to.exists()


DICED = ("qcow2", "qcow2-v2", "qcow2-extended", "qcow", "vmdk", "vmdk-footed", "vmdk-split", "vdi",
         "vpc", "vhdx", "raw-gpt")


@pytest.mark.goal(12)
def test_no_header_costs_more_than_its_limits(images: dict[str, Path]) -> None:
    """Each seed is a case of its own: run it again with ``dice.tried``."""
    count = scaled(44, 2_000)
    jobs = [(str(images[DICED[seed % len(DICED)]]), "", seed)
            for seed in range(SEED, SEED + count)]
    # A process each, so that each counts the time of its own children alone.
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        outcomes = list(pool.map(tried, jobs))
    assert [one for one in outcomes if "\n" in one.said] == []
    assert max(one.cpu for one in outcomes) <= FOREIGN_CPU
    assert max(one.memory for one in outcomes) <= FOREIGN_MEMORY
    # Dice that always fall on the same side show nothing.
    refused = sum(bool(one.said) for one in outcomes)
    assert count // 10 < refused < count
    most = max(one.cpu for one in outcomes)
    seen(12, f"headers with random bytes and extreme words, {refused} refused, at most "
         f"{most:.1f} s of CPU", count, seed=SEED)
