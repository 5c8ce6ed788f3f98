"""Encrypted logical volumes: a LUKS header of ours before what the guest sees."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.fake.host import FakeHost
from tests.fake.volumes import HEADER
from tests.unit.cloud import IMAGE, brief, carry_out, destroy_for, fake_host, plan_for, settle
from tests.unit.test_logical_volume import MIB, check, problems_of, volume
from tiny_cloud import luks
from tiny_cloud.errors import Problems
from tiny_cloud.libvirt_xml import chains, read
from tiny_cloud.model import Address, Impact
from tiny_cloud.steps import (
    BlockResize,
    DefineSecret,
    EditGuest,
    EncryptVolume,
    FillVolume,
    UndefineSecret,
)
from tiny_cloud.volumes import tags

KEY = "canary-of-the-key"
LUKS = {"encryption": {"secret": {"env": "KEY"}}}
PLAIN, DATA = volume("data", size="1GiB"), volume("data", size="1GiB", **LUKS)
PATH = "/dev/vg0/lab-data"
MACHINE = """
    kind: VirtualMachine
    metadata: {name: web}
    spec:
      cpus: 1
      memory: 512MiB
      disks: [{name: root, image: debian, size: 4GiB, volumeGroup: vg0,
               encryption: {secret: {env: KEY}}}]
      guest: {hostname: web}
