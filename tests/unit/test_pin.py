"""tinycloud pin: digests are published ones, or of the bytes; the rest of a text stays."""

from __future__ import annotations

import hashlib
import io
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.unit.conftest import Run

IMAGE = b"an image\n" * 100_000
SHA256, SHA512 = hashlib.sha256(IMAGE).hexdigest(), hashlib.sha512(IMAGE).hexdigest()
MANIFEST = """\
# base images
apiVersion: tinycloud/v1
kind: Image
metadata: {{name: block}}
spec:
  source:
    format: raw
    url: {site}/debian.img   # the latest
---
apiVersion: tinycloud/v1
kind: Image
metadata: {{name: flow}}
spec: {{source: {{url: "{site}/debian.img", format: raw}}}}
---
apiVersion: tinycloud/v1
kind: Image
metadata: {{name: kept}}
spec: {{source: {{url: "{site}/other.img", sha256: {sha256}}}}}
---
apiVersion: tinycloud/v1
kind: Image
metadata: {{name: local}}
spec: {{source: {{url: "file:///srv/debian.img"}}}}
---
apiVersion: tinycloud/v1
kind: Disk
metadata: {{name: url}}
spec: {{size: 1GiB}}
"""


class Site(SimpleHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012

    def log_message(self, *_: object) -> None:
        Site.asked.append(self.path)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "debian.img").write_bytes(IMAGE)
    Site.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def written(site: str) -> str:
    text = MANIFEST.format(site=site, sha256=SHA256)
    Path("m.yaml").write_text(text)
    return text


def test_without_sums_the_image_is_read_once_and_the_text_stays(run: Run, site: str) -> None:
    before = written(site)
    code, out, err = run("pin", "m.yaml")
    assert (code, err) == (0, "")
    assert out == "".join(
        f"m.yaml:{line}: image/{name} sha256: {SHA256}  (from the download itself)\n"
        for line, name in (("8:10", "block"), ("13:22", "flow")))
    assert Path("m.yaml").read_text() == before.replace(
        "# the latest\n", f"# the latest\n    sha256: {SHA256}\n").replace(
        'debian.img", format', f'debian.img", sha256: {SHA256}, format')
    assert run("validate", "m.yaml")[0] == 0
    assert run("pin", "m.yaml") == (0, "", "Every image that is downloaded has a digest.\n")


@pytest.mark.parametrize(("name", "line", "algorithm", "digest"), [
    ("SHA512SUMS", f"{SHA512}  debian.img\n", "sha512", SHA512),
    ("SHA256SUMS", f"{SHA256} *debian.img\n", "sha256", SHA256),
    ("CHECKSUM", f"SHA256 (debian.img) = {SHA256}\n", "sha256", SHA256),
    ("debian.img.sha256", f"{SHA256}  debian.img\n", "sha256", SHA256),
    ("debian.img.sha512", f"{SHA512.upper()}\n", "sha512", SHA512),
])
def test_published_sums_are_believed_and_nothing_is_downloaded(
    run: Run, site: str, tmp_path: Path, name: str, line: str, algorithm: str, digest: str
) -> None:
    (tmp_path / "site" / name).write_text(line)
    written(site)
    code, out, _ = run("pin", "m.yaml")
    assert code == 0 and f"{algorithm}: {digest}  (from {site}/{name})" in out
    assert not [path for path in Site.asked if path == "/debian.img"]
    assert Path("m.yaml").read_text().count(f"{algorithm}: {digest}") == 2 + (digest == SHA256)


