"""Exit codes and the words around them; the work itself is tested elsewhere."""

import errno
import json
import re
import sys
from pathlib import Path

import pytest

from tests.input.test_generated import form
from tests.unit.conftest import Run
from tiny_cloud import api, journal
from tiny_cloud.errands.leftovers import Leftover
from tiny_cloud.errors import Failure
from tiny_cloud.model import Address
from tiny_cloud.steps import Remove

GOOD = """\
apiVersion: tinycloud/v1
kind: Disk
metadata: {name: data}
spec: {size: 1GiB}
"""
MACHINE = """\
apiVersion: tinycloud/v1
kind: VirtualMachine
metadata: {name: web}
spec: {cpus: 1, memory: 64MiB}
"""

def test_usage_errors_exit_64(run: Run) -> None:
    assert run("frobnicate")[0] == 64
    assert run("plan", "--no-such-flag")[0] == 64
    Path("manifests").mkdir()
    Path("manifests/a.yaml").write_text(GOOD)
    code, _, err = run("plan", "--prune", "--target", "disk/data")
    assert code == 64 and "--prune" in err


def test_validate_says_what_is_wrong_and_where(run: Run) -> None:
    Path("bad.yaml").write_text(GOOD.replace("size:", "sizes:"))
    code, out, err = run("validate", "bad.yaml")
    assert (code, out) == (1, "")
    assert "bad.yaml:4:8: there is no field sizes in Disk.spec" in err
    assert "did you mean size?" in err


def test_validate_of_good_manifests(run: Run) -> None:
    Path("manifests").mkdir()
    Path("manifests/a.yaml").write_text(GOOD)
    code, out, err = run("validate")
    assert (code, err) == (0, "")
    assert "valid" in out


def test_without_a_folder_of_manifests(run: Run) -> None:
    code, _, err = run("plan")
    assert code == 1 and "there is no folder manifests here" in err


def test_a_stopped_libvirt_is_one_sentence_and_what_to_run(run: Run) -> None:
    Path("a.yaml").write_text(MACHINE)
    code, _, err = run("plan", "a.yaml", "--connect", "qemu+unix:///system?socket=/nonexistent")
    assert code == 1
    assert "libvirt does not answer" in err and "Traceback" not in err


