"""What is taken out of the manifests destroys nothing; what is not ours is never touched (a host in
memory: what the tools really do is for tests/integration/test_protection.py)."""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Iterable, Iterator, Mapping

import pytest
from lxml import etree
from msgspec.structs import replace

from tests import goals
from tests.fake.host import FakeHost
from tests.unit.cloud import (
    IMAGE,
    STORAGE,
    carry_out,
    context,
    destroy_for,
    fake_host,
    load,
    plan_for,
    settle,
)
from tests.unit.test_leftovers import seen
from tiny_cloud import linking, probe
from tiny_cloud.errands import gc
from tiny_cloud.errors import Problems
from tiny_cloud.facts import FileFacts
from tiny_cloud.model import Plan, Unknown
from tiny_cloud.steps import RemoveVolume, Trash, TrashVolume

LAB = """
kind: Network
metadata: {name: lab}
spec: {forward: nat, subnet: 10.44.0.0/24}
"""
WEB = """
kind: VirtualMachine
metadata: {name: web}
spec:
  cpus: 1
  memory: 64MiB
  disks:
    - {name: root, image: debian, size: 4GiB}
    - {name: data, disk: data}
  interfaces: [{name: eth0, network: lab}]
  guest: {hostname: web, users: {root: {password: {env: PASSWORD}}}}
"""
DATA = "kind: Disk\nmetadata: {name: data}\nspec: {size: 1GiB, format: raw}"
UPPER = "kind: Disk\nmetadata: {name: upper}\nspec: {image: debian, size: 4GiB}"
TOP = "kind: Disk\nmetadata: {name: top}\nspec: {base: upper}"
POOL = "kind: LogicalVolume\nmetadata: {name: pool}\n" \
       "spec: {volumeGroup: vg0, size: 8GiB, type: thin-pool}"
THIN = "kind: LogicalVolume\nmetadata: {name: thin}\n" \
       "spec: {volumeGroup: vg0, size: 2GiB, thinPool: pool}"
DB = """
kind: VirtualMachine
metadata: {name: db}
spec:
  cpus: 1
  memory: 64MiB
  disks: [{name: root, image: debian, size: 4GiB, volumeGroup: vg0}, {name: thin, disk: thin}]
"""
VARIANTS: tuple[tuple[str, ...], ...] = (
    (IMAGE,), (LAB,), (POOL,), (DATA, ), (UPPER,), (TOP,), (THIN,),
    (WEB, WEB.replace("    - {name: data, disk: data}\n", ""),
     WEB.replace("    - {name: root, image: debian, size: 4GiB}\n", ""),
     "\n".join(line for line in WEB.split("\n") if "guest" not in line)),
    (DB, DB.replace(", {name: thin, disk: thin}", "")),
)
"""Each document as it was applied, and with something taken out of it."""


@pytest.fixture(scope="module")
def whole() -> FakeHost:
    host = fake_host()
    settle(host, *(forms[0] for forms in VARIANTS))
    return host


def rests() -> Iterator[tuple[str, ...]]:
    """What may be left of the manifests: all of it, parts, nothing."""
    choices = list(itertools.product(*((*forms, "") for forms in VARIANTS)))
    few = [(), tuple(forms[0] for forms in VARIANTS)]
    random.Random(6).shuffle(choices)
    for chosen in (*few, *choices[:goals.scaled(70, len(choices))]):
        yield tuple(filter(None, chosen))


@pytest.mark.goal(6)
def test_what_is_taken_out_destroys_nothing(whole: FakeHost) -> None:
    tried = 0
    for rest, prune in itertools.product(rests(), (False, True)):
        host = copy.deepcopy(whole)
        try:
            plan = plan_for(host, *rest, prune=prune, restart=("*",))
        except Problems:
            continue  # what is left refers to what is gone
        tried += 1
        carry_out(host, plan)
        assert contents(host) == contents(whole), (rest, prune)
        assert not [step for step in host.performed[len(whole.performed):]
                    if isinstance(step, Trash | TrashVolume | RemoveVolume)]
    assert tried > 20
    goals.seen(6, "manifests with anything taken out, with and without --prune (a host in memory)",
               tried, seed=6)


def contents(host: FakeHost) -> dict[str, object]:
    """By path the very object that lies there."""
    return {**{path: file.inode for path, file in host.file.items()},
            **{path: facts.uuid for path, facts in host.volume.items()}}


