"""A machine's disks on the network: planned, changed, let go of, with their passwords."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.fake.host import FakeHost
from tests.unit.cloud import brief, carry_out, destroy_for, fake_host, load, plan_for, settle
from tiny_cloud import probe
from tiny_cloud.errors import Problems
from tiny_cloud.facts import DomainFacts
from tiny_cloud.libvirt_xml import remotes
from tiny_cloud.model import Impact, Plan
from tiny_cloud.steps import AttachDevice, DefineSecret, DetachDevice, Start, UndefineSecret

TARGET = "iqn.2026-01.org.example:web"
ISCSI = f"iscsi: {{host: san, target: {TARGET}, lun: 1, auth: {{user: web, secret: {{env: KEY}}}}}}"
NBD = "nbd: {host: san, export: web}"
RBD = "rbd: {monitors: [mon], pool: rbd, image: web, auth: {user: web, secret: {env: KEY}}}"


def web(*disks: str, more: str = "", name: str = "web") -> str:
    items = "".join(f"\n    - {{name: d{at}, {disk}}}" for at, disk in enumerate(disks))
    return (f"kind: VirtualMachine\nmetadata: {{name: {name}}}\nspec:\n  cpus: 1\n  memory: 1GiB\n"
            f"  disks:{items or ' []'}\n{more}")


@pytest.fixture
def host() -> FakeHost:
    host = fake_host()
    host.secret["KEY"] = "canary"
    return host


def disk(host: FakeHost) -> remotes.Remote | None:
    (found,) = etree.fromstring(host.domain["lab-web"].xml).iterfind("devices/disk")
    return remotes.read(found)


def steps(plan: Plan, kind: type) -> list[int]:
    """The places of the steps of this kind among those of the machine."""
    (change,) = plan.changes
    return [at for at, step in enumerate(change.up) if isinstance(step, kind)]


@pytest.mark.parametrize("words", [ISCSI, NBD, RBD, "nbd: {socket: /run/nbd.sock}",
                                   f"{NBD}, format: qcow2"])
def test_a_machine_is_made_with_it_and_settles(host: FakeHost, words: str) -> None:
    plan = settle(host, web(words))
    assert brief(plan) == ["+ virtualmachine/web"]
    assert len(host.libvirt_secret) == ("auth" in words)
    (change,) = plan.changes
    assert "canary" not in "".join(step.shell() for step in change.up)


def test_the_secret_is_there_before_whoever_names_it(host: FakeHost) -> None:
    plan = settle(host, web(ISCSI))
    assert steps(plan, DefineSecret) < steps(plan, Start)
    found = disk(host)
    assert found is not None
    assert [found.secret] == list(host.libvirt_secret)


def test_another_password_is_a_change(host: FakeHost) -> None:
    settle(host, web(ISCSI))
    host.secret["KEY"] = "another"
    (change,) = plan_for(host, web(ISCSI)).changes
    (diff,) = change.diffs
    assert (diff.field, diff.old, diff.new) == (
        "disks[d0].iscsi.auth.secret", "(another)", "env KEY")
    settle(host, web(ISCSI))


def test_a_secret_that_is_gone_is_made_again(host: FakeHost) -> None:
    settle(host, web(ISCSI))
    host.libvirt_secret.clear()
    assert steps(settle(host, web(ISCSI)), DefineSecret)


def test_it_is_plugged_in_and_out_while_the_machine_runs(host: FakeHost) -> None:
    settle(host, web())
    plan = settle(host, web(ISCSI))
    (change,) = plan.changes
    assert change.impact is Impact.LIVE
    assert steps(plan, DefineSecret) < steps(plan, AttachDevice)
    plan = settle(host, web())
    assert steps(plan, DetachDevice) < steps(plan, UndefineSecret)
    assert host.libvirt_secret == {}


def test_what_is_refused_at_the_last_moment_leaves_no_secret(host: FakeHost) -> None:
    settle(host, web())
    before = host.domain["lab-web"]
    host.fails = lambda step: isinstance(step, AttachDevice)
    events = carry_out(host, plan_for(host, web(ISCSI)))
    assert "failed" in {event.what for event in events}
    assert (host.domain["lab-web"], host.libvirt_secret) == (before, {})


@pytest.mark.parametrize(("words", "field"), [
    (NBD.replace("export: web", "export: other"), "disks[d0].nbd.export"),
    (NBD.replace("export: web", "port: 10810, export: web"), "disks[d0].nbd.port"),
    (NBD.replace("export: web", "tls: true, export: web"), "disks[d0].nbd.tls"),
    (f"{NBD}, format: qcow2", "disks[d0].format"),
])
def test_a_change_waits_for_the_next_boot(host: FakeHost, words: str, field: str) -> None:
    settle(host, web(NBD))
    (change,) = settle(host, web(words)).changes
    assert [(diff.field, diff.impact) for diff in change.diffs] == [(field, Impact.NEXT_BOOT)]


def test_what_somebody_changed_is_drift(host: FakeHost) -> None:
    settle(host, web(NBD, more="  running: false"))
    facts = host.domain["lab-web"]
    xml = facts.xml.replace("10809", "10999")
    host.domain["lab-web"] = DomainFacts(facts.name, facts.uuid, xml, autostart=True)
    (change,) = plan_for(host, web(NBD, more="  running: false")).changes
    assert [(diff.field, diff.old, diff.new) for diff in change.diffs] == [
        ("disks[d0].nbd.port", 10999, 10809)]


def test_it_goes_with_its_machine(host: FakeHost) -> None:
    settle(host, web(ISCSI))
    carry_out(host, destroy_for(host, web(ISCSI)))
    assert (host.domain, host.libvirt_secret) == ({}, {})


def test_a_renamed_machine_takes_its_password_along(host: FakeHost) -> None:
    settle(host, web(ISCSI))
    (old,) = host.libvirt_secret
    renamed = web(ISCSI, name="{name: www, renamedFrom: web}").replace(
        "{name: {name: www, renamedFrom: web}}", "{name: www, renamedFrom: web}")
    settle(host, renamed, restart=("*",))
    (new,) = host.libvirt_secret
    assert new != old
    assert new in host.domain["lab-www"].xml


def said(host: FakeHost, *documents: str) -> list[str]:
    return [problem.summary for problem in probe.check(host, load(*documents).resources)]


def test_a_server_that_does_not_answer_is_said_before_anything_is_begun(host: FakeHost) -> None:
    host.server["san", 10809] = "Connection refused"
    assert said(host, web(NBD)) == [
        "the server of nbd://san:10809/web does not answer: Connection refused"]
    assert said(host, web(NBD, more="  running: false")) == []


def test_one_monitor_that_answers_is_enough(host: FakeHost) -> None:
    host.server["mon", 6789] = "Connection refused"
    assert said(host, web(RBD)) == []
    host.server["mon", 3300] = "no answer within 3 seconds"
    assert said(host, web(RBD)) == [
        "the server of rbd://mon/rbd/web does not answer: Connection refused"]


def test_all_servers_are_asked_at_once(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(FakeHost, "silent", lambda _, servers: asked.append(list(servers)) or {})
    said(host, web(NBD, "nbd: {host: nas}"), web("nbd: {socket: /run/a}", name="db"))
    assert asked == [[("san", 10809), ("nas", 10809), "/run/a"]]


def test_what_a_machine_runs_with_is_not_asked_for_again(host: FakeHost) -> None:
    settle(host, web(NBD))
    host.server["san", 10809] = "Connection refused"
    assert said(host, web(NBD)) == []


def test_a_disk_that_a_stranger_runs_with(host: FakeHost) -> None:
    settle(host, web(NBD))
    facts = host.domain.pop("lab-web")
    host.domain["theirs"] = DomainFacts("theirs", "u", facts.xml, facts.live_xml)
    assert said(host, web(NBD)) == ["the running domain theirs has nbd://san:10809/web"]
    assert said(host, web(f"{NBD}, shareable: true")) == []


def refused(*documents: str) -> list[str]:
    with pytest.raises(Problems) as caught:
        load(*documents)
    return [problem.summary for problem in caught.value.problems]


def test_two_machines_that_write_to_one_disk() -> None:
    both = (web(NBD), web(NBD, name="db"))
    assert refused(*both) == ["virtualmachine/db uses nbd://san:10809/web, and so does "
                              "virtualmachine/web"]
    assert load(*(text.replace(NBD, f"{NBD}, shareable: true") for text in both))


@pytest.mark.parametrize(("words", "summary"), [
    (f"{NBD}, size: 1GiB", "is there already, at one server"),
    (f"{NBD}, {RBD}", "is there already, at one server"),
    ("nbd: {export: web}", "exactly one of host and socket"),
    ("nbd: {socket: /a, port: 1}", "a Unix socket has no port"),
    ("nbd: {socket: /a, tls: true}", "libvirt speaks no TLS over it"),
    ("iscsi: {host: san, target: web, lun: 1}", "an iSCSI name such as"),
    ("rbd: {monitors: [], pool: rbd, image: web}", "monitors"),
    (ISCSI.replace("env: KEY", ""), "exactly one of file, env or command"),
])
def test_what_makes_no_sense_is_said(words: str, summary: str) -> None:
    found = refused(web(words))
    assert len(found) == 1, found
    assert summary in found[0]


def test_no_guest_is_written_into_it() -> None:
    (found,) = refused(web(NBD, more="  guest: {hostname: web}"))
    assert found.endswith("nothing is written into a disk of some server")


def test_what_somebody_else_made_is_taken_over(host: FakeHost) -> None:
    settle(host, web(ISCSI))
    facts = host.domain.pop("lab-web")
    root = etree.fromstring(facts.xml)
    for element in (root.find("metadata"), *root.iterfind("devices/disk/alias")):
        element.getparent().remove(element)
    foreign = etree.tostring(root, encoding="unicode").replace(
        next(iter(host.libvirt_secret)), "00000000-0000-4000-8000-00000000000f")
    host.domain["lab-web"] = DomainFacts("lab-web", facts.uuid, foreign)
    host.libvirt_secret.clear()
    host.record.clear()
    settle(host, web(ISCSI), adopt=("*",))
    found = disk(host)
    assert found is not None
    assert [found.secret] == list(host.libvirt_secret)
