"""Images from a path and from a URL, through the command line, with real qemu-img and real HTTP."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.lab import Lab, digest
from tests.integration.servers.http import serving

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

MIB = 1 << 20


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the URL it is served at."""
    with serving(tmp_path) as url:
        yield tmp_path, url


def make(file: Path, form: str) -> Path:
    """8 MiB, of which the second holds something."""
    raw = file.with_suffix(".tmp")
    with raw.open("wb") as stream:
        stream.truncate(8 * MIB)
        stream.seek(MIB)
        stream.write(os.urandom(MIB))
    argv = ["qemu-img", "convert", "-f", "raw", "-O", form, str(raw), str(file)]
    subprocess.run(argv, check=True)
    raw.unlink()
    return file


def same(one: Path, form: str, other: Path) -> bool:
    argv = ["qemu-img", "compare", "-f", form, "-F", "qcow2", str(one), str(other)]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def declare(lab: Lab, source: str) -> None:
    lab.write("image", f"""
        kind: Image
        metadata: {{name: base}}
        spec:
          source: {source}
    """)


def published(lab: Lab) -> Path:
    (image,) = (path for path in (lab.storage / "images").iterdir())
    return image


@pytest.mark.parametrize("form", ["qcow2", "raw", "vdi"])
def test_a_path_in_any_format_is_converted_once(
    form: str, tmp_path: Path, lab: Callable[[str], Lab]
) -> None:
    cloud, source = lab("tctpath"), make(tmp_path / "source", form)
    declare(cloud, f"{{path: {source}, format: {form}}}")
    cloud.apply()
    cloud.assert_settled()
    image = published(cloud)
    assert same(source, form, image)
    assert stat.S_IMODE(image.stat().st_mode) == 0o444


def test_a_url_with_its_digest(site: tuple[Path, str], lab: Callable[[str], Lab]) -> None:
    folder, url = site
    source, cloud = make(folder / "base.qcow2", "qcow2"), lab("tcturl")
    declare(cloud, f"{{url: {url}/base.qcow2, sha256: {digest(source)}}}")
    cloud.apply()
    cloud.assert_settled()
    assert same(source, "qcow2", published(cloud))


def test_a_url_with_a_published_sums_file(
    site: tuple[Path, str], lab: Callable[[str], Lab]
) -> None:
    folder, url = site
    source, cloud = make(folder / "base.qcow2", "qcow2"), lab("tctsums")
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  other.qcow2\n{digest(source)}  base.qcow2\n")
    declare(cloud, f"{{url: {url}/base.qcow2, sums: {url}/SHA256SUMS}}")
    cloud.apply()
    cloud.assert_settled()
    assert same(source, "qcow2", published(cloud))


def test_a_wrong_digest_leaves_nothing_behind(
    site: tuple[Path, str], lab: Callable[[str], Lab]
) -> None:
    folder, url = site
    make(folder / "base.qcow2", "qcow2")
    cloud = lab("tctwrong")
    declare(cloud, f"{{url: {url}/base.qcow2, sha256: {'0' * 64}}}")
    said = cloud.apply(expect=1)
    assert "0" * 64 in said
    assert list((cloud.storage / "images").iterdir()) == []


def test_an_image_changed_behind_our_back_is_not_built_upon(
    tmp_path: Path, lab: Callable[[str], Lab]
) -> None:
    cloud, source = lab("tctbroken"), make(tmp_path / "source", "qcow2")
    declare(cloud, f"{{path: {source}, format: qcow2}}")
    cloud.apply()
    with published(cloud).open("r+b") as stream:
        stream.seek(0, os.SEEK_END)
        stream.write(b"x")
    cloud.write("disk", """
        kind: Disk
        metadata: {name: data}
        spec: {image: base}
    """)
    said = cloud.apply(expect=1)
    assert "was changed after it was published" in said
    assert "disk/data" in said and "it waits for image/base" in said
    assert not (cloud.storage / "disks").exists()


def test_an_overlay_smaller_than_its_image_is_refused_with_its_line(
    tmp_path: Path, lab: Callable[[str], Lab]
) -> None:
    cloud, source = lab("tctsmall"), make(tmp_path / "source", "qcow2")
    declare(cloud, f"{{path: {source}, format: qcow2}}")
    cloud.write("disk", """
        kind: Disk
        metadata: {name: data}
        spec: {image: base, size: 4MiB}
    """)
    said = cloud.apply(expect=1)  # the image's size is known only once it is there
    assert "8MiB" in said and "4MiB" in said
    said = cloud.run("plan", expect=1)
    assert "disk.yaml:4:" in said and "smaller than its image, which has 8MiB" in said


def test_a_source_that_is_not_there_is_said_with_its_line(lab: Callable[[str], Lab]) -> None:
    cloud = lab("tctnone")
    declare(cloud, "{path: /nonexistent/base.qcow2}")
    said = cloud.run("plan", expect=1)
    assert "image.yaml:5:" in said and "there is no file /nonexistent/base.qcow2" in said


def test_a_source_may_go_once_the_image_is_made(
    tmp_path: Path, lab: Callable[[str], Lab]
) -> None:
    cloud, source = lab("tctlost"), make(tmp_path / "base.qcow2", "qcow2")
    declare(cloud, f"{{path: {source}}}")
    cloud.apply()
    source.unlink()
    cloud.write("disk", """
        kind: Disk
        metadata: {name: root}
        spec: {image: base}
    """)
    said = cloud.apply()
    assert f"there is no file {source}: what was made of it before stays" in said
    cloud.assert_settled()
    for verb in ("status", "verify"):
        cloud.run(verb)
    cloud.run("destroy", "--yes", "--delete-data", "*")
    assert "there is no file" in cloud.run("plan", expect=1)


def test_destroy_needs_no_source(tmp_path: Path, lab: Callable[[str], Lab]) -> None:
    cloud, source = lab("tctgone"), make(tmp_path / "source", "qcow2")
    declare(cloud, f"{{path: {source}, format: qcow2}}")
    cloud.apply()
    source.unlink()
    cloud.run("destroy", "--yes", "--delete-data", "image/*")
    assert list((cloud.storage / "images").iterdir()) == []