def test_what_changes_something_refuses_to_guess(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a.yaml").write_text(GOOD)

    def applied(*_: object, **__: object) -> None:
        raise AssertionError("applied without being asked")

    monkeypatch.setattr(api.Planned, "applying", applied)
    code, _, err = run("apply", "a.yaml", "--connect", "test:///default", "--storage", "s")
    assert code == 1 and "--yes" in err


def test_detailed_exitcode_is_2_for_changes(run: Run) -> None:
    Path("a.yaml").write_text(GOOD)
    argv = ("plan", "a.yaml", "--connect", "test:///default", "--storage", "s")
    assert run(*argv)[0] == 0
    assert run(*argv, "--detailed-exitcode")[0] == 2
    assert not Path("s").exists(), "plan wrote something"


def test_a_failure_is_shown_with_what_the_program_said(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Failure("it went wrong", "mend it", "the program's own words")

    monkeypatch.setattr(api.Workspace, "plan", fail)
    Path("a.yaml").write_text(GOOD)
    code, _, err = run("plan", "a.yaml")
    assert code == 1
    assert err.splitlines() == ["it went wrong", "    the program's own words", "    mend it"]


HERE = ("a.yaml", "--connect", "test:///default", "--storage", "s")


@pytest.mark.parametrize("value", ["web", "vm/", "/web", "", "web*"])
@pytest.mark.parametrize("flag", ["--restart", "--delete-data", "--target"])
def test_a_consent_without_its_kind_is_a_usage_error(run: Run, flag: str, value: str) -> None:
    code, _, err = run("plan", "nothing.yaml", flag, value)
    assert code == 64 and f"{flag} {value}: write KIND/NAME" in err


@pytest.mark.parametrize(
    ("flag", "value", "hint"),
    [
        ("--replace", "disk/dta", "did you mean disk/data?"),
        ("--delete-data", "vm/web", "there are: disk/data"),
        ("--adopt", "nothing/x", "there are: disk/data"),
    ],
)
def test_an_address_that_nothing_has_is_an_error(
    run: Run, monkeypatch: pytest.MonkeyPatch, flag: str, value: str, hint: str
) -> None:
    def applied(*_: object, **__: object) -> None:
        raise AssertionError("applied all the same")

    monkeypatch.setattr(api.Planned, "applying", applied)
    Path("a.yaml").write_text(GOOD)
    code, out, err = run("apply", *HERE, "--yes", flag, value)
    assert (code, out) == (1, "")
    assert f"{flag} " in err and "there is nothing of that name" in err and hint in err


def test_one_target_of_two_that_nothing_has_is_an_error(run: Run) -> None:
    Path("a.yaml").write_text(GOOD)
    code, _, err = run("plan", *HERE, "--target", "disk/data", "--target", "disk/dta")
    assert code == 1 and "--target disk/dta: there is nothing of that name" in err


def test_patterns_may_match_nothing_and_what_is_declared_is_known(run: Run) -> None:
    Path("a.yaml").write_text(GOOD)
    consents = ("--restart", "vm/*", "--adopt", "*", "--replace", "disk/data")
    code, _, err = run("plan", *HERE, *consents)
    assert (code, err) == (0, "")


def test_what_the_system_refuses_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error", "/srv/[bold]x")

    monkeypatch.setattr(api.Workspace, "plan", refuse)
    Path("a.yaml").write_text(GOOD)
    code, _, err = run("plan", "a.yaml")
    assert (code, err) == (1, "/srv/[bold]x: Input/output error\n")


def test_a_reader_that_left_is_no_error_to_talk_about(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def left(*_: object, **__: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(api.Workspace, "plan", left)
    Path("a.yaml").write_text(GOOD)
    for name in ("stdout", "stderr"):  # click wraps them: to be undone afterwards
        monkeypatch.setattr(sys, name, getattr(sys, name))
    assert run("plan", "a.yaml") == (1, "", "")


@pytest.fixture
def no_volumes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiny_cloud.host.lvm.volumes", dict)


def thrown_away(name: str) -> Path:
    Path("a.yaml").write_text(GOOD)
    path = Path("s/trash", name)
    path.parent.mkdir(parents=True)
    path.write_text("x")
    return path


@pytest.mark.usefixtures("no_volumes")
def test_purge_shows_names_as_they_are(run: Run) -> None:
    path = thrown_away("[bold]a\x1b:smile:\nb")
    code, out, _ = run("purge", *HERE, "--yes")
    (line,) = out.splitlines()
    assert code == 0 and "/s/trash/[bold]a\\u001b:smile:\\nb  " in line
    assert not path.exists()


@pytest.mark.usefixtures("no_volumes")
def test_purge_does_nothing_while_somebody_holds_the_cloud(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "PATIENCE", 0.0)
    path = thrown_away("disk")
    with journal.locked(Path("s"), "tinycloud apply"):
        code, _, err = run("purge", *HERE, "--yes")
    assert code == 1 and "another run holds" in err and path.exists()


@pytest.mark.usefixtures("no_volumes")
def test_purge_of_what_was_never_there_makes_nothing(run: Run) -> None:
    Path("a.yaml").write_text(GOOD)
    assert run("purge", *HERE)[:2] == (0, "The trash is empty.\n")
    assert not Path("s").exists()


@pytest.mark.parametrize(("words", "seconds"), [
    ((), 3), (("--lock-timeout", "90s"), 90), (("--lock-timeout", "1.5m"), 90),
    (("--lock-timeout", "0"), 0)])
def test_how_long_to_wait_for_another_run(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], seconds: float
) -> None:
    """gc is any verb that takes the lock; so does purge, in its own way."""
    waited: list[float] = []

    def wait(self: api.Planned, *, patience: float, **_: object) -> list[object]:
        waited.append(patience)
        return []

    monkeypatch.setattr(api.Planned, "applying", wait)
    Path("a.yaml").write_text(GOOD)
    code, out, _ = run("apply", *HERE, "--yes", *words)
    assert (code, waited) == (0, [seconds])
    assert "another run has done it meanwhile" in out


def test_a_time_that_is_none_is_a_usage_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("soon", "-1s", "1e3", "5 d"):
        code, _, err = run("gc", "--lock-timeout", wrong)
        assert code == 64 and "write 30s, 5m or 1h" in err
    monkeypatch.setenv("TINYCLOUD_LOCK_TIMEOUT", "soon")
    assert run("purge")[0] == 64


LEFT = [Leftover(Address("file", "disks/\x1bx.qcow2.part"), "what made it was cut off",
                 (Remove("/x"),)),
        Leftover(Address("disk", "data"), "it is half done", (), "the next apply finishes it")]


@pytest.mark.parametrize("left", [[], LEFT])
def test_what_is_left_is_named_with_its_remedy(
    run: Run, monkeypatch: pytest.MonkeyPatch, left: list[Leftover]
) -> None:
    monkeypatch.setattr(api.Workspace, "leftovers", lambda self: left)
    storage = Path.cwd() / "s"
    (storage / "trash").mkdir(parents=True)
    Path("a.yaml").write_text(GOOD)
    words = ("status", "a.yaml", "--storage", str(storage))
    code, out, err = run(*words)
    assert (code, err) == (2 if left else 0, "")
    assert ("All is well" in out) == (not left) and "trash" not in out
    if left:
        assert re.search(r"file/disks/\\u001bx\.qcow2\.part +what made it was cut off +"
                         r"tinycloud repair removes it", out)
        assert re.search(r"disk/data +it is half done +the next apply finishes it", out)
    (storage / "trash/old").write_bytes(bytes(8192))
    (storage / "journal.jsonl").write_text(
        '{"what": "begin", "command": "tinycloud apply", "pid": 1, "user": "ann", "time": "T"}\n')
    code, out, _ = run(*words)
    assert code == (2 if left else 0)
    assert "Cut off: tinycloud apply (process 1 of ann, since T)." in out
    assert "In the trash: 8.0KiB, until tinycloud purge." in out
    told = json.loads(run(*words, "--json")[1])
    form("status").validate(told)
    assert told["cutOff"].startswith("tinycloud apply (") and told["trash"] == 8192
    assert [one["removable"] for one in told["left"]] == [bool(one.steps) for one in left]
    with journal.locked(storage, "tinycloud gc"):
        code, out, _ = run(*words)
    assert code == 0 and "At work: tinycloud gc (process" in out
    assert "All is well" not in out and "half done" not in out, "what is being made is not left"
