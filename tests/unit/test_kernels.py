"""Kernels out of images: which version of the image, what is cut off, what is left."""

from __future__ import annotations

import pytest

from tests.fake.host import FakeHost
from tests.unit.cloud import IMAGE, brief, destroy_for, fake_host, plan_for, settle
from tiny_cloud.libvirt_xml import read
from tiny_cloud.model import Ownership
from tiny_cloud.steps import ExtractKernel, Publish

NEWER = IMAGE.replace("bookworm", "trixie")
CMDLINE = "cmdline: root=/dev/vda2 ro"
PINNED = ("kernel pinned: 6.1.0-28-amd64 of image/debian; the guest's own upgrades do not "
          "change it")


def machine(kernel: str = f"kernel: {{fromImage: true, {CMDLINE}}}", name: str = "web",
            running: str = "false") -> str:
    return f"""
        kind: VirtualMachine
        metadata: {{name: {name}}}
        spec:
          cpus: 1
          memory: 512MiB
          running: {running}
          disks: [{{name: root, image: debian}}]
          {kernel}
    """


def names(host: FakeHost, folder: str = "images") -> list[str]:
    """Endings of what lies in there."""
    return sorted(path.split(".")[1] for path in host.file if f"/{folder}/" in path)


def boots(host: FakeHost, name: str = "web") -> tuple[str, str]:
    fields = read(host.domain[f"lab-{name}"].xml)
    return str(fields.get("kernel.path")), str(fields.get("kernel.initrd"))


def base(host: FakeHost, name: str = "web") -> str:
    return host.file[f"/srv/lab/disks/{name}-root.qcow2"].facts.backing.removesuffix(".qcow2")


def notes(host: FakeHost, *documents: str) -> list[str]:
    return [note.text for note in plan_for(host, *documents).notes
            if note.address.kind == "virtualmachine"]


def test_the_files_lie_beside_the_image_and_are_its_own() -> None:
    host = fake_host()
    settle(host, IMAGE, machine())
    assert names(host) == ["initrd", "qcow2", "vmlinuz"]
    assert boots(host) == (f"{base(host)}.vmlinuz", f"{base(host)}.initrd")
    assert notes(host, IMAGE, machine()) == [PINNED]
    settle(host, prune=True, delete_data=("*",))
    assert (names(host), names(host, "trash")) == (
        [], ["initrd", "qcow2", "qcow2", "vmlinuz"])


def test_two_machines_share_them() -> None:
    host = fake_host()
    settle(host, IMAGE, machine(), machine(name="db"))
    assert boots(host, "db") == boots(host)
    assert len([s for s in host.performed if isinstance(s, ExtractKernel)]) == 1


def test_a_machine_that_wants_none_takes_none_out() -> None:
    host = fake_host()
    settle(host, IMAGE, machine(""))
    assert names(host) == ["qcow2"]
    assert boots(host) == ("None", "None")


def test_a_disk_on_an_older_version_boots_the_kernel_of_that() -> None:
    host = fake_host()
    settle(host, IMAGE, machine())
    before = boots(host)
    plan = settle(host, NEWER, machine())
    # The machine's definition names the old file, and goes on doing so.
    assert brief(plan) == ["+ image/debian"]
    assert boots(host) == before
    assert names(host) == ["initrd", "initrd", "qcow2", "qcow2", "vmlinuz", "vmlinuz"]
    plan = settle(host, NEWER, machine(), replace=("disk/web-root",))
    settle(host, NEWER, machine(name="db"), machine())
    assert boots(host, "db")[0] == f"{base(host, 'db')}.vmlinuz" != before[0]


def test_a_kernel_is_wanted_later_of_an_older_version() -> None:
    host = fake_host()
    settle(host, IMAGE, machine(""))
    settle(host, NEWER, machine(""))
    assert brief(settle(host, NEWER, machine())) == ["~ image/debian", "~ virtualmachine/web"]
    assert boots(host)[0] == f"{base(host)}.vmlinuz"
    assert boots(host)[0] in host.file


def test_from_a_file_of_the_host_and_back() -> None:
    host = fake_host()
    settle(host, IMAGE, machine())
    settle(host, IMAGE, machine("kernel: {path: /boot/vmlinuz}"))
    assert boots(host) == ("/boot/vmlinuz", "None")
    settle(host, IMAGE, machine("kernel: {path: /boot/vmlinuz, initrd: /boot/initrd}"))
    settle(host, IMAGE, machine())
    assert boots(host)[0] == f"{base(host)}.vmlinuz"
    settle(host, IMAGE, machine(""))
    assert boots(host) == ("None", "None")