def stolen(whole: FakeHost, stamp: str) -> FakeHost:
    """Under every name of ours lies something that somebody else has made, or copied."""
    host = copy.deepcopy(whole)
    for path, file in host.file.items():
        mark = None if stamp == "none" else {
            **(file.stamp or {}), **({"cloud": "other"} if stamp == "other" else {"inode": "7"})}
        host.file[path] = replace(file, stamp=mark, inode=file.inode + 1000)
    for path, facts in host.volume.items():
        kept = {"none": frozenset(), "other": frozenset(
            tag.replace("=lab/", "=other/") for tag in facts.tags), "copy": facts.tags}
        host.volume[path] = replace(facts, uuid=f"another {facts.uuid}", tags=kept[stamp])
    marks = {"none": ("<tinycloud:", "<nobody:"), "other": ('cloud="lab"', 'cloud="other"'),
             "copy": (' uuid="', ' uuid="7')}
    for kind in (host.domain, host.network):
        for name, one in kind.items():
            xml = one.xml.replace(*marks[stamp]) if stamp != "none" else bare(one.xml)
            kind[name] = replace(one, xml=xml, live_xml=xml if one.live_xml else "")
    return host


def bare(xml: str) -> str:
    root = etree.fromstring(xml)
    for metadata in root.findall("metadata"):
        root.remove(metadata)
    return etree.tostring(root, encoding="unicode")


@pytest.mark.goal(5)
@pytest.mark.parametrize("stamp", ["none", "other", "copy"])
def test_what_is_not_ours_is_never_touched(whole: FakeHost, stamp: str) -> None:
    """Whatever consent is given, but that to take it over."""
    documents = [forms[0] for forms in VARIANTS]
    agreed = {name: ("*",) for name in ("replace", "delete_data", "restart", "force_off", "rebase")}
    before = stolen(whole, stamp)
    tries = {
        "apply": lambda host: plan_for(host, *documents, **agreed),
        "prune": lambda host: plan_for(host, prune=True, **agreed),
        "destroy": lambda host: destroy_for(host, *documents, **agreed),
        "repair": lambda host: seen(host)[1],
        "gc": lambda host: collected(host),
    }
    for verb, plan in tries.items():
        host = copy.deepcopy(before)
        carry_out(host, plan(host))
        assert contents(host) == contents(before), verb
        assert host.domain == before.domain and host.network == before.network, verb
        for path, file in before.file.items():
            assert isinstance(facts := host.files([path])[path], FileFacts)
            assert facts.stamp == file.stamp, verb
    points = len(tries) * (len(contents(before)) + len(before.domain) + len(before.network))
    goals.seen(5, f"verbs over things whose stamp is: {stamp} (a host in memory)", points)


def collected(host: FakeHost) -> Plan:
    found = load(host=host)
    about = context(found.cloud, host)
    owned = probe.discover(host, about, ())
    linking.relink(owned)
    return gc.collect(host, about, (), owned, probe.probe(host, owned))


def test_the_comparisons_would_show_it(whole: FakeHost) -> None:
    host = copy.deepcopy(whole)
    carry_out(host, plan_for(host, prune=True, delete_data=("*",)))
    assert contents(host) != contents(whole) and not host.domain
    assert f"{STORAGE}/disks/data.raw" in contents(whole)
    assert len(whole.volume) == 3 and len(whole.domain) == 2 and whole.network


@pytest.mark.goal(8)
@pytest.mark.parametrize("running", [False, True])
def test_nothing_starts_on_a_base_that_was_changed(
    whole: FakeHost, monkeypatch: pytest.MonkeyPatch, running: bool
) -> None:
    """Also where a disk stands on a version that is not the declared one."""
    documents = [forms[0] for forms in VARIANTS]
    host = copy.deepcopy(whole)
    settle(host, *documents)
    newer = [IMAGE.replace("bookworm", "trixie"), *documents[1:]]
    settle(host, *newer)
    old = next(path for path in host.file if "/images/" in path)
    if not running:
        host.domain = {name: replace(one, live_xml="") for name, one in host.domain.items()}
    real = host.files

    def files(paths: Iterable[str]) -> Mapping[str, FileFacts | Unknown]:
        return {path: replace(facts, intact=path != old) if isinstance(facts, FileFacts) else facts
                for path, facts in real(list(paths)).items()}

    monkeypatch.setattr(host, "files", files)
    plan = plan_for(host, *newer)
    blocked = {str(change.address): change.blocked for change in plan.blocked}
    for name in ("disk/web-root", "disk/upper", "disk/top"):
        assert f"stands on {old}, which was changed after it was published" in blocked[name]
    assert ("virtualmachine/web" in blocked) is not running
    carry_out(host, plan)
    assert bool(host.domain["lab-web"].live_xml) is running
