"""What a guest gets whole: files and secrets, and how another content is noticed."""

from pathlib import Path

import pytest

from tiny_cloud.errors import Failure
from tiny_cloud.host import passwords
from tiny_cloud.host.guest_contents import LARGEST, contents_of, with_contents

KEY = "-----BEGIN KEY-----\n" + "x" * 2000


def test_contents_come_from_where_they_are_declared(tmp_path: Path) -> None:
    beside = tmp_path / "motd"
    beside.write_bytes(b"\xff\0")
    settings = {
        "files": [{"path": "/a", "content": "text"}, {"path": "/b", "source": str(beside)},
                  {"path": "/c", "secret": {"env": "KEY"}}],
        "firstBoot": [{"name": "run", "content": "#!/bin/sh\n"}],
    }
    contents = contents_of(settings, lambda reference: {"KEY": KEY}[reference["env"]])
    made = with_contents(settings, contents)
    assert [item["data"] for item in made["files"]] == [b"text", b"\xff\0", f"{KEY}\n".encode()]
    assert made["firstBoot"][0]["data"] == b"#!/bin/sh\n"
    # Of the secret the record gets a hash, and of a part of the settings no other part's content.
    assert set(contents.hashes) == {"files[/c].secret"} and "BEGIN" not in repr(contents)
    assert with_contents({"files": settings["files"][:1]}, contents)["files"] == made["files"][:1]


def test_another_content_does_not_fit_the_hash() -> None:
    kept = passwords.hash_content(KEY)
    assert passwords.verify(KEY, kept) and not passwords.verify(f"{KEY}y", kept)
    assert not passwords.verify(KEY, kept.removeprefix(passwords.DIGEST))


def test_a_file_that_is_missing_or_too_large_is_a_sentence(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(LARGEST + 1))
    for path, said in ((large, "larger than 1 MiB"), (tmp_path / "none", "cannot be read")):
        with pytest.raises(Failure, match=said):
            contents_of({"files": [{"path": "/a", "source": str(path)}]}, lambda _: "")
