"""Encrypted disks: LUKS, with their keys as secrets of libvirt."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.fake.host import FakeHost
from tests.unit.cloud import IMAGE as DEBIAN
from tests.unit.cloud import (
    STORAGE,
    WEB,
    brief,
    carry_out,
    destroy_for,
    fake_host,
    load,
    plan_for,
    settle,
)
from tiny_cloud.errors import Problems
from tiny_cloud.libvirt_xml import chains, read
from tiny_cloud.model import Address, Impact
from tiny_cloud.steps import CreateDisk, DefineSecret, EditGuest, Publish, UndefineSecret

KEY = "canary-of-the-key"
PLAIN = "kind: Disk\nmetadata: {name: data}\nspec: {size: 1GiB}"
DATA = "kind: Disk\nmetadata: {name: data}\nspec: {size: 1GiB, encryption: {secret: {env: KEY}}}"
RAW = DATA.replace("1GiB,", "1GiB, format: raw,")
MACHINE = WEB.replace("size: 4GiB", "size: 4GiB, encryption: {secret: {env: KEY}}")
DISK = Address("disk", "data")


@pytest.fixture
def host() -> FakeHost:
    host = fake_host()
    host.secret["KEY"] = KEY
    return host


def steps_of(host: FakeHost, *documents: str, **consents: tuple[str, ...]) -> list[object]:
    plan = plan_for(host, *documents, **consents)
    return [step for task in plan.tasks for step in task.steps]


def test_a_machine_boots_from_an_encrypted_overlay(host: FakeHost) -> None:
    settle(host, DEBIAN, MACHINE)
    (secret,) = host.libvirt_secret.values()
    assert secret.usage == "tinycloud lab disk/web-root encryption.secret"
    top, base = chains(host.domain["lab-web"].xml)["root"]
    assert (top.format, top.secret) == ("qcow2", secret.uuid)
    assert base.secret == ""
    made = [step for step in host.performed if isinstance(step, CreateDisk | EditGuest)]
    assert [step.secret for step in made] == [{"env": "KEY"}, {"env": "KEY"}]
    assert KEY not in repr(host.performed)


def test_raw_behind_luks_is_raw_to_libvirt_and_luks_to_qemu_img(host: FakeHost) -> None:
    machine = MACHINE.replace("image: debian, ", "format: raw, ").partition("  guest:")[0]
    settle(host, machine.partition("  interfaces:")[0])
    (made,) = (step for step in host.performed if isinstance(step, CreateDisk))
    assert (made.to, made.format) == (f"{STORAGE}/disks/web-root.luks.part", "luks")
    xml = host.domain["lab-web"].xml
    assert read(xml)["disks[root].format"] == "raw"
    (top,) = chains(xml)["root"]
    assert (top.format, top.secret) == ("luks", *host.libvirt_secret)


def test_a_grow_takes_the_key_on_stdin(host: FakeHost) -> None:
    for document, format in ((DATA, "qcow2"), (RAW, "luks")):
        settle(host, document)
        plan = plan_for(host, document.replace("1GiB", "2GiB"))
        (typed,) = (step.shell() for step in plan.changes[0].up if "resize" in step.shell())
        path = f"{STORAGE}/disks/data.{format}"
        word = "key-secret" if format == "luks" else "encrypt.key-secret"
        assert typed == (
            f'printf %s "$KEY" | qemu-img resize --object secret,id=key,file=/dev/stdin'
            f" --image-opts driver={format},file.driver=file,file.filename={path},{word}=key"
            " 2147483648")
        settle(host, prune=True, delete_data=("disk/data",))


def test_another_key_is_another_disk(host: FakeHost) -> None:
    settle(host, DATA)
    host.secret["KEY"] = "another"
    plan = plan_for(host, DATA)
    assert brief(plan) == ["± disk/data !"]
    (diff,) = plan.changes[0].diffs
    assert (diff.field, diff.old, diff.new) == ("encryption.secret", "(another)", "env KEY")
    assert plan.changes[0].allow == "--replace disk/data"
    assert any("put that one back" in note.text for note in plan.notes)
    settle(host, DATA, replace=("disk/data",))


@pytest.mark.parametrize("before, after", [(PLAIN, DATA), (DATA, PLAIN)])
def test_encryption_comes_and_goes_only_with_a_new_disk(
    host: FakeHost, before: str, after: str
) -> None:
    settle(host, before)
    assert brief(plan_for(host, after)) == ["± disk/data !"]
    settle(host, after, replace=("disk/data",))
    assert len(host.libvirt_secret) == (after is DATA)


def test_a_secret_that_libvirt_lost_is_given_to_it_again(host: FakeHost) -> None:
    settle(host, DATA)
    host.libvirt_secret.clear()
    plan = plan_for(host, DATA)
    assert brief(plan) == ["~ disk/data"]
    assert plan.changes[0].impact is Impact.NONE
    (again,) = (step for step in plan.changes[0].up if isinstance(step, DefineSecret))
    assert (again.volume, again.format) == (f"{STORAGE}/disks/data.qcow2", "qcow2")
    settle(host, DATA)


def test_a_lost_record_of_the_key_is_written_once_it_has_opened_the_disk(host: FakeHost) -> None:
    settle(host, DATA)
    (uuid,) = host.libvirt_secret
    del host.record[Address("secret", uuid)]
    assert brief(plan_for(host, DATA)) == ["~ disk/data"]
    settle(host, DATA)


def test_a_key_for_a_disk_that_was_never_published_is_not_that_of_the_old_one(
    host: FakeHost
) -> None:
    """A kill between the two: what libvirt has by then is the key of the new disk."""
    settle(host, DATA)
    file = host.file[f"{STORAGE}/disks/data.qcow2"]
    file.facts = replace(file.facts, volume="the one before")
    assert brief(plan_for(host, DATA)) == ["± disk/data !"]


def test_a_kill_before_the_plain_disk_is_published_leaves_the_encrypted_one(
    host: FakeHost
) -> None:
    settle(host, DATA)
    host.fails = lambda step: isinstance(step, Publish)
    carry_out(host, plan_for(host, PLAIN, replace=("disk/data",)))
    host.fails = lambda step: False
    host.file[f"{STORAGE}/disks/data.qcow2"] = host.file.pop(trashed(host))
    assert brief(plan_for(host, PLAIN)) == ["± disk/data !"]
    settle(host, PLAIN, replace=("disk/data",))
    assert host.libvirt_secret == {}


def trashed(host: FakeHost) -> str:
    (path,) = (path for path in host.file if "/trash/" in path)
    return path


def test_the_key_goes_with_the_disk(host: FakeHost) -> None:
    settle(host, DATA)
    plan = destroy_for(host, DATA, delete_data=("disk/data",))
    assert any(isinstance(step, UndefineSecret) for c in plan.changes for step in c.down)
    settle(host, prune=True, delete_data=("disk/data",))
    assert host.libvirt_secret == {}
    assert host.record == {}


@pytest.mark.parametrize("key", [KEY, "another"])
def test_whatever_step_is_the_last_the_next_apply_finishes(host: FakeHost, key: str) -> None:
    """From nothing, and from a disk with another key to a new one."""
    for last in range(1, 12):
        if key != KEY:
            host.secret["KEY"] = f"{key} {last}"
            host.secret["OLD"], old = KEY, DATA.replace("KEY", "OLD")
            settle(host, old, replace=("disk/data",))
        left = iter(range(last))
        host.fails = lambda step, left=left: next(left, None) is None
        carry_out(host, plan_for(host, DATA, replace=("disk/data",)))
        host.fails = lambda step: False
        settle(host, DATA, replace=("disk/data",))
        disk = host.file[f"{STORAGE}/disks/data.qcow2"]
        (uuid,) = host.libvirt_secret
        record = host.record[Address("secret", uuid)]
        assert record["hash"] == f"hash of {host.secret['KEY']}"
        assert record["volume"] == disk.facts.volume
        settle(host, prune=True, delete_data=("disk/data",))
        assert host.libvirt_secret == {}


def test_a_renamed_disk_has_a_secret_of_its_own(host: FakeHost) -> None:
    settle(host, DATA)
    settle(host, DATA.replace("name: data", "name: logs, renamedFrom: data"))
    (secret,) = host.libvirt_secret.values()
    assert secret.usage == "tinycloud lab disk/logs encryption.secret"


def test_the_old_aes_is_not_taken_over(host: FakeHost) -> None:
    settle(host, PLAIN)
    file = host.file[f"{STORAGE}/disks/data.qcow2"]
    file.facts = replace(file.facts, encryption="aes")
    (change,) = plan_for(host, DATA, adopt=("disk/data",)).changes
    assert "qcow2's old AES" in change.blocked


def test_an_encrypted_disk_without_a_declared_key_is_not_taken_over(host: FakeHost) -> None:
    settle(host, PLAIN)
    file = host.file[f"{STORAGE}/disks/data.qcow2"]
    file.facts = replace(file.facts, encryption="luks", volume="of somebody")
    file.stamp = None
    (change,) = plan_for(host, PLAIN, adopt=("disk/data",)).changes
    assert "no key is declared for it" in change.blocked


def test_a_hash_is_no_key() -> None:
    with pytest.raises(Problems, match="one of file, env or command"):
        load(DATA.replace("{env: KEY}", "{hash: $6$a$b}"))
