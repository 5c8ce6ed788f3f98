"""Layers where they meet encrypted disks and logical volumes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from tests.fake.host import FakeFile, FakeHost
from tests.unit.cloud import IMAGE, STORAGE, brief, fake_host, load, plan_for, settle
from tests.unit.test_layers import (
    DISKS,
    GOLDEN,
    blocked,
    commit,
    errand_for,
    image,
    machine,
    notes,
    stacked,
)
from tests.unit.test_logical_volume import volume
from tiny_cloud.errands.gc import collect
from tiny_cloud.errors import Failure, Problems
from tiny_cloud.facts import ImageFacts
from tiny_cloud.libvirt_xml import chains
from tiny_cloud.model import Unknown
from tiny_cloud.steps import Define, Shutdown

KEYED = "encryption: {secret: {env: KEY}}"
TOP = "{name: root, base: golden, " + KEYED + "}"


@pytest.fixture
def host() -> FakeHost:
    host = fake_host()
    host.secret["KEY"] = "canary"
    return host


def test_an_encrypted_disk_stands_on_a_plain_one_and_its_key_is_the_tops(host: FakeHost) -> None:
    settle(host, image(), GOLDEN, machine("web", TOP))
    (secret,) = host.libvirt_secret
    (chain,) = chains(host.domain["lab-web"].xml).values()
    assert [layer.secret for layer in chain] == [secret, "", ""]
    assert [layer.path for layer in chain][:2] == [
        f"{DISKS}/web-root.qcow2", f"{DISKS}/golden.qcow2"]


def test_nothing_stands_on_an_encrypted_disk() -> None:
    leaf = "kind: Disk\nmetadata: {name: leaf}\nspec: {base: golden}"
    with pytest.raises(Problems, match="disk/leaf cannot stand on disk/golden, which is encrypted"):
        load(image(), GOLDEN.replace("size:", f"{KEYED}, size:"), leaf)


def test_what_somebody_else_put_on_an_encrypted_image_is_not_used(host: FakeHost) -> None:
    paths = stacked(host, "top", "middle", "lower")
    lowest = host.file[paths[2]]
    lowest.facts = replace(lowest.facts, encryption="luks")
    theirs = ("kind: Disk\nmetadata: {name: theirs}\n"
              f"spec: {{external: true, path: {paths[0]}, format: qcow2}}")
    said = f"stands on {paths[2]}, which is encrypted; a base is opened without a key"
    assert said in blocked(plan_for(host, theirs), "disk/theirs")
    host.file[f"{DISKS}/ours.qcow2"] = host.file.pop(paths[0])
    ours = "kind: Disk\nmetadata: {name: ours}\nspec: {size: 1GiB}"
    assert said in blocked(plan_for(host, ours, adopt=("disk/ours",)), "disk/ours")


def test_an_encrypted_disk_is_neither_rebased_flattened_nor_committed(host: FakeHost) -> None:
    data = f"kind: Disk\nmetadata: {{name: data}}\nspec: {{image: debian, {KEYED}}}"
    settle(host, image(), data)
    later = (image("trixie"), data)
    settle(host, *later)
    said = notes(plan_for(host, *later))
    assert "disk/data: stands on an older version" in said and "--rebase" not in said
    for consent in ("rebase", "flatten"):
        plan = plan_for(host, *later, **{consent: ("disk/data",)})
        assert "it is encrypted" in blocked(plan, "disk/data") and not plan.tasks
    with pytest.raises(Failure, match="disk/data is encrypted"):
        errand_for(host, commit("data", "new"), *later)


def test_gc_knows_disks_behind_luks_and_parts_of_raw_ones(
    host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = f"kind: Disk\nmetadata: {{name: data}}\nspec: {{size: 1GiB, format: raw, {KEYED}}}"
    settle(host, raw)
    asked: dict[str, str] = {}
    images = host.images

    def images_of(formats: Mapping[str, str]) -> Mapping[str, ImageFacts | Unknown]:
        asked.update(formats)
        return images(formats)

    monkeypatch.setattr(host, "images", images_of)
    host.file[f"{DISKS}/blank.raw.part"] = FakeFile(9, ImageFacts("raw", 1, 1))
    assert errand_for(host, collect, raw).changes == ()
    assert asked[f"{DISKS}/data.luks"] == "luks" and asked[f"{DISKS}/blank.raw.part"] == "raw"


def test_a_new_version_below_leaves_a_restart_its_way_back(host: FakeHost) -> None:
    web = machine("web", "{name: root, base: golden}")
    settle(host, image(), GOLDEN, web)
    more = web.replace("64MiB", "128MiB")
    plan = plan_for(host, image("trixie"), GOLDEN, more, restart=("virtualmachine/web",))
    steps = [step for task in plan.tasks for step in task.steps]
    assert [step.again for step in steps if isinstance(step, Shutdown)] == [True]
    assert all(step.before for step in steps if isinstance(step, Define))


ORIGIN = volume("data", size="1GiB")
BEFORE = volume("before", size="20%ORIGIN", snapshotOf="data")
WRITER = machine("web", "{name: root, disk: data}")


def test_a_volume_is_written_and_grown_under_a_snapshot_of_it(host: FakeHost) -> None:
    settle(host, ORIGIN, WRITER)
    assert host.domain["lab-web"].live_xml
    settle(host, ORIGIN, WRITER, BEFORE)
    more = WRITER.replace("64MiB", "128MiB")
    assert brief(plan_for(host, ORIGIN, more, BEFORE, restart=("*",))) == ["~ virtualmachine/web"]
    grown = ORIGIN.replace("1GiB", "2GiB")
    assert "~ logicalvolume/data" in brief(plan_for(host, grown, WRITER, BEFORE))


def test_a_pool_grows_with_volumes_in_it(host: FakeHost) -> None:
    pool = volume("pool", size="4GiB", type="thin-pool")
    inside = volume("data", size="1GiB", thinPool="pool")
    settle(host, pool, inside)
    assert brief(plan_for(host, pool.replace("4GiB", "8GiB"), inside)) == ["~ logicalvolume/pool"]


def test_a_volume_that_was_filled_from_an_image_stands_on_nothing(host: FakeHost) -> None:
    web = machine("web", "{name: root, image: debian, size: 4GiB, volumeGroup: vg0}")
    settle(host, IMAGE, web)
    (chain,) = chains(host.domain["lab-web"].xml).values()
    assert [layer.path for layer in chain] == ["/dev/vg0/lab-web-root"]
    base = next(path for path in host.file if path.startswith(f"{STORAGE}/images"))
    plan = errand_for(host, collect, web.replace("image: debian, ", ""))
    assert [diff.old for change in plan.changes for diff in change.diffs] == [
        base.rpartition("/")[2]]
