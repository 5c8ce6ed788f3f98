"""An image of Ceph that is made here: whose it is, who has it, what it is cloned from."""

from __future__ import annotations

import pytest
from lxml import etree
from msgspec.structs import replace

from tests.fake.host import FakeHost
from tests.unit.cloud import brief, fake_host, load, plan_for, settle
from tiny_cloud import probe
from tiny_cloud.errors import Failure, Problems
from tiny_cloud.facts import DomainFacts, RBDFacts
from tiny_cloud.host import rbd
from tiny_cloud.libvirt_xml import remotes
from tiny_cloud.model import Impact, Secret, Unknown
from tiny_cloud.rbd_images import ADDRESS, CLOUD, ID

KEY = "AQC46QNr3lU7KxAAhXvvRRwaSnNYPYYMz9Kbow=="
GIB = 1 << 30


def image(*fields: str, name: str = "data", monitors: str = "mon1, mon2") -> str:
    more = "".join(f"\n  {field}" for field in fields)
    return (f"kind: RBDImage\nmetadata: {{name: {name}}}\nspec:\n  monitors: [{monitors}]\n"
            f"  pool: rbd\n  auth: {{user: web, secret: {{env: KEY}}}}{more}\n")


CLONE = "cloneOf: {image: golden, snapshot: v1}"
WEB = """
kind: VirtualMachine
metadata: {name: web}
spec: {cpus: 1, memory: 1GiB, disks: [{name: root, disk: data}]}
"""


@pytest.fixture
def host() -> FakeHost:
    host = fake_host()
    host.secret["KEY"] = KEY
    host.rbd["rbd/golden"] = RBDFacts("abc", GIB, snapshots={"v1": GIB})
    return host


def remote(host: FakeHost) -> remotes.Remote | None:
    (disk,) = etree.fromstring(host.domain["lab-web"].xml).iterfind("devices/disk")
    return remotes.read(disk)


def notes(host: FakeHost, *documents: str) -> list[str]:
    plan = plan_for(host, *documents)
    assert plan.changes == ()
    return [note.text for note in plan.notes]


def blocked(host: FakeHost, *documents: str, **consents: tuple[str, ...]) -> list[str]:
    return [change.blocked for change in plan_for(host, *documents, **consents).changes]


def lacks(host: FakeHost, *documents: str) -> list[str]:
    return [problem.summary for problem in probe.check(host, load(*documents).resources)]


def test_its_machine_has_it_as_if_it_had_declared_it_itself(host: FakeHost) -> None:
    settle(host, image("size: 2GiB"), WEB)
    (uuid,) = host.libvirt_secret
    assert remote(host) == remotes.Remote(
        "rbd", "rbd/lab-data", (("mon1", 0), ("mon2", 0)), user="web", secret=uuid)
    # Declared that way it is the same disk, and nothing about it changes but who names it.
    plain = WEB.replace("disk: data", "rbd: {monitors: [mon1, mon2], pool: rbd, image: lab-data, "
                        "auth: {user: web, secret: {env: KEY}}}")
    before = remote(host)
    settle(host, image("size: 2GiB"), plain)
    assert remote(host) == before


def test_a_clone_of_ours_is_not_what_it_was_cloned_from(host: FakeHost) -> None:
    """Ceph copies an image's metadata to its clones."""
    stamp = {CLOUD: "other", ADDRESS: "rbdimage/golden", ID: "abc"}
    host.rbd["rbd/golden"] = replace(host.rbd["rbd/golden"], metadata=stamp)
    settle(host, image(CLONE))
    made = host.rbd["rbd/lab-data"]
    assert made.parent == ("rbd", "golden", "v1")
    assert made.metadata == {CLOUD: "lab", ADDRESS: "rbdimage/data", ID: made.id}


def test_a_copy_of_another_one_is_not_ours(host: FakeHost) -> None:
    settle(host, image("size: 1GiB", name="first"))
    host.rbd["rbd/lab-data"] = replace(host.rbd["rbd/lab-first"], id="copy")
    assert blocked(host, image("size: 1GiB"), image("size: 1GiB", name="first")) == [
        "what is there is not ours: rbdimage/first of the cloud lab"]


def test_one_that_was_put_in_its_place_is_not_ours_until_somebody_says_so(host: FakeHost) -> None:
    settle(host, image("size: 1GiB"))
    host.rbd["rbd/lab-data"] = replace(host.rbd["rbd/lab-data"], id="restored")
    assert blocked(host, image("size: 1GiB")) == ["it is a copy of rbdimage/data"]
    settle(host, image("size: 1GiB"), adopt=("rbdimage/data",))
    assert host.rbd["rbd/lab-data"].metadata[ID] == "restored"


def test_another_snapshot_is_only_for_a_new_one(host: FakeHost) -> None:
    settle(host, image(CLONE))
    assert notes(host, image(CLONE.replace("v1", "v2"))) == [
        "cloneOf.snapshot is v1 and stays so; v2 is only for a new one"]


def test_one_that_was_flattened_is_as_declared(host: FakeHost) -> None:
    settle(host, image(CLONE))
    host.rbd["rbd/lab-data"] = replace(host.rbd["rbd/lab-data"], parent=())
    assert notes(host, image(CLONE)) == []


