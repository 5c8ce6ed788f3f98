"""What stands on what: overlays of overlays, other bases, and what nothing stands on any more."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.fake.host import FakeFile, FakeHost
from tests.unit.cloud import STORAGE, brief, context, fake_host, load, plan_for, settle
from tiny_cloud import errands, linking, probe
from tiny_cloud.errands.commit import document, errand
from tiny_cloud.errands.gc import collect
from tiny_cloud.errors import Failure, Problems
from tiny_cloud.facts import ImageFacts
from tiny_cloud.libvirt_xml import chains
from tiny_cloud.model import Address, Plan

DISKS, IMAGES = f"{STORAGE}/disks", f"{STORAGE}/images"
GOLDEN = "kind: Disk\nmetadata: {name: golden}\nspec: {image: debian, size: 4GiB}"
LEAF = "kind: Disk\nmetadata: {name: leaf}\nspec: {base: golden}"
OTHER = "kind: Disk\nmetadata: {name: other}\nspec: {image: debian}"


def image(suite: str = "bookworm", name: str = "debian") -> str:
    return (f"kind: Image\nmetadata: {{name: {name}}}\n"
            f"spec: {{source: {{debootstrap: {{suite: {suite}}}}}}}")


def machine(name: str, item: str, **spec: str) -> str:
    rest = "".join(f", {key}: {value}" for key, value in spec.items())
    return (f"kind: VirtualMachine\nmetadata: {{name: {name}}}\n"
            f"spec: {{cpus: 1, memory: 64MiB, disks: [{item}]{rest}}}")


WEB = machine("web", "{name: root, base: golden}")
STACK = (image(), GOLDEN, WEB)


def notes(plan: Plan) -> str:
    return "\n".join(f"{note.address}: {note.text}" for note in plan.notes)


def blocked(plan: Plan, address: str) -> str:
    (found,) = [change.blocked for change in plan.changes if str(change.address) == address]
    return found


def files(host: FakeHost, name: str) -> list[str]:
    (chain,) = chains(host.domain[name].xml).values()
    return [layer.path for layer in chain]


def test_the_whole_chain_is_in_the_definition_and_its_depth_is_said() -> None:
    host = fake_host()
    settle(host, *STACK)
    (base,) = (path for path in host.file if path.startswith(IMAGES))
    expected = [f"{DISKS}/web-root.qcow2", f"{DISKS}/golden.qcow2", base]
    assert files(host, "lab-web") == expected
    # libvirt's qemu user has to read the disk below, and nobody else may; an image is for all.
    root, golden = (f'file="{path}"' for path in expected[:2])
    xml = host.domain["lab-web"].xml
    assert f"<source {golden}/>" in xml and f'<source file="{base}">' in xml and root in xml
    assert "disk/web-root: stands on 2 layers" in notes(plan_for(host, *STACK))


def test_a_disk_stands_on_a_disk_that_was_there_before_on_an_older_image() -> None:
    host = fake_host()
    settle(host, image(), GOLDEN)
    old = host.file[f"{DISKS}/golden.qcow2"].facts.backing
    settle(host, image("trixie"), GOLDEN, WEB)
    assert files(host, "lab-web")[2] == old


@pytest.mark.parametrize("change", [
    "size: 8GiB, image: debian", "image: debian, size: 4GiB, format: raw"])
def test_a_base_is_never_written(change: str) -> None:
    host = fake_host()
    settle(host, *STACK)
    golden = f"kind: Disk\nmetadata: {{name: golden}}\nspec: {{{change}}}"
    if "raw" in change:
        golden = golden.replace("image: debian, ", "")
    plan = plan_for(host, image(), golden, WEB, replace=("*",), restart=("*",))
    assert "disk/web-root stands on it" in blocked(plan, "disk/golden")


EXTERNAL = """
kind: Disk
metadata: {name: theirs}
spec: {external: true, path: /srv/top.qcow2, format: qcow2}
"""


def stacked(host: FakeHost, *names: str) -> list[str]:
    """Images in /srv, each standing on the next."""
    paths = [f"/srv/{name}.qcow2" for name in names]
    for number, (path, below) in enumerate(zip(paths, [*paths[1:], ""], strict=True)):
        facts = ImageFacts("qcow2", 1 << 30, 4096, below, "qcow2" if below else "")
        host.file[path] = FakeFile(number, facts)
    return paths


def test_a_deep_chain_of_somebody_else_is_taken_as_it_is() -> None:
    host = fake_host()
    paths = stacked(host, "top", "middle", "lower", "lowest")
    web = machine("web", "{name: root, disk: theirs}")
    settle(host, EXTERNAL, web)
    assert files(host, "lab-web") == paths
    assert "disk/theirs: stands on 3 layers" in notes(plan_for(host, EXTERNAL, web))
    # Somebody moves it to another base behind our back: the definition would show other data.
    host.file[paths[1]].facts = replace(host.file[paths[1]].facts, backing=paths[3])
    assert brief(plan_for(host, EXTERNAL, web)) == ["~ virtualmachine/web"]


def test_a_chain_with_a_hole_is_not_used() -> None:
    host = fake_host()
    paths = stacked(host, "top", "middle", "lower", "lowest")
    del host.file[paths[2]]
    plan = plan_for(host, EXTERNAL, machine("web", "{name: root, disk: theirs}"))
    assert f"stands on {paths[2]}, which is not there" in blocked(plan, "disk/theirs")
    assert not plan.tasks


def test_a_file_of_somebody_else_is_adopted_with_all_it_stands_on() -> None:
    host = fake_host()
    paths = stacked(host, "top", "middle", "lower")
    host.file[f"{DISKS}/web-root.qcow2"] = host.file.pop(paths[0])
    web = machine("web", "{name: root, size: 1GiB}")
    assert "--adopt disk/web-root" in plan_for(host, web).changes[0].allow
    settle(host, web, adopt=("disk/web-root",))
    assert files(host, "lab-web") == [f"{DISKS}/web-root.qcow2", *paths[1:]]


def test_a_base_is_not_renamed_nor_deleted_nor_filled_again() -> None:
    host = fake_host()
    filled = ("kind: Guest\nmetadata: {name: golden}\nspec: {disk: golden, hostname: one}")
    settle(host, *STACK, filled)
    plan = plan_for(host, *STACK, filled.replace("one", "two"), restart=("*",))
    assert "would write to disk/golden" in blocked(plan, "guest/golden")
    renamed = GOLDEN.replace("golden}", "gold, renamedFrom: golden}")
    plan = plan_for(host, image(), renamed, WEB.replace("golden", "gold"), restart=("*",))
    assert "stands on it" in blocked(plan, "disk/gold")
    plan = plan_for(host, image(), prune=True, delete_data=("disk/golden",))
    assert "disk/web-root stands on it" in blocked(plan, "disk/golden")


def test_a_machine_that_writes_to_a_base_is_refused_and_one_that_reads_is_not() -> None:
    item = "{name: root, disk: golden%s}"
    with pytest.raises(Problems, match="gold writes to disk/golden, on which disk/leaf stands"):
        load(image(), GOLDEN, LEAF, machine("gold", item % ""))
    host = fake_host()
    settle(host, image(), GOLDEN, LEAF, machine("gold", item % ", readonly: true"))
    settle(host, image(), GOLDEN, LEAF, machine("gold", item % "", running="false"))


def test_an_overlay_that_nobody_declares_keeps_its_base_from_being_written() -> None:
    host = fake_host()
    settle(host, image(), GOLDEN, LEAF)
    plan = plan_for(host, image(), GOLDEN, machine("gold", "{name: root, disk: golden}"))
    assert "write to disk/golden, on which disk/leaf stands" in blocked(
        plan, "virtualmachine/gold")
    assert not plan.tasks


def test_nothing_is_put_on_a_disk_that_a_machine_writes_to() -> None:
    host = fake_host()
    gold = machine("gold", "{name: root, disk: golden}")
    settle(host, image(), GOLDEN, gold)
    plan = plan_for(host, image(), GOLDEN, LEAF, gold.replace("memory", "running: false, memory"))
    assert "in use by the running domain lab-gold" in blocked(plan, "disk/leaf")


def test_a_new_version_names_the_disks_and_machines_that_stand_on_the_old_one() -> None:
    host = fake_host()
    settle(host, *STACK, OTHER)
    later = (image("trixie"), GOLDEN, WEB, OTHER)
    said = notes(plan_for(host, *later))
    assert "disk/golden: stands on an older version of image/debian" in said
    assert "(machine lab-web); --rebase disk/golden moves it" in said
    settle(host, *later)
    said = notes(plan_for(host, *later))
    assert "on it stand disk/golden, disk/other, the machine lab-web" in said
    assert "--rebase disk/other moves it" in said


def test_rebase_takes_the_consent_and_the_machine_down() -> None:
    host = fake_host()
    web = machine("web", "{name: root, image: debian}")
    settle(host, image(), web)
    before = host.domain["lab-web"].uuid, host.file[f"{DISKS}/web-root.qcow2"].inode
    settle(host, image("trixie"), web)
    plan = plan_for(host, image("trixie"), web, rebase=("disk/web-root",))
    (disk,) = [change for change in plan.changes if str(change.address) == "disk/web-root"]
    assert disk.allow == "--restart virtualmachine/web"
    done = settle(host, image("trixie"), web, rebase=("disk/web-root",), restart=("vm*", "virt*"))
    assert brief(done) == ["~ disk/web-root", "~ virtualmachine/web"]
    new = host.file[f"{DISKS}/web-root.qcow2"].facts.backing
    assert files(host, "lab-web") == [f"{DISKS}/web-root.qcow2", new]
    assert host.domain["lab-web"].live_xml and host.domain["lab-web"].uuid == before[0]


def test_the_guest_of_a_disk_that_was_rebased_is_still_known() -> None:
    host = fake_host()
    web = machine("web", "{name: root, image: debian}", guest="{hostname: web}", running="false")
    settle(host, image(), web)
    for suite in ("trixie", "forky"):
        settle(host, image(suite), web)
        settle(host, image(suite), web, rebase=("*",))
    # What is changed in it later is written into the file that it is now.
    settle(host, image("forky"), web.replace("hostname: web", "hostname: www"))
    settle(host, image(), web.replace("hostname: web", "hostname: www"))
    settle(host, image(), web.replace("hostname: web", "hostname: www"), rebase=("*",))


def test_rebase_goes_from_image_to_disk_and_refuses_what_does_not_fit() -> None:
    host = fake_host()
    settle(host, image(), GOLDEN, OTHER)
    on_golden = OTHER.replace("image: debian", "base: golden, size: 4GiB")
    settle(host, image(), GOLDEN, on_golden, rebase=("disk/other",))
    assert host.file[f"{DISKS}/other.qcow2"].facts.backing == f"{DISKS}/golden.qcow2"
    with pytest.raises(Problems, match="is smaller than its base, which has 4GiB"):
        plan_for(host, image(), GOLDEN, OTHER.replace("other", "small").replace(
            "image: debian", "base: golden, size: 3GiB"))


def test_a_disk_with_snapshots_is_not_rebased() -> None:
    host = fake_host()
    settle(host, image(), OTHER)
    one = host.file[f"{DISKS}/other.qcow2"]
    one.facts = ImageFacts("qcow2", 3 << 30, 4096, one.facts.backing, "qcow2",
                           snapshots=("monday",))
    plan = plan_for(host, image("trixie"), OTHER, rebase=("*",))
    assert "snapshots monday" in blocked(plan, "disk/other")


def test_a_flattened_disk_stands_alone_and_its_machine_knows() -> None:
    host = fake_host()
    settle(host, *STACK)
    settle(host, *STACK, flatten=("disk/web-root",), restart=("virtualmachine/web",))
    assert files(host, "lab-web") == [f"{DISKS}/web-root.qcow2"]
    assert "--rebase disk/web-root moves it" in notes(plan_for(host, *STACK))
    alone = machine("web", "{name: root, size: 4GiB}")
    assert brief(plan_for(host, image(), GOLDEN, alone)) == []


def commit(disk: str, name: str) -> errands.Errand:
    return errand(Address("disk", disk), Address("image", name))


def errand_for(host: FakeHost, what: errands.Errand, *documents: str) -> Plan:
    found = load(*documents, host=host)
    own = probe.discover(host, context(found.cloud, host), found.resources)
    linking.relink([*found.resources, *own])
    actual = probe.probe(host, [*found.resources, *own])
    return what(host, context(found.cloud, host), found.resources, own, actual)


def trashed(plan: Plan) -> list[str]:
    return [str(diff.old) for change in plan.changes for diff in change.diffs]


def test_gc_takes_what_nothing_names() -> None:
    host = fake_host()
    settle(host, image(), OTHER)
    old = host.file[f"{DISKS}/other.qcow2"].facts.backing
    settle(host, image("trixie"), OTHER)
    (new,) = {path for path in host.file if path.startswith(IMAGES)} - {old}
    assert trashed(errand_for(host, collect, image("trixie"), OTHER)) == []
    # Not declared any more, and yet somebody's base.
    assert trashed(errand_for(host, collect)) == [new.rpartition("/")[2]]
    settle(host, image("trixie"), OTHER, rebase=("*",))
    plan = errand_for(host, collect, image("trixie"), OTHER)
    assert trashed(plan) == [old.rpartition("/")[2]] and brief(plan) == ["~ image/debian"]
    assert Address("image", "debian") in host.record


def test_gc_leaves_alone_what_is_not_ours_or_not_known() -> None:
    host = fake_host()
    settle(host, image())
    ours = next(path for path in host.file if path.startswith(IMAGES))
    host.file[f"{IMAGES}/foreign-0123456789ab.qcow2"] = FakeFile(7, ImageFacts("qcow2", 1, 1))
    plan = errand_for(host, collect)
    assert trashed(plan) == [ours.rpartition("/")[2]] and brief(plan) == ["- image/debian"]
    # A disk that somebody else made stands on it.
    host.file[f"{DISKS}/theirs.qcow2"] = FakeFile(8, ImageFacts("qcow2", 1, 1, ours, "qcow2"))
    assert trashed(errand_for(host, collect)) == []


def test_gc_leaves_what_is_protected_and_takes_what_a_commit_left() -> None:
    host = fake_host()
    note = '{name: debian, annotations: {tinycloud/protect: "true"}}'
    kept = image().replace("{name: debian}", note)
    settle(host, kept)
    assert trashed(errand_for(host, collect)) == []
    part = f"{IMAGES}/golden-000000000000.qcow2.part"
    host.file[part] = FakeFile(9, ImageFacts("qcow2", 1, 1))
    plan = errand_for(host, collect)
    assert brief(plan) == ["- image/golden"]
    assert [step.shell() for task in plan.tasks for step in task.steps] == [f"rm -f {part}"]


def test_gc_takes_kernels_that_nobody_boots() -> None:
    host = fake_host()
    kernel = "{fromImage: true, cmdline: root=/dev/vda2}"
    boots = machine("web", "{name: root, image: debian}", kernel=kernel)
    settle(host, image(), boots)
    assert trashed(errand_for(host, collect, image(), boots)) == []
    plain = machine("web", "{name: root, image: debian}", running="false")
    # The definition names them still.
    assert trashed(errand_for(host, collect, image(), plain)) == []
    host.domain.clear()
    gone = trashed(errand_for(host, collect, image(), plain))
    assert [name.rpartition(".")[2] for name in gone] == ["initrd", "vmlinuz"]


def test_commit_refuses_what_is_taken_or_running() -> None:
    host = fake_host()
    settle(host, *STACK)
    with pytest.raises(Failure, match="in use by the running domain lab-web"):
        errand_for(host, commit("web-root", "new"), *STACK)
    with pytest.raises(Failure, match="image/debian is there already"):
        errand_for(host, commit("golden", "debian"), *STACK)
    with pytest.raises(Problems, match="there is no disk/golde"):
        errand_for(host, commit("golde", "new"), *STACK)
    with pytest.raises(Problems, match="name"):
        errand_for(host, commit("golden", "No/Name"), *STACK)
    plan = errand_for(host, commit("golden", "new"), *STACK)
    assert brief(plan) == ["+ image/new"]


def test_a_commits_document_is_a_manifest() -> None:
    source = {"url": "file:///srv/lab/images/new-0123456789ab.qcow2", "sha256": "a" * 64}
    found = load(document("new", source).partition("\n")[2])
    assert found.resources[0].spec == {"source": source}
