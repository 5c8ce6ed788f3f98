"""tinycloud start, stop and restart: which machines, which steps, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.fake.host import FakeHost
from tests.unit.conftest import Run
from tiny_cloud import api, journal
from tiny_cloud.steps import Shutdown, Start, Step


def running(host: FakeHost) -> dict[str, bool]:
    return {name: bool(facts.live_xml) for name, facts in host.domain.items()}


@pytest.mark.parametrize(("argv", "steps"), [
    (("start", "db"), [Start("lab-db")]),
    (("start", "vm/db", "web", "virtualmachine/db"), [Start("lab-db")]),
    (("stop", "web"), [Shutdown("lab-web", 7)]),
    (("stop", "*", "--force-off"), [Shutdown("lab-web", 7, force=True)]),
    (("restart", "web"), [Shutdown("lab-web", 7), Start("lab-web")]),
    (("restart", "vm/*"), [Shutdown("lab-web", 7), Start("lab-web"), Start("lab-db")]),
    (("restart", "[wd]?b", "--force-off"),
     [Shutdown("lab-web", 7, force=True), Start("lab-web")]),
])
def test_what_is_done(run: Run, host: FakeHost, argv: tuple[str, ...], steps: list[Step]) -> None:
    code, _, err = run(*argv, "--yes")
    assert code == 0, err
    # The machines do not wait for each other; what is done to one has its order.
    for name in host.domain:
        def of(some: list[Step], name: str = name) -> list[Step]:
            return [step for step in some if getattr(step, "name", "") == name]
        assert of(host.performed) == of(steps)


def test_all_of_a_group_are_stopped(run: Run, host: FakeHost) -> None:
    """The first tiny_cloud returned after its first machine."""
    assert run("start", "db", "--yes")[0] == 0
    code, out, _ = run("stop", "web", "db", "--yes")
    assert code == 0 and "Done: 2 changes." in out
    assert running(host) == {"lab-web": False, "lab-db": False}


def test_one_that_does_not_stop_keeps_no_other_from_it(run: Run, host: FakeHost) -> None:
    run("start", "db", "--yes")
    host.fails = lambda step: step == Shutdown("lab-web", 7)
    code, _, err = run("stop", "*", "--yes")
    assert code == 1 and "virtualmachine/web" in err
    assert running(host) == {"lab-web": True, "lab-db": False}


def test_one_that_fails_to_stop_is_not_started(run: Run, host: FakeHost) -> None:
    host.fails = lambda step: isinstance(step, Shutdown)
    assert run("restart", "web", "--yes")[0] == 1
    assert host.performed == []


def test_what_the_next_apply_goes_back_to_is_said(run: Run, host: FakeHost) -> None:
    _, out, _ = run("stop", "web", "--yes")
    assert ("virtualmachine/web: its manifest says running: true, so that the next apply starts it "
            "again") in out
    _, out, _ = run("start", "db", "--yes")
    assert "its manifest says running: false, so that the next apply stops it again" in out
    _, out, _ = run("start", "web", "--yes")
    assert "its manifest" not in out
    code, out, _ = run("plan", "--detailed-exitcode")
    assert code == 2 and "running: true → false" in out


def test_what_is_so_already_is_no_change(run: Run, host: FakeHost) -> None:
    assert run("start", "web")[:2] == (0, "virtualmachine/web: it runs already\n")
    assert run("stop", "db")[:2] == (0, "virtualmachine/db: it is off already\n")
    code, out, _ = run("stop", "*", "--yes")
    assert code == 0 and "virtualmachine/db: it is off already" in out
    assert running(host) == {"lab-web": False, "lab-db": False}


def test_what_nobody_declares_and_we_own(run: Run, host: FakeHost, tmp_path: Path) -> None:
    manifest = tmp_path / "manifests/all.yaml"
    cloud, *_ = manifest.read_text().split("---\n")
    manifest.write_text(cloud)
    code, out, _ = run("stop", "web", "--yes")
    assert code == 0 and "its manifest" not in out
    assert host.performed == [Shutdown("lab-web", 7)], "the record knows its stopTimeout"


def test_a_machine_without_a_definition_is_gone_once_it_is_off(run: Run, host: FakeHost) -> None:
    host.domain["lab-web"] = replace(host.domain["lab-web"], persistent=False)
    _, out, _ = run("stop", "web", "--yes")
    assert "it has no definition: stopped, it is gone until the next apply" in out


def test_nobody_is_asked_where_nobody_is(run: Run, host: FakeHost) -> None:
    code, out, err = run("stop", "web")
    assert code == 1 and "running: true → false" in out and "--yes" in err
    assert host.performed == []


def test_what_a_person_would_type(run: Run, host: FakeHost) -> None:
    _, out, _ = run("restart", "web", "--commands", "--force-off")
    assert "$ virsh shutdown lab-web  # waits 7 s, then virsh destroy" in out
    assert "$ virsh start lab-web" in out


@pytest.mark.parametrize(("argv", "code", "said"), [
    (("stop", "wep"), 1, "did you mean virtualmachine/web?"),
    (("stop", "web", "nothing-*"), 1, "there is no virtualmachine called nothing-*"),
    (("stop", "disk/web-root"), 64, "write virtualmachine/NAME, or the name alone"),
    (("stop",), 64, "Missing argument"),
    (("start", "web", "--force-off"), 64, "--force-off"),
])
def test_what_is_not_meant(
    run: Run, host: FakeHost, argv: tuple[str, ...], code: int, said: str
) -> None:
    found, _, err = run(*argv, "--yes")
    assert (found, said in err) == (code, True), err
    assert host.performed == []


def test_it_is_told_in_the_journal_and_waits_for_others(
    run: Run, host: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with journal.locked(tmp_path / "storage", "tinycloud apply"):
        code, _, err = run("stop", "web", "--yes", "--lock-timeout", "0")
    assert code == 1 and "another run holds" in err
    monkeypatch.setattr(api.execution, "apply", lambda *_, **__: iter(()))
    run("stop", "web", "--yes")
    assert '"tinycloud stop web --yes"' in (tmp_path / "storage/journal.jsonl").read_text()
