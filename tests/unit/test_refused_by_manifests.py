"""What a manifest asks for and cannot have: the sentence, and its line where it has one."""

from __future__ import annotations

import json
import os

import pytest

from tests.unit import cloud
from tests.unit.cloud import fake_host, load
from tests.unit.conftest import Run
from tests.unit.test_needs import host, machine, said
from tiny_cloud import probe
from tiny_cloud.document import Document
from tiny_cloud.errors import Failure, Problems
from tiny_cloud.schema.sentences import sentences
from tiny_cloud.schema.words import Place

NETWORK = """
kind: Network
metadata: {name: lab}
spec: {subnet: 10.0.0.0/24, dhcp: {from: 10.0.0.100, to: 10.0.0.200}}
"""


def problems(*documents: str) -> list[str]:
    with pytest.raises(Problems) as caught:
        load(*documents)
    return [problem.summary for problem in caught.value.problems]


def test_a_word_that_is_not_there() -> None:
    assert problems(machine("firmware:")) == ["VirtualMachine.spec.firmware has no value"]
    assert problems(machine("maxCpus:")) == [
        "VirtualMachine.spec.maxCpus has no value"]


def test_a_text_that_is_too_long() -> None:
    wants = f"xml: [{{target: {'x' * 201}, operation: append, xml: <a/>}}]"
    assert "VirtualMachine.spec.xml[0].target has more than 200 characters" in problems(
        machine(wants))


@pytest.mark.parametrize(("source", "said"), [
    ({"url": "https://[::1]/a", "sha256": "0" * 64, "sha512": "0" * 128}, "one digest is enough"),
    ({"debootstrap": {"suite": "bookworm"}, "format": "raw"},
     "what debootstrap builds has no format to choose"),
])
def test_sources_that_say_too_much(source: dict[str, object], said: str) -> None:
    text = f"kind: Image\nmetadata: {{name: a}}\nspec: {{source: {json.dumps(source)}}}"
    assert problems(text) == [f"Image.spec.source: {said}"]


@pytest.mark.parametrize(("fields", "said"), [
    ("image: debian", "a snapshot has what its origin has"),
    ("thinPool: pool", "a thin snapshot is in the pool of its origin"),
])
def test_a_snapshot_that_says_too_much(fields: str, said: str) -> None:
    text = ("kind: LogicalVolume\nmetadata: {name: a}\n"
            f"spec: {{volumeGroup: vg0, snapshotOf: b, {fields}}}")
    assert f"LogicalVolume.spec: {said}" in problems(text)


def test_a_thin_volume_that_says_how_it_lies() -> None:
    text = ("kind: LogicalVolume\nmetadata: {name: a}\n"
            "spec: {volumeGroup: vg0, size: 1GiB, thinPool: pool, stripes: 2}")
    assert "LogicalVolume.spec: a thin volume lies as its pool does" in problems(text)


def test_a_setting_that_cloud_init_does_not_write() -> None:
    guest = "guest: {hostname: web, method: cloudInit, system: debian}"
    found = problems(machine(f"disks: [{{name: root, size: 1GiB}}]\n  {guest}"))
    assert "guest/web: system is not written by way of cloud-init" in found


def test_a_rule_that_has_no_sentence_of_its_own() -> None:
    document = Document("Disk", "a", {"name": "a"}, {"size": "1GiB"})
    place = Place(document, ("spec", "size"), {"examples": ["10GiB"]}, "multipleOf", 2, "1GiB",
                  "", False)
    (problem,) = sentences(place)
    assert (problem.summary, problem.hint) == (
        "Disk.spec.size is not what it should be", "for example size: 10GiB")


def test_words_on_the_command_line(run: Run) -> None:
    code, _, err = run("flatten", "vm/web")
    assert code == 64 and "vm/web: write disk/NAME, or the name alone" in err
    code, _, err = run("gc", "--lock-timeout", "soon")
    assert code == 64 and "'soon' is no duration: write 30s, 5m or 1h" in err
    code, _, err = run("apply", "--plan", "a.json", "--prune")
    assert code == 64 and "--plan FILE has manifests and options in it: give no others" in err


def test_a_bridge_and_a_kernel_that_this_host_has_not() -> None:
    assert said(host(), machine("interfaces: [{name: a, bridge: br9}]")) == [
        "13: this host has no bridge br9"]
    assert said(host(), machine("kernel: {path: /boot/none}")) == [
        "13: there is no file /boot/none"]


def test_an_address_outside_its_network_for_a_machine_without_a_guest() -> None:
    card = "interfaces: [{name: a, network: lab, address: 10.9.9.9}]"
    assert problems(NETWORK, machine(card)) == [
        "virtualmachine/web: the address 10.9.9.9 is not in network/lab, which has 10.0.0.0/24"]


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file beside the manifests can be read."""
    def digest(path: str) -> str:
        raise Failure(f"there is no file {path}", "look at the path")
    monkeypatch.setattr(cloud, "digest", digest)


@pytest.mark.usefixtures("unread")
def test_sources_that_cannot_be_read() -> None:
    image = "kind: Image\nmetadata: {name: a}\nspec: {source: {path: /srv/a.raw, format: raw}}"
    there = "kind: Image\nmetadata: {name: a}\nspec: {source: {debootstrap: {suite: bookworm}}, " \
            "guest: {files: [{path: /etc/motd, source: /srv/motd}]}}"
    for text, path in ((image, "/srv/a.raw"), (there, "/srv/motd")):
        found = probe.check(fake_host(), load(text).resources)
        assert [(one.summary, one.hint) for one in found] == [
            (f"there is no file {os.path.normpath(path)}", "look at the path")]
        assert found[0].span is not None
