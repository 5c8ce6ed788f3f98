"""tinycloud wait: each machine has all its time, and whoever is late is named with the reason."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from tests.fake.host import FakeHost
from tests.fake.libvirt import FakeLibvirt, device
from tests.unit.conftest import Run
from tests.unit.reach.conftest import with_agent
from tests.unit.reach.test_addresses import ARP, mac_of
from tiny_cloud.host import servers
from tiny_cloud.libvirt_xml import Forward
from tiny_cloud.reach import addresses, waiting
from tiny_cloud.reach.machines import Machine
from tiny_cloud.reach.waiting import Goal, Look


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "POLL", 0.01)
    monkeypatch.setattr(servers, "PATIENCE", 0.2)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield one


def greet(server: socket.socket, *greetings: bytes) -> None:
    """To one after the other who connects; b"": qemu's own network has nobody behind the port."""

    def talk() -> None:
        for greeting in greetings:
            with server.accept()[0] as one:
                one.sendall(greeting)

    threading.Thread(target=talk, daemon=True).start()


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


@pytest.mark.parametrize(("greeting", "fault"), [
    (b"SSH-2.0-OpenSSH_9.2\r\n", ""), (b"", "nobody answers behind it"),
    (b"220 smtp", "something else answers")])
def test_a_server_greets(server: socket.socket, greeting: bytes, fault: str) -> None:
    greet(server, greeting)
    assert servers.greeting_fault(("127.0.0.1", port_of(server)), b"SSH-") == fault


def test_a_server_that_says_nothing(server: socket.socket) -> None:
    where = ("127.0.0.1", port_of(server))
    assert servers.greeting_fault(where, b"SSH-") == "no answer within 0 seconds"


def test_a_port_where_nobody_listens(server: socket.socket) -> None:
    where = ("127.0.0.1", port_of(server))
    server.close()
    assert servers.greeting_fault(where, b"SSH-") == "Connection refused"


def test_each_has_a_deadline_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than run at once: those whose turn comes later have their time from then on. The first
    tiny_cloud gave one deadline to all."""
    monkeypatch.setattr(waiting, "AT_ONCE", 1)
    asked: dict[str, float] = {}

    def look(machine: Machine, goal: Goal) -> Look:
        began = asked.setdefault(str(machine), time.monotonic())
        return Look(machine != "late" and time.monotonic() - began > 0.1, "")

    outcomes = list(waiting.wait(["late", "a", "b"], Goal.IP, 0.3, look))  # type: ignore[list-item]
    assert [(one.machine, one.last.is_ready) for one in outcomes] == [
        ("late", False), ("a", True), ("b", True)]
    assert all(0.1 < one.seconds < 3 for one in outcomes)


def test_a_slow_one_takes_no_time_from_another() -> None:
    both = threading.Barrier(2, timeout=10)

    def look(machine: Machine, goal: Goal) -> Look:
        both.wait()  # each is asked while the other one is
        return Look(True, "")

    outcomes = waiting.wait(["a", "b"], Goal.SSH, 0, look)  # type: ignore[list-item]
    assert all(one.last.is_ready for one in outcomes)


def test_whoever_gives_up_waits_for_none() -> None:
    def look(machine: Machine, goal: Goal) -> Look:
        return Look(machine == "a", "")

    waits = waiting.wait(["a", "never"], Goal.IP, 3600, look)  # type: ignore[list-item]
    assert next(waits).machine == "a"
    waits.close()  # type: ignore[attr-defined]


def test_running(run: Run, host: FakeHost, connection: FakeLibvirt) -> None:
    code, out, err = run("wait", "*", "--for", "running", "--timeout", "0.05")
    assert code == 1
    assert out == "✓ virtualmachine/web  running  after 0 s: it runs\n"
    assert err == "✘ virtualmachine/db  running  not in 0.05 s: it is off\n"
    assert run("wait", "web", "--for", "running")[0] == 0


def test_one_that_comes_up_meanwhile(
    run: Run, host: FakeHost, connection: FakeLibvirt
) -> None:
    facts = host.domain["lab-db"]
    threading.Timer(0.3, host.domain.update, [
        {"lab-db": replace(facts, live_xml=facts.xml)}]).start()
    assert run("wait", "db", "--for", "running", "--timeout", "1m")[0] == 0


def test_an_address_that_somebody_has_seen(
    run: Run, host: FakeHost, connection: FakeLibvirt
) -> None:
    argv = ("wait", "web", "--for", "ip", "--timeout", "0")
    code, _, err = run(*argv)
    assert code == 1 and "this host has not heard of them" in err, "declared is not enough"
    mac = mac_of(host, "lab-web", "lan0")
    connection.told["lab-web", ARP] = {"vnet0": device(mac, "10.44.0.10/0")}
    code, out, _ = run(*argv)
    assert code == 0 and "ip  after 0 s: 10.44.0.10" in out


def test_the_agent(run: Run, host: FakeHost, connection: FakeLibvirt) -> None:
    argv = ("wait", "web", "--for", "agent", "--timeout", "0")
    code, _, err = run(*argv)
    assert code == 1 and "apt install qemu-guest-agent" in err
    with_agent(host, "lab-web")
    assert run(*argv)[0] == 0


def test_ssh_greets(run: Run, host: FakeHost, connection: FakeLibvirt, server: socket.socket,
                    monkeypatch: pytest.MonkeyPatch) -> None:
    """The first time sshd is not up yet, and qemu takes the connection all the same."""
    card = addresses.Card("out0", "", "user", (Forward(port_of(server), 22),))
    monkeypatch.setattr(Machine, "cards", [card])
    greet(server, b"", b"SSH-2.0-x\r\n")
    code, out, _ = run("wait", "web", "--for", "ssh", "--timeout", "20")
    assert code == 0 and f"ssh  after 0 s: 127.0.0.1:{port_of(server)}" in out
    server.close()
    code, _, err = run("wait", "web", "--for", "ssh", "--timeout", "0")
    assert code == 1 and f"{card.forwards[0].host_port}: Connection refused" in err


def test_one_that_goes_away_meanwhile_is_waited_for(
    run: Run, host: FakeHost, connection: FakeLibvirt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "host", FakeHost(host.cloud))
    code, _, err = run("wait", "web", "--for", "running", "--timeout", "0")
    assert code == 1 and "not in 0 s: cannot look at lab-web: Domain not found" in err


@pytest.mark.parametrize("argv", [
    ("wait", "web"), ("wait", "--for", "ip"), ("wait", "web", "--for", "login"),
    ("wait", "web", "--for", "ip", "--timeout", "soon")])
def test_what_cannot_be_waited_for(run: Run, argv: tuple[str, ...]) -> None:
    assert run(*argv)[0] == 64
