"""What a person sees of plan and apply in a real terminal, with a real host behind it.

A server that sends and a ``qemu-img`` that converts no faster than the test wants stand still at
the moments that are looked at.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.integration.lab import TINYCLOUD, Lab
from tests.screens import compare
from tests.terminal import INTERRUPT, Terminal
from tiny_cloud.verbs.interrupts import CUTTING, ENDING

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SIZE = 4 << 20
SLOW = """#!/bin/sh
case "$*" in *convert*)
    if test -e {folder}/broken; then echo "qemu-img: broken on purpose" >&2; exit 1; fi
    until test -e {folder}/converts; do printf '    (25.00/100%%)\\r'; sleep 0.1; done;;
esac
exec /usr/bin/qemu-img "$@"
"""
HIDDEN = {
    r"(?m)^[0-9:]{8} ": "HH:MM:SS ",
    r"[0-9.]+[KM]iB/s": "SPEED",
    r"(?m) in( [0-9]+ (min|s)\b)+$": "",
    r"\b[0-9]+ s\b": "TIME",
    r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]": "*",
    r"(tcthscreen)-[0-9]+-\w+": r"\1",
    r"base-[0-9a-f]{12}": "base-KEY",
    r":[0-9]{5}/": ":PORT/",
}
"""What is another each time."""


@dataclass
class Place:
    """A lab whose image comes by HTTP, and the gates that hold it up."""

    lab: Lab
    gate: threading.Event = field(default_factory=threading.Event)
    content: bytes = b""

    def window(self, *argv: str, columns: int = 120, **env: str) -> Terminal:
        tools = self.lab.folder / "tools"
        path = {"PATH": f"{tools}:{os.environ['PATH']}"}
        return Terminal([TINYCLOUD, argv[0], "manifests", *argv[1:]], columns=columns, lines=30,
                        cwd=self.lab.folder, env={**path, **env})

    def converts(self) -> None:
        (self.lab.folder / "converts").touch()


@pytest.fixture
def place() -> Iterator[Place]:
    lab = Lab.make("tcthscreen")
    place = Place(lab)
    disk = lab.folder / "base.raw"
    disk.write_bytes(os.urandom(SIZE))
    place.content = disk.read_bytes()
    tools = lab.folder / "tools"
    tools.mkdir()
    (tools / "qemu-img").write_text(SLOW.format(folder=lab.folder))
    (tools / "qemu-img").chmod(0o755)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(place)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        lab.write("all", f"""
            kind: Image
            metadata: {{name: base}}
            spec:
              source:
                url: http://127.0.0.1:{server.server_port}/base.raw
                sha256: {hashlib.sha256(place.content).hexdigest()}
                format: raw
            ---
            apiVersion: tinycloud/v1
            kind: VirtualMachine
            metadata: {{name: web}}
            spec:
              cpus: 1
              memory: 32MiB
              stopTimeout: 1
              disks: [{{name: root, image: base, size: 8MiB}}]
        """)
        try:
            yield place
        finally:
            place.gate.set()
            server.shutdown()
            lab.clean()


def _handler(place: Place) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(SIZE))
            self.end_headers()
            self.wfile.write(place.content[:SIZE // 2])
            place.gate.wait(60)
            self.wfile.write(place.content[SIZE // 2:])

        def log_message(self, *_: object) -> None:
            return

    return Handler


def shown(request: pytest.FixtureRequest, name: str, text: str) -> None:
    compare(request, f"apply/{name}", text, HIDDEN)


def test_an_apply_in_a_window(place: Place, request: pytest.FixtureRequest) -> None:
    with place.window("apply") as window:
        window.wait_for("Do this?")
        shown(request, "plan", window.screen)
        assert window.style("+ image/base") == {"green", "bold"}
        window.type("y\n")
        window.wait_for(lambda screen: "2.0MiB of 4.0MiB" in screen and "left" in screen)
        shown(request, "download", below(window.screen))
        place.gate.set()
        window.wait_for(lambda screen: "converts" in screen and "25%" in screen)
        shown(request, "conversion", below(window.screen))
        place.converts()
        assert window.end() == 0
        shown(request, "done", below(window.text))
    place.lab.assert_settled()


def below(screen: str) -> str:
    """What came after the question."""
    return screen.partition("Do this?")[2].partition("\n")[2]


def test_what_does_not_come_to_its_end(place: Place, request: pytest.FixtureRequest) -> None:
    """A failure, Ctrl-C twice, Ctrl-C once, and then all of it; in windows and without one."""
    place.gate.set()
    broken = place.lab.folder / "broken"
    broken.touch()
    with place.window("apply", "--yes", columns=250) as window:
        assert window.end() == 1
        shown(request, "failed", after_plan(window.text))
    broken.unlink()

    with place.window("apply", "--yes", TERM="dumb") as window:
        window.wait_for("image/base is being created")
        convert(place)
        window.type(INTERRUPT)
        window.wait_for(ENDING)
        assert converting(place), "the first one reaches no tool"
        window.type(INTERRUPT)
        assert window.end() == 1
        assert not converting(place) and CUTTING in window.text
        assert "\x1b" not in window.raw.decode()
        shown(request, "cut-off", after_plan(window.text))

    with place.window("apply", "--yes", NO_COLOR="1") as window:
        window.wait_for("converts")
        window.type(INTERRUPT)
        window.wait_for(ENDING)
        shown(request, "stopping", after_plan(window.screen))
        place.converts()
        assert window.end() == 1
        shown(request, "stopped", after_plan(window.text))
        assert not re.search(rb"\x1b\[[0-9;]*3[0-9]", window.raw), "no colour"

    shown(request, "log", after_plan(place.lab.apply()))
    place.lab.assert_settled()


def test_a_window_that_is_closed_stops_it_as_ctrl_c_does(place: Place) -> None:
    place.gate.set()
    with place.window("apply", "--yes") as window:
        window.wait_for("converts")
        window.close()
        time.sleep(0.5)
        assert converting(place), "it reaches no tool"
        place.converts()
        deadline = time.monotonic() + 60
        while ended(place) is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    told = ended(place)
    assert told is not None and told[:4] == ["begin", "started", "done", "skipped"]
    place.lab.apply()
    place.lab.assert_settled()


def ended(place: Place) -> list[str] | None:
    """What the journal says of a run; None: it goes on."""
    lines = (place.lab.storage / "journal.jsonl").read_text().splitlines()
    told = [json.loads(line)["what"] for line in lines]
    return [what for what in told if what != "step"] if told[-1] == "end" else None


def after_plan(screen: str) -> str:
    return screen.partition("Plan: ")[2].partition("\n")[2]


def converting(place: Place) -> list[int]:
    """The processes of the slow tool, as the kernel lists them."""
    mine = str(place.lab.folder / "tools/qemu-img").encode()
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline")
            if mine in _read(path) and b"convert" in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has ended


def convert(place: Place) -> None:
    deadline = time.monotonic() + 30
    while not converting(place):
        assert time.monotonic() < deadline
        time.sleep(0.05)