def test_of_a_running_machine_it_waits_for_the_next_boot() -> None:
    host = fake_host()
    settle(host, IMAGE, machine("", running="true"))
    plan = settle(host, IMAGE, machine(running="true"))
    assert [(d.field, d.impact.value) for c in plan.changes for d in c.diffs] == [
        ("kernel", "none"), ("kernel.cmdline", "at next boot"), ("kernel.image", "at next boot")]
    assert any(", kernel.image" in note and "kernel.path" not in note
               for note in notes(host, IMAGE, machine(running="true")))


@pytest.mark.parametrize("lost", [("vmlinuz",), ("initrd",), ("vmlinuz", "initrd")])
def test_what_was_lost_is_taken_out_again(lost: tuple[str, ...]) -> None:
    host = fake_host()
    settle(host, IMAGE, machine())
    for ending in lost:
        del host.file[f"{base(host)}.{ending}"]
    host.performed.clear()
    assert brief(settle(host, IMAGE, machine())) == ["~ image/debian"]
    assert len([s for s in host.performed if isinstance(s, Publish)]) == len(lost)


@pytest.mark.parametrize("left", [0, 1, 2])
def test_the_image_itself_was_lost(left: int) -> None:
    """The one that is built in its place may have another kernel."""
    host = fake_host()
    settle(host, IMAGE, machine())
    image = base(host)
    for ending in ("qcow2", "initrd", "vmlinuz")[:3 - left]:
        del host.file[f"{image}.{ending}"]
    before = dict(host.file)
    settle(host, IMAGE, machine())
    assert names(host) == ["initrd", "qcow2", "vmlinuz"]
    assert not any(host.file[path] is file for path, file in before.items() if "/images/" in path)


def test_an_image_that_was_made_anew_before_its_kernel_was_wanted_again() -> None:
    host = fake_host()
    settle(host, IMAGE, machine())
    image, old = base(host), host.file[f"{base(host)}.vmlinuz"]
    settle(host, IMAGE, machine(""))
    del host.file[f"{image}.qcow2"]
    settle(host, IMAGE, machine(""))
    settle(host, IMAGE, machine())
    assert host.file[f"{image}.vmlinuz"] is not old


def test_leftovers_are_tidied() -> None:
    host = fake_host()
    settle(host, IMAGE, machine())
    part = f"{base(host)}.initrd.part"
    host.file[part] = host.file[f"{base(host)}.initrd"]
    assert brief(settle(host, IMAGE, machine())) == ["~ image/debian"]
    assert part not in host.file


def test_somebody_elses_file_in_its_place_is_not_booted() -> None:
    host = fake_host()
    settle(host, IMAGE, machine())
    host.file[f"{base(host)}.vmlinuz"].stamp = None
    plan = plan_for(host, IMAGE, machine())
    assert "was not made here" in plan.changes[0].blocked


def test_which_it_is_is_still_known_when_the_image_is_renamed() -> None:
    host = fake_host()
    settle(host, IMAGE, machine())
    renamed = IMAGE.replace("name: debian", "name: base, renamedFrom: debian")
    settle(host, renamed, machine().replace("image: debian", "image: base"))
    assert notes(host, renamed, machine().replace("image: debian", "image: base")) == [
        PINNED.replace("image/debian", "image/base")]


def test_a_disk_that_somebody_made_anew_without_the_image() -> None:
    host = fake_host()
    settle(host, IMAGE, machine(""))
    one = host.file["/srv/lab/disks/web-root.qcow2"]
    one.facts = type(one.facts)("qcow2", 1 << 30, 4096)
    with pytest.raises(Exception, match=r"stands on nothing, which is not image/debian"):
        plan_for(host, IMAGE, machine())


def test_destroy() -> None:
    host = fake_host()
    settle(host, IMAGE, machine())
    plan = destroy_for(host, IMAGE, machine(), delete_data=("*",))
    assert brief(plan) == ["- virtualmachine/web", "- disk/web-root", "- image/debian"]
    assert Ownership.OURS in {c.observed.ownership for c in plan.changes if c.observed}
