"""The fifteen bugs of the program of 2012 that this one is named after, each looked for here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.unit.cloud import (
    IMAGE,
    STORAGE,
    WEB,
    carry_out,
    destroy_for,
    fake_host,
    load,
    plan_for,
    settle,
)
from tiny_cloud import steps
from tiny_cloud.errors import Failure, Problems
from tiny_cloud.facts import DomainFacts
from tiny_cloud.guests import accounts, homes, roots, sshd
from tiny_cloud.guests.base import File, Found, MakeFolder, Matter, Wish, WriteFile
from tiny_cloud.guests.hosts import Hosts
from tiny_cloud.guests.networking import ifupdown, interfaces, resolv
from tiny_cloud.libvirt_xml import read_network
from tiny_cloud.model import Plan
from tiny_cloud.render.text import summary

PASSWD = "root:x:0:0::/root:/bin/bash\nann:x:999:999::/home/ann:/bin/sh\nbob:x:1000:1000::/:/b\n"
SHADOW = "root:*:1::::::\nann:$6$a$b:2:0:99999:7:::\nbob:!:3::::::\n"
GROUP = "root:x:0:\nann:x:999:\nbob:x:1000:\n"
ACCOUNTS = {"/etc/passwd": PASSWD, "/etc/shadow": SHADOW, "/etc/group": GROUP}
HOSTS = "# first block\n127.0.0.1 localhost # and a comment\n\n# 10.0.0.9 no-entry\n"
CARD = {"name": "eth0", "mac": "52:54:00:12:34:56", "address": "10.0.2.15/24",
        "gateway": "10.0.2.2", "dns": ["10.0.2.3"]}
NETWORK = """
kind: Network
metadata: {name: lab}
spec: {subnet: 10.44.0.0/24, dhcp: {from: 10.44.0.100, to: 10.44.0.200}}
"""
OTHER = WEB.replace("name: web", "name: other").replace("hostname: web", "hostname: other")


def guest(texts: dict[str, str], *empty: str) -> Found:
    files = {path: File(content=text.encode()) for path, text in texts.items()}
    return Found("debian", (12, 5), "", {**files, **{path: File() for path in empty}})


def written(matter: Matter, found: Found, **settings: object) -> dict[str, str]:
    edits = matter.edits(Wish(settings, today=20000), found)
    return {edit.path: edit.content.decode() for edit in edits if isinstance(edit, WriteFile)}


def done(plan: Plan) -> list[steps.Step]:
    return [step for task in plan.tasks for step in task.steps]


def test_1_accounts_that_no_password_names_stay_in_shadow() -> None:
    result = written(accounts, guest(ACCOUNTS), users={"root": {"hash": "$6$x$y"}})
    assert result == {"/etc/shadow": SHADOW.replace("root:*:1:", "root:$6$x$y:20000:")}


def test_2_hosts_keeps_its_first_block_and_comments_become_no_entries() -> None:
    result = written(Hosts(), guest({"/etc/hosts": HOSTS}),
                     hosts=[{"address": "10.0.0.1", "names": ["db"]}])["/etc/hosts"]
    assert result.startswith(HOSTS) and "10.0.0.1\tdb\n" in result


def test_3_settings_of_the_server_are_not_written_into_the_clients_file() -> None:
    found = guest({"/etc/ssh/sshd_config": "UsePAM yes\n", "/etc/ssh/ssh_config": "Host *\n"},
                  "/usr/sbin/sshd")
    assert set(written(sshd, found, sshd={"UseDNS": False})) == {"/etc/ssh/sshd_config"}


def test_4_a_new_user_has_the_next_number_a_group_and_a_home_of_their_own() -> None:
    users = {"koder": {"hash": "$6$x$y"}}
    result = written(accounts, guest(ACCOUNTS), users=users)
    # As texts, 999 is higher than 1000.
    assert "\nkoder:x:1001:1001::/home/koder:" in result["/etc/passwd"]
    assert result["/etc/group"].endswith("\nkoder:x:1001:\n")
    assert list(homes.edits(Wish({"users": users}), guest(ACCOUNTS))) == [
        MakeFolder("/home/koder", 0o700, 1001, 1001)]


def test_5_no_system_and_several_are_sentences_and_a_root_may_lie_on_lvm() -> None:
    with pytest.raises(Failure, match="no operating system was found"):
        roots.only_root([], {"/dev/sda1": "ext4"}, "web-root")
    volume = roots.Root("/dev/vg0/root", "linux", "debian", (12, 5), "", "deb", {"/": "x"})
    assert roots.only_root([volume], {}, "web-root") == volume
    with pytest.raises(Failure, match="2 operating systems"):
        roots.only_root([volume, volume], {}, "web-root")


def test_6_a_static_address_comes_with_its_gateway_and_name_server() -> None:
    found = guest({"/etc/network/interfaces": "auto lo\niface lo inet loopback\n"},
                  "/usr/sbin/ifup")
    (text,) = written(ifupdown, found, interfaces=[CARD]).values()
    assert "address 10.0.2.15/24" in text and "gateway 10.0.2.2" in text
    assert "nameserver 10.0.2.3\n" in written(resolv, found, interfaces=[CARD])["/etc/resolv.conf"]


def test_7_networks_are_started_forward_and_give_nobody_the_bridges_address() -> None:
    host = fake_host()
    plan = settle(host, NETWORK)
    assert any(isinstance(step, steps.StartNetwork) for step in done(plan))
    seen = read_network(host.network["lab-lab"].live_xml)
    assert (seen["forward"], seen["address"]) == ("nat", "10.44.0.1")
    with pytest.raises(Problems, match=r"10\.44\.0\.1"):
        load(NETWORK.replace("10.44.0.100", "10.44.0.1"))


def test_8_all_machines_of_several_are_stopped() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB, OTHER)
    plan = destroy_for(host, IMAGE, WEB, OTHER, force_off=("virtualmachine/*",))
    stopped = {step.name for step in done(plan) if isinstance(step, steps.Shutdown)}
    assert stopped == {"lab-web", "lab-other"}


def test_9_domains_that_others_made_are_no_trouble() -> None:
    host = fake_host()
    host.domain["theirs"] = DomainFacts(
        "theirs", "8a1e2f4e-0000-4000-8000-000000000000",
        "<domain type='kvm'><name>theirs</name>"
        "<uuid>8a1e2f4e-0000-4000-8000-000000000000</uuid></domain>")
    settle(host, IMAGE, WEB)
    assert set(host.domain) == {"theirs", "lab-web"}


def test_10_cards_are_virtio_too() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB)
    assert '<model type="virtio"/>' in host.domain["lab-web"].xml.split("<interface")[1]


@pytest.mark.parametrize("wrong", [
    {"name": "eth0", "address": "999.1.1.1/24"}, {"name": "eth0", "mac": "10.0.2.15"},
    {"name": "52:54:00:12:34:56"},
])
def test_11_an_address_is_an_address_and_a_mac_is_no_name(wrong: dict[str, str]) -> None:
    with pytest.raises(Failure):
        interfaces.interfaces({"interfaces": [wrong]})


def test_12_a_machine_whose_guest_could_not_be_prepared_does_not_boot() -> None:
    host = fake_host()
    host.fails = lambda step: isinstance(step, steps.EditGuest)
    events = carry_out(host, plan_for(host, IMAGE, WEB))
    assert {str(event.address): event.what for event in events
            if event.what in ("failed", "skipped")} == {
        "guest/web": "failed", "disk/web-root": "skipped", "virtualmachine/web": "skipped"}
    assert host.domain == {} and f"{STORAGE}/disks/web-root.qcow2" not in host.file


def test_13_every_machine_is_waited_for_as_long() -> None:
    host = fake_host()
    settle(host, IMAGE, WEB, OTHER)
    plan = destroy_for(host, IMAGE, WEB, OTHER, force_off=("virtualmachine/*",))
    waits = [step.timeout for step in done(plan) if isinstance(step, steps.Shutdown)]
    assert len(waits) == 2 and len(set(waits)) == 1 and waits[0] > 0


def test_14_images_are_made_with_options_that_are_there_on_lvm_too() -> None:
    overlay = steps.CreateDisk("/s/a b.part", "qcow2", None, "/s/base.qcow2", "qcow2").shell()
    assert overlay == "qemu-img create -f qcow2 -b /s/base.qcow2 -F qcow2 '/s/a b.part'"
    volume = """
    kind: LogicalVolume
    metadata: {name: data}
    spec: {volumeGroup: vg0, size: 1GiB}
    """
    settle(fake_host(), volume)


def test_15_no_code_in_yaml_no_path_in_a_shell_and_no_password_to_be_read() -> None:
    with pytest.raises(Problems):
        load("!!python/object/apply:os.system [exit]")
    host = fake_host()
    plan = settle(host, IMAGE, WEB)
    told = [summary(plan), repr(plan), repr(host.record), *(step.shell() for step in done(plan)),
            *(facts.xml for facts in host.domain.values())]
    # The fake's hashes say what they are made of.
    assert not [text for text in told if "hunter2" in text.replace("hash of hunter2", "")]
    sources = [path.read_text() for path in
               Path(sys.modules["tiny_cloud"].__path__[0]).rglob("*.py")]
    assert sources and not [text for text in sources
                            if "shell=True" in text or "yaml.load(" in text]
