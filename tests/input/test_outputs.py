"""Nothing that is printed or kept holds a control character, whoever wrote it, and all that is JSON
has the form that its schema says (goal 14)."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import yaml as manifest_yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tests.goals import scaled, seen
from tests.input.naughty import BIDIRECTIONAL, CONTROLS, NAUGHTY, SURROGATES
from tests.input.test_generated import form, printable, show
from tests.unit.cloud import IMAGE, WEB, fake_host, load
from tiny_cloud import cli, journal
from tiny_cloud.apply import apply
from tiny_cloud.errors import Failure, Problem, Span
from tiny_cloud.events import Amount, Event
from tiny_cloud.history import Deed, Told
from tiny_cloud.insides import Drift, Inside
from tiny_cloud.inventory import Layer, Status, Thing, documents
from tiny_cloud.kinds.guest import Guest
from tiny_cloud.model import Action, Address, Change, Cloud, FieldDiff, Impact, Note, Observed, Plan
from tiny_cloud.render import description, inside, listing, tables, text, unified, yaml
from tiny_cloud.render import history as pictures
from tiny_cloud.render import json as as_json
from tiny_cloud.render.live import Live
from tiny_cloud.steps import Run
from tiny_cloud.verification import Finding, Verdict

DECLARED = load(IMAGE, WEB).resources[::-1]
WHAT = ("started", "step", "done", "failed", "skipped", "progress")
EXAMPLES = scaled(30, 2_000)
hostile = st.one_of(
    st.sampled_from((*CONTROLS, *BIDIRECTIONAL, *SURROGATES, *NAUGHTY)),
    st.text(st.characters(), max_size=20))
"""What a host may say: names of files and of other people's machines, what tools print, a guest's
console. A name of a file that is no UTF-8 has lone surrogates (PEP 383)."""
addresses = st.builds(Address, st.sampled_from(("disk", "guest", "network")), st.just("a"))
events = st.builds(
    Event, st.sampled_from(WHAT), addresses, st.sampled_from(("down", "up", "seal")), hostile,
    hostile, hostile, hostile, st.sampled_from((None, Amount(0), Amount(1, 2))))
spans = st.builds(Span, hostile, st.integers(1, 9), st.integers(1, 9), hostile)


@st.composite
def plans(draw: Callable[..., str]) -> Plan:
    word = partial(draw, hostile)
    change = Change(
        draw(addresses), Action.UPDATE,
        (FieldDiff(word(), word(), word(), Impact.LIVE), FieldDiff("names", (word(),), None)),
        because=(word(),), blocked=word(), allow=word(), former=draw(addresses),
        up=(Run(("echo", word())),), span=draw(spans))
    cloud = Cloud(word(), word(), f"/{word()}")
    return Plan(cloud, (change,), (Note(draw(addresses), word() or "a"),), ())


@pytest.mark.goal(14)
@settings(max_examples=EXAMPLES)
@given(plans())
def test_plans(plan: Plan) -> None:
    show(partial(text.show_plan, plan=plan, commands=True))
    form("plan").validate(json.loads(printable(as_json.dumps(plan))))


@pytest.mark.goal(14)
@settings(max_examples=EXAMPLES)
@given(events)
def test_events(event: Event) -> None:
    def live(console: Console) -> None:
        with Live(console, Plan(Cloud("a", "b", "/c"), (), (), ())) as follower:
            follower.show(event)

    show(live)
    told = json.loads(printable(as_json.event_line(event)))
    form("event").validate(told)
    assert told.get("text", "") == event.text


@pytest.mark.goal(14)
@settings(max_examples=EXAMPLES)
@given(st.builds(Problem, hostile, spans, hostile), st.builds(Failure, hostile, hostile, hostile))
def test_errors(problem: Problem, failure: Failure) -> None:
    show(partial(text.show_problems, problems=[problem]))
    show(partial(text.show_failure, failure=failure))


@pytest.mark.goal(14)
@settings(max_examples=EXAMPLES)
@given(st.lists(hostile, min_size=2, max_size=2), st.builds(Inside, hostile, st.tuples(st.builds(
    Drift, hostile, hostile.map("/{}".format), st.tuples(hostile), st.tuples(hostile)))))
def test_tables_and_what_is_inside_of_guests(row: list[str], found: Inside) -> None:
    show(partial(tables.show, head=("A", "B"), rows=[row]))
    guest = next(item for item in load(IMAGE, WEB).resources if isinstance(item, Guest))
    finding = Finding(guest, Verdict.DRIFTED, row[0], found, row[1], row[0], (row[1],))
    show(partial(inside.show, found=[finding]))
    form("verify").validate(json.loads(printable(inside.dumps([finding]))))


@pytest.mark.goal(14)
@settings(max_examples=EXAMPLES)
@given(hostile, st.sampled_from(list(Status)), st.sampled_from(list(Action)))
def test_what_there_is(word: str, status: Status, action: Action) -> None:
    """Labels, what libvirt calls things, what fields are, files that disks stand on."""
    machine, disk = (item for item in DECLARED if item.KIND in ("VirtualMachine", "Disk"))
    diff = FieldDiff("memory", word, 1 << 30)
    seen = Observed({"memory": 1, "size": word}, domain=word, users=(word,), pending=(word,),
                    held=word, identity=word, notes=(word,))
    layers = (Layer(word, word, word, 1, 1), Layer(word, word, str(disk.address)))
    things = [Thing(replace(item, metadata={"name": "a", "labels": {word: word}}), status, seen,
                    (diff,), action, word, word, (word,), layers) for item in (machine, disk)]
    known = {one.resource.address: one for one in things}
    told = Told(word, word, 1, word, word, {word: Deed(word, [word], [], [word], "failed", word)})
    for one in things:
        show(partial(description.show, thing=one, everything=known, runs=[told]))
    show(partial(listing.show, things=things, wide=True))
    found = documents.listed(things)
    form("get").validate(json.loads(printable(json.dumps(found))))
    assert manifest_yaml.safe_load(printable(yaml.dumps(found))) == found
    show(partial(pictures.show, runs=[told], commands=True))
    change = Change(machine.address, Action.UPDATE, (diff,), observed=seen)
    plan = Plan(Cloud(word, word, "/s"), (change,), (), ())
    show(partial(unified.show, plan=plan, resources={machine.address: machine}))


@pytest.mark.goal(14)
@pytest.mark.parametrize("name", [*CONTROLS[2:], *BIDIRECTIONAL, *SURROGATES])
def test_names_of_files_in_errors(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise OSError(errno.EIO, "Input/output error", name)

    monkeypatch.setattr(cli, "cli", fail)
    with pytest.raises(SystemExit):
        cli.main()
    assert printable(capsys.readouterr().err).endswith("Input/output error\n")


@pytest.mark.goal(14)
def test_an_apply_keeps_a_journal_of_the_form_that_its_schema_says(tmp_path: Path) -> None:
    """A failure of a tool that says whatever it wants, too."""
    from tests.unit.cloud import plan_for

    host = fake_host()
    host.fails = lambda step: type(step).__name__ == "Define"
    wanted = plan_for(host, IMAGE, WEB)
    with journal.locked(tmp_path, "tinycloud apply \x1b[2J") as book:
        for event in apply(wanted, host, parallel=1):
            book.event(event)
            form("event").validate(json.loads(as_json.event_line(event)))
        for hostile_text in (*CONTROLS, *BIDIRECTIONAL):
            book.event(Event("failed", Address("disk", "a"), "up", *[hostile_text] * 4))
    for line in (tmp_path / "journal.jsonl").read_text().splitlines():
        form("journal").validate(json.loads(printable(line)))
    seen(14, "plans, events, errors, tables, verdicts and journals of whatever a host may say",
         5 * EXAMPLES)