"""


@pytest.fixture
def host() -> FakeHost:
    host = fake_host()
    host.secret["KEY"] = KEY
    return host


def test_a_machine_boots_from_its_own_encrypted_volume(host: FakeHost) -> None:
    settle(host, IMAGE, MACHINE)
    (secret,) = host.libvirt_secret.values()
    assert secret.usage == "tinycloud lab logicalvolume/web-root encryption.secret"
    xml = host.domain["lab-web"].xml
    (root,) = chains(xml)["root"]
    assert (root.path, root.format, root.type, root.secret) == (
        "/dev/vg0/lab-web-root", "luks", "block", secret.uuid)
    assert read(xml)["disks[root].format"] == "raw"
    made = [step for step in host.performed
            if isinstance(step, EncryptVolume | FillVolume | EditGuest)]
    assert [type(step).__name__ for step in made] == ["EncryptVolume", "FillVolume", "EditGuest"]
    assert [step.secret for step in made] == [{"env": "KEY"}] * 3
    assert KEY not in repr(host.performed)
    other = MACHINE.replace("hostname: web", "hostname: www")
    assert brief(plan_for(host, IMAGE, other)) == ["~ guest/web !"]
    settle(host, IMAGE, other, restart=("virtualmachine/web",))


def test_a_running_machine_is_told_of_the_payload(host: FakeHost) -> None:
    settle(host, IMAGE, MACHINE)
    plan = plan_for(host, IMAGE, MACHINE.replace("4GiB", "5GiB"))
    (told,) = (s for c in plan.changes for s in c.up if isinstance(s, BlockResize))
    assert told.size == (5 << 30) - HEADER
    settle(host, IMAGE, MACHINE.replace("4GiB", "5GiB"))


def test_what_is_on_it_is_said_by_its_tag_and_not_by_what_lies_there(host: FakeHost) -> None:
    """A guest may encrypt a volume by itself, and no tag says so."""
    settle(host, DATA)
    assert "tinycloud.encryption=luks" in host.volume[PATH].tags
    facts = host.volume[PATH]
    assert (tags.format_of(facts), tags.format_of(facts, "qcow2")) == ("luks", "qcow2")
    assert tags.format_of(replace(facts, tags=frozenset()), "luks") == "raw"


@pytest.mark.parametrize("before, after", [(PLAIN, DATA), (DATA, PLAIN)])
def test_encryption_comes_and_goes_only_with_a_new_volume(
    host: FakeHost, before: str, after: str
) -> None:
    settle(host, before)
    assert brief(plan_for(host, after)) == ["± logicalvolume/data !"]
    settle(host, after, replace=("logicalvolume/data",))
    assert len(host.libvirt_secret) == (after is DATA)
    assert ("tinycloud.encryption=luks" in host.volume[PATH].tags) == (after is DATA)


def test_a_machine_with_a_guest_is_encrypted_with_consent(host: FakeHost) -> None:
    plain = MACHINE.replace("encryption: {secret: {env: KEY}}", "bus: virtio")
    settle(host, IMAGE, plain)
    assert "± logicalvolume/web-root !" in brief(plan_for(host, IMAGE, MACHINE))
    settle(host, IMAGE, MACHINE, replace=("logicalvolume/web-root",),
           restart=("virtualmachine/web",))
    empty_trash(host)
    settle(host, IMAGE, plain, replace=("logicalvolume/web-root",),
           restart=("virtualmachine/web",))


def test_another_key_is_another_volume(host: FakeHost) -> None:
    settle(host, DATA)
    host.secret["KEY"] = "another"
    plan = plan_for(host, DATA)
    assert brief(plan) == ["± logicalvolume/data !"]
    (diff,) = plan.changes[0].diffs
    assert (diff.field, diff.old) == ("encryption.secret", "(another)")
    assert any("put that one back" in note.text for note in plan.notes)
    settle(host, DATA, replace=("logicalvolume/data",))


def test_a_secret_that_libvirt_lost_is_given_to_it_again(host: FakeHost) -> None:
    settle(host, DATA)
    host.libvirt_secret.clear()
    plan = plan_for(host, DATA)
    assert brief(plan) == ["~ logicalvolume/data"] and plan.changes[0].impact is Impact.NONE
    (again,) = (step for step in plan.changes[0].up if isinstance(step, DefineSecret))
    assert (again.volume, again.format) == (PATH, "luks")
    settle(host, DATA)


def test_the_key_goes_with_the_volume_and_takes_its_new_name(host: FakeHost) -> None:
    settle(host, DATA)
    settle(host, DATA.replace("{name: data}", "{name: logs, renamedFrom: data}"))
    (secret,) = host.libvirt_secret.values()
    assert secret.usage == "tinycloud lab logicalvolume/logs encryption.secret"
    plan = destroy_for(host, DATA.replace("{name: data}", "{name: logs}"),
                       delete_data=("logicalvolume/logs",))
    assert any(isinstance(step, UndefineSecret) for c in plan.changes for step in c.down)
    settle(host, prune=True, delete_data=("*",))
    assert host.libvirt_secret == {} and host.record == {}


@pytest.mark.parametrize("key", [KEY, "another"])
def test_whatever_step_is_the_last_the_next_apply_finishes(host: FakeHost, key: str) -> None:
    """From nothing, and from a volume with another key to a new one."""
    for last in range(1, 12):
        if key != KEY:
            host.secret["KEY"], host.secret["OLD"] = f"{key} {last}", KEY
            settle(host, DATA.replace("KEY", "OLD"), replace=("logicalvolume/data",))
        left = iter(range(last))
        host.fails = lambda step, left=left: next(left, None) is None
        carry_out(host, plan_for(host, DATA, replace=("logicalvolume/data",)))
        host.fails = lambda step: False
        settle(host, DATA, replace=("logicalvolume/data",))
        (uuid,) = host.libvirt_secret
        record = host.record[Address("secret", uuid)]
        assert record["hash"] == f"hash of {host.secret['KEY']}"
        assert record["volume"] == host.luks[host.volume[PATH].uuid]
        assert not [path for path in host.volume if path.endswith(".part")]
        empty_trash(host)
        settle(host, prune=True, delete_data=("*",))
        empty_trash(host)
        assert host.libvirt_secret == {} and host.volume == {}


def empty_trash(host: FakeHost) -> None:
    """The UUIDs of this host begin alike, and so would what is in the trash."""
    host.volume = {path: it for path, it in host.volume.items() if not path.endswith(".trash")}


def test_a_snapshot_opens_with_its_origins_key(host: FakeHost) -> None:
    snap = volume("snap", snapshotOf="data", size="20%ORIGIN", **LUKS)
    settle(host, DATA)
    settle(host, DATA, snap)
    assert len(host.libvirt_secret) == 2
    assert len([step for step in host.performed if isinstance(step, EncryptVolume)]) == 1
    other = snap.replace('"snap"', '"other"').replace("name: snap", "name: other")
    with pytest.raises(Problems, match="opens with the key of logicalvolume/data"):
        plan_for(host, DATA, snap, other.replace('"KEY"', '"OTHER"'))


@pytest.mark.parametrize("documents, says", [
    ((DATA, volume("snap", snapshotOf="data", size="1GiB")), "is a snapshot, is encrypted"),
    ((PLAIN, volume("snap", snapshotOf="data", size="1GiB", **LUKS)), "is not encrypted"),
    ((volume("pool", size="1GiB", type="thin-pool", **LUKS),), "a thin pool holds volumes"),
    ((volume("it", external=True, name="it", **LUKS),), "its key is not kept here"),
    ((volume("it", size="2MiB", **LUKS),), "no room behind its LUKS header, which takes 2MiB"),
])
def test_what_does_not_go_together(documents: tuple[str, ...], says: str) -> None:
    said = problems_of(*documents)
    assert len(said) == 1 and says in said[0], said


def test_image_and_header_have_to_fit(host: FakeHost) -> None:
    settle(host, IMAGE)
    with pytest.raises(Problems, match="has 3GiB, and a LUKS header takes 2MiB") as error:
        plan_for(host, IMAGE, volume("a", size="3GiB", image="debian", **LUKS))
    assert "write size: 3074MiB or more" in str(error.value)
    settle(host, IMAGE, volume("a", size="3074MiB", image="debian", **LUKS))


def test_in_a_thin_pool_the_whole_image_takes_room(host: FakeHost) -> None:
    pool = volume("pool", size="2GiB", type="thin-pool")
    settle(host, pool, IMAGE)
    thin = volume("a", size="4GiB", thinPool="pool", image="debian")
    assert not check(host, pool, IMAGE, thin)
    (said,) = check(host, pool, IMAGE, volume(
        "a", size="4GiB", thinPool="pool", image="debian", **LUKS))
    assert "takes at least 3.0GiB" in said.summary and "has 2.0GiB left" in said.summary


def test_one_that_is_not_active_is_unknown(host: FakeHost) -> None:
    settle(host, DATA)
    there = host.images
    host.images = lambda formats: {  # type: ignore[method-assign]
        path: facts for path, facts in there(formats).items() if path != PATH}
    (change,) = plan_for(host, DATA).changes
    assert change.blocked and "is not active" in change.blocked


def test_what_another_cloud_has_encrypted_is_not_given_out_in_its_cipher(host: FakeHost) -> None:
    settle(host, DATA)
    theirs = volume("theirs", external=True, name="lab-data")
    (change,) = (c for c in plan_for(host, theirs).changes if c.blocked)
    assert "the key of an external disk is not kept here" in change.blocked


def test_a_header_is_no_larger_than_what_is_kept_for_it() -> None:
    assert luks.ROOM - MIB < HEADER <= luks.ROOM