def test_declared_sums_give_way_to_their_digest(run: Run, site: str, tmp_path: Path) -> None:
    (tmp_path / "site" / "sums").write_text(f"{SHA512}  debian.img\n")
    head = "apiVersion: tinycloud/v1\nkind: Image\nmetadata: {name: a}\nspec:\n"
    text = head + f"  source:\r\n    sums: {site}/sums  # theirs\r\n    url: {site}/debian.img\r\n"
    Path("m.yaml").write_bytes(text.encode())
    code, out, _ = run("pin", "--check", "m.yaml")
    assert code == 1 and "image/a has sums, which may change, and no digest" in out
    assert run("pin", "m.yaml")[0] == 0
    assert Path("m.yaml").read_bytes().decode() == text.replace(
        f"sums: {site}/sums", f"sha512: {SHA512}")


def test_check_asks_nobody(run: Run, site: str) -> None:
    before = written(site)
    assert run("pin", "--check", "m.yaml") == (
        1, "m.yaml:8:10: image/block has no digest\nm.yaml:13:22: image/flow has no digest\n", "")
    assert Site.asked == [] and Path("m.yaml").read_text() == before


def test_what_cannot_be_had_is_said_and_the_rest_is_written(run: Run, site: str) -> None:
    text = written(site).replace("debian.img   #", "gone.img   #")
    Path("m.yaml").write_text(text)
    code, out, err = run("pin", "m.yaml")
    assert code == 1 and f"{site}/gone.img answers 404" in err
    assert "image/flow" in out and "image/block" not in out
    assert run("pin", "--check", "m.yaml")[1] == "m.yaml:8:10: image/block has no digest\n"


def test_sums_that_do_not_name_it_are_an_error_if_the_manifest_means_them(
    run: Run, site: str, tmp_path: Path
) -> None:
    (tmp_path / "site" / "SHA256SUMS").write_text(f"{SHA256}  other.img\n")
    text = "apiVersion: tinycloud/v1\nkind: Image\nmetadata: {{name: a}}\nspec: " \
           "{{source: {{url: '{0}/debian.img', sums: '{0}/SHA256SUMS'}}}}\n"
    Path("m.yaml").write_text(text.format(site))
    code, _, err = run("pin", "m.yaml")
    assert code == 1 and "SHA256SUMS does not name debian.img" in err


def test_nobody_answers(run: Run) -> None:
    written("http://127.0.0.1:9")
    code, _, err = run("pin", "m.yaml")
    assert code == 1 and "http://127.0.0.1:9/debian.img could not be downloaded" in err


def test_by_an_alias_it_is_written_where_the_source_stands(run: Run, site: str) -> None:
    head = "apiVersion: tinycloud/v1\nkind: Image\nmetadata: {name: "
    Path("m.yaml").write_text(
        f"kind: List\nitems:\n- {{apiVersion: tinycloud/v1, kind: Image, metadata: {{name: a}},\n"
        f"   spec: {{source: &s {{url: '{site}/debian.img'}}}}}}\n"
        "- {apiVersion: tinycloud/v1, kind: Image, metadata: {name: b}, spec: {source: *s}}\n---\n"
        f"{head}c, labels: {{u: &u '{site}/debian.img'}}}}\nspec: {{source: {{url: *u}}}}\n")
    code, out, err = run("pin", "m.yaml")
    assert code == 1 and "image/a sha256" in out and "image/b" not in out
    assert "the url of image/c stands elsewhere" in err and "image/c" not in out
    assert run("pin", "--check", "m.yaml")[1].count("\n") == 1


def test_what_comes_on_stdin_is_not_written(
    run: Run, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(MANIFEST.format(site=site, sha256=SHA256)))
    code, _, err = run("pin", "-")
    assert code == 1 and "what comes on stdin cannot be written" in err and Site.asked == []


@pytest.mark.parametrize("text", ["[]", "kind: Image", "kind: Image\nspec: 1", "spec: {source: 1}",
                                  "kind: Image\nmetadata: {}\nspec: {source: {url: 1}}"])
def test_manifests_that_are_wrong_lack_no_digest(run: Run, text: str) -> None:
    Path("m.yaml").write_text(text)
    assert run("pin", "--check", "m.yaml") == (0, "", "")