@pytest.mark.parametrize(("clone", "words"), [
    ("cloneOf: {image: gold, snapshot: v1}", "there is no image rbd/gold"),
    ("cloneOf: {image: golden, snapshot: v2}", "rbd/golden has no snapshot v2: there is v1"),
    (f"{CLONE}\n  size: 512MiB", "is smaller than the snapshot that it is cloned from"),
])
def test_what_it_is_cloned_from_is_looked_at_first(
    host: FakeHost, clone: str, words: str
) -> None:
    (said,) = lacks(host, image(clone))
    assert words in said


def test_what_is_there_needs_its_snapshot_no_more(host: FakeHost) -> None:
    settle(host, image(CLONE))
    del host.rbd["rbd/golden"]
    assert lacks(host, image(CLONE)) == []


def test_a_cluster_that_does_not_answer_is_not_an_empty_one(host: FakeHost) -> None:
    host.ceph = Unknown("no monitor answers")
    plan = plan_for(host, image("size: 1GiB"), WEB)
    assert brief(plan) == ["~ rbdimage/data !", "+ virtualmachine/web !"]
    assert plan.changes[0].blocked == "it cannot be observed: no monitor answers"


def test_another_monitor_is_the_same_image(host: FakeHost) -> None:
    """The machine has it by the old ones until it boots, and has it still."""
    settle(host, image("size: 1GiB"), WEB)
    plan = plan_for(host, image("size: 2GiB", monitors="mon2, mon3"), WEB)
    steps = [step.shell() for change in plan.changes for step in change.up]
    assert f"virsh blockresize lab-web vda {2 * GIB}B" in steps
    fields = {diff.field: diff.impact for change in plan.changes for diff in change.diffs
              if change.address.kind == "virtualmachine"}
    assert fields == {"disks[root].rbd.monitors": Impact.NEXT_BOOT}


@pytest.mark.parametrize(("facts", "words"), [
    ({"snapshots": {"s": GIB}}, "it has the snapshots s"),
    ({"snapshots": {"s": GIB}, "clones": ("rbd/x",)}, "rbd/x stands on its snapshots"),
    ({"watchers": ("10.0.0.9:0/1",)}, "somebody at 10.0.0.9:0/1 has it open"),
])
def test_what_others_hold_is_not_removed(
    host: FakeHost, facts: dict[str, object], words: str
) -> None:
    settle(host, image("size: 1GiB"))
    host.rbd["rbd/lab-data"] = replace(host.rbd["rbd/lab-data"], **facts)  # type: ignore[arg-type]
    plan = plan_for(host, prune=True, delete_data=("rbdimage/data",))
    assert words in plan.changes[0].blocked
    assert blocked(host, image("size: 2GiB")) == [""]


def test_the_machine_that_has_it_is_no_stranger(host: FakeHost) -> None:
    settle(host, image("size: 1GiB"), WEB)
    host.rbd["rbd/lab-data"] = replace(host.rbd["rbd/lab-data"], watchers=("10.0.0.9:0/1",))
    plan = plan_for(host, prune=True, delete_data=("rbdimage/data",))
    assert all("somebody" not in change.blocked for change in plan.changes)


def test_a_machine_does_not_start_on_what_a_stranger_runs_with(host: FakeHost) -> None:
    """Ceph's own lock goes from one qemu to the other."""
    settle(host, image("size: 1GiB"), WEB)
    facts = host.domain.pop("lab-web")
    uuid = "5dc1d21c-1f0a-4d35-9df6-4a0c9d4c5b7d"
    host.domain["stranger"] = DomainFacts("stranger", uuid, facts.xml, facts.live_xml)
    host.server["mon1", 6789] = "Connection refused"
    assert lacks(host, image("size: 1GiB"), WEB) == [
        "the running domain stranger has rbd://mon1,mon2/rbd/lab-data"]


@pytest.mark.parametrize(("document", "words"), [
    ("kind: Guest\nmetadata: {name: web}\nspec: {disk: data, hostname: web}",
     "guest/web cannot have rbdimage/data as its disk: libguestfs is not given the key"),
    ("kind: Disk\nmetadata: {name: top}\nspec: {base: data}",
     "disk/top cannot have rbdimage/data as its base: an image of Ceph is no file here"),
    (WEB + "---\napiVersion: tinycloud/v1\nkind: VirtualMachine\nmetadata: {name: db}\nspec: "
     "{cpus: 1, memory: 1GiB, disks: [{name: d, rbd: {monitors: [mon2, mon1], pool: rbd, image: "
     "lab-data}}]}", "uses rbd://mon1,mon2/rbd/lab-data"),
])
def test_what_cannot_have_it(host: FakeHost, document: str, words: str) -> None:
    with pytest.raises(Problems) as error:
        load(image("size: 1GiB"), document)
    assert words in str(error.value)


@pytest.mark.parametrize("key", ["", "canary", "AQBxxxx==", KEY[:-4], f"{KEY} "])
def test_a_key_that_librados_would_print_never_reaches_it(key: str) -> None:
    source = Secret("env", "KEY")
    with pytest.raises(Failure) as error:
        rbd.require_key(key, source)
    assert not key or key not in str(error.value)
    rbd.require_key(KEY, source)
