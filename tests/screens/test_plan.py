"""Plans, failures and what goes on, in windows of several widths (tests/screens/*.txt)."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import partial

import pytest
from rich.console import Console

from tests.screens import compare, seen
from tests.unit.cloud import IMAGE, WEB, fake_host, plan_for, settle
from tiny_cloud.errors import Failure, Problem, Span
from tiny_cloud.events import Amount, Event
from tiny_cloud.model import Address, Plan
from tiny_cloud.render import text
from tiny_cloud.render.live import Live

WIDTHS = (60, 100, 200)
DISKS = "- {name: root, image: debian, size: 4GiB}"
MORE = WEB.replace(DISKS, f"{DISKS}\n    - {{name: data, size: 20GiB, format: raw}}")


def changed() -> Plan:
    """An update, one that restarts, a replacement, one that is blocked, a new thing, a note."""
    host = fake_host()
    settle(host, IMAGE, MORE)
    now = (MORE.replace("512MiB", "1GiB").replace("4GiB}", "8GiB}")
           .replace("hostname: web", "hostname: www").replace("format: raw", "format: qcow2"))
    other = WEB.replace("name: web", "name: db").replace("hostname: web", "hostname: db")
    return plan_for(host, IMAGE.replace("bookworm", "trixie"), now, other,
                    restart=("virtualmachine/web",))


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_plan(columns: int, request: pytest.FixtureRequest) -> None:
    plan = changed()
    shown = seen(partial(text.show_plan, plan=plan), columns)
    compare(request, f"plan-{columns}", shown)
    assert words_of(shown) == words_of(piped(partial(text.show_plan, plan=plan)))


def piped(show: Callable[[Console], object]) -> str:
    stream = io.StringIO()
    show(Console(file=stream, width=30, soft_wrap=True))
    return stream.getvalue()


def words_of(shown: str) -> list[str]:
    """Wherever the lines break."""
    return shown.split()


def test_commands_are_whole_lines_in_any_window() -> None:
    """They are to be copied."""
    shown = piped(partial(text.show_plan, plan=changed(), commands=True))
    (create,) = (line for line in shown.splitlines()
                 if "qemu-img create" in line and "db-root" in line)
    assert re.search(r"\$ qemu-img create -f qcow2 .*/disks/db-root\.qcow2\.part \d+$", create)


def busy(console: Console) -> Live:
    """Two images come, one of unknown length, while a guest is edited."""
    clock = iter(float(second) for second in range(100))
    other = IMAGE.replace("name: debian", "name: alpine-with-a-long-name")
    live = Live(console, plan_for(fake_host(), IMAGE, other, WEB), clock=lambda: next(clock))
    for address in ("image/debian", "image/alpine-with-a-long-name", "guest/web"):
        live.show(Event("started", Address.parse(address), "up"))
    for done in (40, 60, 80):
        live.show(Event("progress", Address("image", "debian"), "up", "downloads",
                        amount=Amount(done << 20, 425 << 20)))
    for done in (1, 2):
        live.show(Event("progress", Address("image", "alpine-with-a-long-name"), "up",
                        "downloads", amount=Amount(done << 20)))
    live.show(Event("progress", Address("guest", "web"), "up", "starts the libguestfs appliance"))
    return live


@pytest.mark.parametrize("columns", (40, *WIDTHS))
def test_what_goes_on(columns: int, request: pytest.FixtureRequest) -> None:
    shown = seen(lambda console: console.print(busy(console)), columns)
    compare(request, f"busy-{columns}", shown)
    assert len(shown.splitlines()) == 4


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_failure(columns: int, request: pytest.FixtureRequest) -> None:
    event = Event(
        "failed", Address("image", "debian"), "up",
        "qemu-img failed (exit code 1): qemu-img: error while writing: No space left on device",
        "make room, or give the cloud another storage in its spec: the file system of "
        "/var/lib/tinycloud is full",
        "$ qemu-img convert -p -f raw -O qcow2 -- /var/lib/tinycloud/images/debian.download.part "
        "/var/lib/tinycloud/images/debian.part\nqemu-img: error while writing: No space left on "
        "device", "manifests/images.yaml:12:3")
    plan = plan_for(fake_host(), IMAGE)
    compare(request, f"failed-{columns}",
            seen(lambda console: Live(console, plan).show(event), columns))


def test_problems_and_failures_in_a_narrow_window(request: pytest.FixtureRequest) -> None:
    span = Span("manifests/web.yaml", 9, 7, "  disks: [{name: root, image: debain}]")
    problem = Problem("there is no Image debain, which the disk root of the machine web names",
                      span, "did you mean debian?")
    failure = Failure("libvirt does not answer at qemu:///system: Failed to connect socket",
                      "start it: systemctl start libvirtd")

    def show(console: Console) -> None:
        text.show_problems(console, [problem])
        text.show_failure(console, failure)

    compare(request, "problem-60", seen(show, 60))
