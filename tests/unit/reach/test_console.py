"""tinycloud console: when there is none to be had. What one is like: integration/test_session."""

from __future__ import annotations

import os

import pytest
from lxml import etree
from msgspec.structs import replace

from tests.fake.host import FakeHost
from tests.unit.conftest import Run
from tiny_cloud.host import console
from tiny_cloud.reach import waiting

pytestmark = pytest.mark.usefixtures("connection")


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda descriptor: True)


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """How the console was opened; its other end closes it at once."""
    found: dict[str, object] = {}

    def attach(uri: str, domain: str, *, opened: object, **how: object) -> None:
        found.update(how, domain=domain)
        opened()  # type: ignore[operator]

    monkeypatch.setattr(console, "attach", attach)
    return found


def test_without_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda descriptor: descriptor != 1)
    code, _, err = run("console", "web")
    assert code == 1 and "a console takes a terminal\n    tinycloud logs -f" in err


def test_one_that_is_off(run: Run, window: None) -> None:
    code, _, err = run("console", "db")
    assert code == 1 and "virtualmachine/db is off\n    tinycloud start db" in err


def test_one_without_a_console(run: Run, window: None, host: FakeHost) -> None:
    facts = host.domain["lab-web"]
    root = etree.fromstring(facts.xml)
    for device in root.xpath("devices/serial | devices/console"):
        device.getparent().remove(device)
    xml = etree.tostring(root, encoding="unicode")
    host.domain["lab-web"] = replace(facts, xml=xml)
    code, _, err = run("console", "web")
    assert code == 1 and "virtualmachine/web has no serial console" in err


def test_it_says_which_key_leaves(
    run: Run, window: None, attached: dict[str, object]
) -> None:
    code, _, err = run("console", "web", "--force")
    assert code == 0
    assert err.startswith("The console of virtualmachine/web; Ctrl-] leaves it.")
    assert "Ended: the machine is off, or somebody else has taken its console." in err
    assert (attached["domain"], attached["force"]) == ("lab-web", True)


def test_a_signal_is_in_the_exit_code(
    run: Run, window: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "attach", lambda *_, **__: 15)
    code, _, err = run("console", "web")
    assert code == 143 and "Interrupted." in err


def test_one_that_is_waited_for(
    run: Run, window: None, host: FakeHost, attached: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "POLL", 0.01)
    looks = iter(range(9))

    def look(machine: object, goal: object) -> waiting.Look:
        return waiting.Look(next(looks) > 2, "")

    monkeypatch.setattr(waiting, "look_for", look)
    code, _, err = run("console", "db", "--wait")
    assert code == 0 and "virtualmachine/db is off: waits until it runs; Ctrl-C gives up." in err
    assert attached["domain"] == "lab-db" and next(looks) == 4
