"""What people and programs get to see of a plan."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from tests.fake.host import FakeHost
from tests.unit.cloud import IMAGE, WEB, carry_out, fake_host, plan_for, settle
from tiny_cloud.errors import Failure, Problem, Span
from tiny_cloud.events import Event
from tiny_cloud.model import Action, Address, Change, Cloud, FieldDiff, Note, Plan
from tiny_cloud.render import text
from tiny_cloud.render.json import dumps
from tiny_cloud.render.live import Live

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas/plan.json").read_text())


def screen(plan: Plan, **options: Any) -> str:
    stream = io.StringIO()
    text.show_plan(Console(file=stream, width=100, soft_wrap=True), plan, **options)
    return stream.getvalue()


def running() -> FakeHost:
    host = fake_host()
    settle(host, IMAGE, WEB)
    return host


@pytest.mark.parametrize(
    ("edit", "consents"),
    [
        (("", ""), {}),
        (("512MiB", "1GiB"), {}),
        (("hostname: web", "hostname: www"), {}),
        (("hostname: web", "hostname: www"), {"restart": ("virtualmachine/web",)}),
        (("4GiB", "8GiB"), {}),
    ],
)
def test_every_plan_is_valid_json(edit: tuple[str, str], consents: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    plan = plan_for(running(), IMAGE, WEB.replace(*edit), **consents)
    jsonschema.validate(json.loads(dumps(plan)), SCHEMA)


def test_a_new_cloud_as_json() -> None:
    document = json.loads(dumps(plan_for(fake_host(), IMAGE, WEB)))
    jsonschema.validate(document, SCHEMA)
    assert [change["action"] for change in document["changes"]] == ["create"] * 4
    disk = document["changes"][1]
    assert {"field": "size", "old": None, "new": 4 << 30, "impact": "none"} in disk["fields"]
    assert any(command.startswith("qemu-img create -f qcow2 -b") for command in disk["commands"])


def test_no_changes_in_one_sentence() -> None:
    assert screen(plan_for(running(), IMAGE, WEB)).endswith(
        "No changes: the host is as the manifests say.\n"
    )


def test_a_change_shows_old_and_new_in_peoples_units_and_its_cost() -> None:
    shown = screen(plan_for(running(), IMAGE, WEB.replace("512MiB", "1GiB")))
    assert "~ virtualmachine/web  [at next boot]" in shown
    assert "memory: 512MiB → 1GiB" in shown
    assert shown.endswith("Plan: 1 to change.\n")


def test_a_blocked_change_names_the_flag() -> None:
    shown = screen(plan_for(running(), IMAGE, WEB.replace("hostname: web", "hostname: www")))
    assert "blocked: virtualmachine/web runs and would have to restart" in shown
    assert "to allow it: --restart virtualmachine/web" in shown
    assert shown.endswith("Plan: 1 blocked.\n")


def test_commands_are_what_a_person_would_type() -> None:
    shown = screen(plan_for(fake_host(), IMAGE, WEB), commands=True)
    for line in ("$ mmdebstrap", "$ qemu-img create", "$ virsh define", "$ virsh start lab-web"):
        assert line in shown


def test_no_secret_is_shown() -> None:
    host = fake_host()
    plan = plan_for(host, IMAGE, WEB)
    assert "hunter2" not in screen(plan, commands=True) + dumps(plan)
    carry_out(host, plan)
    host.secret["PASSWORD"] = "swordfish"
    plan = plan_for(host, IMAGE, WEB)
    assert "swordfish" not in screen(plan, commands=True) + dumps(plan)
    assert "users.root.password" in screen(plan)


def test_a_problem_shows_its_line_with_a_caret() -> None:
    stream = io.StringIO()
    span = Span("web.yaml", 4, 9, "  cpus: two")
    text.show_problems(
        Console(file=stream, width=60, soft_wrap=True), [Problem("wrong", span, "write 2")]
    )
    assert stream.getvalue().splitlines() == [
        "web.yaml:4:9: wrong",
        "      cpus: two",
        "            ^",
        "    write 2",
    ]


def test_control_and_bidirectional_characters_are_made_visible() -> None:
    assert text.clean("a\x1b[31m\u202eb\x00") == "a\\u001b[31m\\u202eb\\u0000"


NO_PLAN = Plan(Cloud("test", "test:///default", "/nowhere"), (), (), ())
HOSTILE = "a\x1b[31m\u202e\n[bold]Plan: nothing.yaml"


def lines(show: Callable[[Console], None]) -> list[str]:
    stream = io.StringIO()
    show(Console(file=stream, width=200, soft_wrap=True))
    return stream.getvalue().splitlines()


def test_of_very_many_problems_the_first_hundred_are_shown() -> None:
    shown = lines(lambda console: text.show_problems(
        console, [Problem(f"number {number} is wrong") for number in range(5_000)]))
    assert shown[99:] == ["number 99 is wrong", "… and 4900 more problems"]


def test_a_files_name_cannot_write_lines_of_its_own() -> None:
    shown = lines(lambda console: text.show_problems(
        console, [Problem(f"{HOSTILE} is wrong", Span(HOSTILE, 1, 3, "\u202ea b"), HOSTILE)]))
    said = "a\\u001b[31m\\u202e\\n[bold]Plan: nothing.yaml"
    assert shown == [
        f"{said}:1:3: {said} is wrong",
        "    \\u202ea b",
        "           ^",
        f"    {said}",
    ]


def test_neither_can_anything_in_a_plan() -> None:
    diff = FieldDiff(HOSTILE, HOSTILE, (HOSTILE,))
    change = Change(Address("disk", HOSTILE), Action.UPDATE, (diff,), because=(HOSTILE,),
                    blocked=HOSTILE, allow=HOSTILE)
    note = Note(Address("disk", HOSTILE), HOSTILE)
    plan = Plan(Cloud(HOSTILE, HOSTILE, HOSTILE), (change,), (note,), ())
    shown = lines(lambda console: text.show_plan(console, plan))
    assert len(shown) == 9 and "\x1b" not in "".join(shown)
    assert sum(line.startswith("Plan: ") for line in shown) == 1
    assert sum("[bold]" in line for line in shown) == 5


def test_nor_in_an_event_or_a_failure() -> None:
    for what in ("started", "done", "skipped", "failed"):
        event = Event(what, Address("disk", HOSTILE), "up", HOSTILE)
        assert len(lines(lambda console, event=event: Live(console, NO_PLAN).show(event))) == 1
    assert len(lines(lambda console: text.show_failure(console, Failure(HOSTILE)))) == 1


def test_a_failure_names_its_thing_once() -> None:
    event = Event("failed", Address("guest", "web"), "up", text="guest/web: no system was found")
    shown = lines(lambda console: Live(console, NO_PLAN, now=lambda: "09:05:03").show(event))
    assert shown == ["09:05:03 ✘ guest/web: no system was found"]


def test_a_disk_that_was_not_there_is_no_reason() -> None:
    host = running()
    more = WEB.replace("size: 4GiB}", "size: 4GiB}\n    - {name: more, size: 1GiB}")
    assert "because" not in screen(plan_for(host, IMAGE, more))


def test_what_grows_while_its_machine_is_off_is_not_said_to_be_live() -> None:
    host = running()
    other = WEB.replace("name: web}", "name: www, renamedFrom: web}").replace("4GiB", "5GiB")
    shown = screen(plan_for(host, IMAGE, other, restart=("virtualmachine/www",)))
    assert "disk/www-root renamed from web-root  [restarts www]" in shown


def test_a_replacement_is_the_reason_of_what_follows_from_it() -> None:
    host = running()
    other = WEB.replace("size: 4GiB}", "size: 4GiB, encryption: {secret: {env: PASSWORD}}}")
    shown = screen(plan_for(host, IMAGE, other, replace=("disk/*",), restart=("virtualmachine/*",)))
    assert "± disk/web-root  [destroys data]" in shown
    assert "guest/web  because disk/web-root is replaced" in shown
    assert shown.endswith("Restarts web. Destroys data of disk/web-root.\n")


def test_many_names_are_not_all_told() -> None:
    machines = [WEB.replace("name: web}", f"name: web-{n}}}") for n in range(7)]
    host = fake_host()
    settle(host, IMAGE, *machines)
    later = [text.replace("hostname: web", "hostname: www") for text in machines]
    shown = screen(plan_for(host, IMAGE, *later, restart=("virtualmachine/*",)))
    assert "Restarts web-0, web-1, web-2, web-3, web-4 and 2 more.\n" in shown


def test_a_mapping_and_nothing_are_shown_as_people_write_them() -> None:
    assert text.words("virtualmachine", "x", '{"guest":22,"host":"h"}') == "{guest: 22, host: h}"
    assert text.words("virtualmachine", "x", "{no json") == "{no json"
    assert [text.words("virtualmachine", "x", value) for value in ("", (), None)] == ["(none)"] * 3
