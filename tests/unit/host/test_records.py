"""Records, digests and secrets: what is kept beside the things themselves."""

import errno
import os
import stat
from pathlib import Path

import pytest

from tiny_cloud.errors import Failure
from tiny_cloud.host import command, digest, records, secrets
from tiny_cloud.model import Address, Cloud, Secret

RECORD = {"cloud": "lab", "spec": {"size": 1}, "metadata": {}, "fields": {"size": 1}}
DATA = Address("disk", "web-data")


def test_a_record_comes_back_and_is_private(tmp_path: Path) -> None:
    records.write(tmp_path, DATA, RECORD)
    assert records.read_all(tmp_path) == {DATA: RECORD}
    (file,) = (tmp_path / "records").iterdir()
    assert file.name == "disk-web-data.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    records.drop(tmp_path, DATA)
    records.drop(tmp_path, DATA)
    assert records.read_all(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cloud": "lab"}', '{"cloud": 1, "spec": []}'])
def test_a_damaged_record_counts_as_lost(tmp_path: Path, text: str) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records/disk-web-data.json").write_text(text)
    assert records.read_all(tmp_path) == {}


def test_a_digest_is_of_the_content_and_remembered_by_identity(tmp_path: Path) -> None:
    file, cache = tmp_path / "file", tmp_path / "cache"
    file.write_text("abc")
    # FIPS 180-4's own example.
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest.sha256(str(file), cache) == known == digest.sha256(str(file), cache)
    file.write_text("abd")
    assert digest.sha256(str(file), cache) != known


def test_a_digest_lives_without_its_cache(tmp_path: Path) -> None:
    file, cache = tmp_path / "file", tmp_path / "cache"
    file.write_text("abc")
    cache.write_text("a file where the folder should be")
    assert digest.sha256(str(file), cache).startswith("ba7816bf")


def test_an_unreadable_source_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="there is no file"):
        digest.sha256(str(tmp_path / "nothing"), tmp_path)
    with pytest.raises(Failure, match="is a folder"):
        digest.sha256(str(tmp_path), tmp_path)


def test_secrets_from_files_lose_one_newline(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("pass word\n\n")
    assert secrets.resolve(Secret("file", str(file)), run_commands=False) == "pass word\n"


def test_secrets_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TCT_SECRET", "x")
    assert secrets.need(Secret("env", "TCT_SECRET")) == "x"
    monkeypatch.delenv("TCT_SECRET")
    with pytest.raises(Failure, match="the secret from env TCT_SECRET is not there"):
        secrets.need(Secret("env", "TCT_SECRET"))


def test_a_command_runs_only_when_commands_may(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[object] = []

    def run(argv: object, **_: object) -> bytes:
        ran.append(argv)
        return b"from pass\n"

    monkeypatch.setattr(command, "run", run)
    secret = Secret("command", ("pass", "show", "x"))
    assert secrets.resolve(secret, run_commands=False) is None and ran == []
    assert secrets.need(secret) == "from pass" and ran == [("pass", "show", "x")]


@pytest.mark.parametrize("text", ["", "a\nb", "a\x00b"])
def test_what_no_login_could_type_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "secret").write_text(text)
    with pytest.raises(Failure) as error:
        secrets.need(Secret("file", str(tmp_path / "secret")))
    assert not text or text not in str(error.value)



CANARY = "canary"


def test_what_can_be_no_secret_is_said_without_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "binary").write_bytes(CANARY.encode() + b"\xff")
    (tmp_path / "loop").symlink_to("loop")
    monkeypatch.setattr(command, "run", lambda *_, **__: CANARY.encode() + b"\xff")
    for secret, reason in (
        (Secret("file", str(tmp_path)), "cannot be read: Is a directory"),
        (Secret("file", str(tmp_path / "loop")), "cannot be read: "),
        (Secret("file", str(tmp_path / "binary")), "is not UTF-8 text"),
        (Secret("file", "/dev/zero"), "is too long to be one"),
        (Secret("command", ("pass", "show")), "is not UTF-8 text"),
    ):
        with pytest.raises(Failure, match=reason) as error:
            secrets.resolve(secret, run_commands=True)
        assert str(secret) in error.value.summary
        assert CANARY not in str(error.value)
        assert error.value.__context__ is None, "it holds the bytes"


def test_a_secret_below_a_file_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    secret = Secret("file", str(tmp_path / "file" / "below"))
    assert secrets.resolve(secret, run_commands=False) is None


def test_a_folder_and_what_is_not_text_count_as_lost_records(tmp_path: Path) -> None:
    records.write(tmp_path, DATA, RECORD)
    (tmp_path / "records/disk-a.json").mkdir()
    (tmp_path / "records/disk-b.json").write_bytes(b"\xff")
    (tmp_path / "records/disk-c.json").write_text("[" * 100_000)
    assert records.read_all(tmp_path) == {DATA: RECORD}


def test_records_that_may_not_be_read_are_not_taken_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the refusal is made up where the system would utter it."""
    records.write(tmp_path, DATA, RECORD)
    real = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("records"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(Failure, match="records may not be read"):
        records.read_all(tmp_path)


def test_records_that_are_no_folder_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "records").write_text("")
    with pytest.raises(Failure, match="records cannot be read: Not a directory"):
        records.read_all(tmp_path)


def test_any_other_refusal_of_a_source_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "loop", tmp_path / "file" / "below", tmp_path / ("x" * 300)):
        with pytest.raises(Failure, match="cannot be read: "):
            digest.sha256(str(path), tmp_path)


def test_a_damaged_note_of_a_digest_is_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("abc")
    right = digest.sha256(str(file), tmp_path)
    (note,) = (tmp_path / "digests").iterdir()
    note.write_text(note.read_text().replace("sha256", "md5"))
    assert digest.sha256(str(file), tmp_path) == right


def test_a_record_goes_on_under_another_name(tmp_path: Path) -> None:
    old, new = Address("disk", "old"), Address("disk", "new")
    records.write(tmp_path, old, {**RECORD, "kept": 1})
    for _ in range(2):
        records.move(tmp_path, old, new, {"cloud": "x"})
        assert records.read_all(tmp_path) == {new: {**RECORD, "kept": 1, "cloud": "x"}}


def test_recall_tolerates_whatever_is_there(tmp_path: Path) -> None:
    cloud, address = Cloud("lab", "qemu:///system", str(tmp_path)), Address("disk", "a")
    assert records.recall(cloud, address) == {}
    records.write(tmp_path, address, {**RECORD, "cloud": "lab"})
    assert records.recall(cloud, address)["cloud"] == "lab"
    assert records.recall(Cloud("other", "", str(tmp_path)), address) == {}
    records.path_of(tmp_path, address).write_text("{")
    assert records.recall(cloud, address) == {}
