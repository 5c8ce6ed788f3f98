"""What Python users meet: manifests as data, names, consents, and what is raised."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

import pytest

import tiny_cloud
from tiny_cloud import api
from tiny_cloud.events import Event
from tiny_cloud.model import Action, Address, Change, Cloud, Plan

DISK = {"apiVersion": "tinycloud/v1", "kind": "Disk", "metadata": {"name": "data"},
        "spec": {"size": "1GiB"}}
CLOUD = {"apiVersion": "tinycloud/v1", "kind": "Cloud", "metadata": {"name": "lab"},
         "spec": {"connect": "test:///default"}}
MANIFEST = "apiVersion: tinycloud/v1\nkind: Disk\nmetadata: {name: data}\nspec: {size: 1GiB}\n"


def declared(*documents: Any, **words: Any) -> list[str]:
    workspace = tiny_cloud.load(documents=documents, **words)
    return [str(item.address) for item in workspace.resources]


def problem(documents: Any) -> str:
    with pytest.raises(tiny_cloud.Problems) as caught:
        tiny_cloud.load(documents=documents)
    return str(caught.value)


def test_documents_are_data_or_text() -> None:
    other = MANIFEST.replace(": data", ": other")
    third = MANIFEST.replace(": data", ": third")
    assert declared(DISK, f"{other}---\n{third}") == ["disk/data", "disk/other", "disk/third"]
    assert declared(MappingProxyType(DISK)) == ["disk/data"]
    alone: list[Any] = [DISK, MANIFEST]
    for one in alone:
        assert len(tiny_cloud.load(documents=one).resources) == 1
    assert tiny_cloud.load(documents=[]).resources == ()


def test_documents_come_beside_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(MANIFEST.replace(": data", ": other"))
    found = tiny_cloud.load(tmp_path, documents=[DISK])
    assert [item.address.name for item in found.resources] == ["other", "data"]


def test_paths_may_be_paths_and_start_from_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = {"external": True, "format": "raw", "path": PurePosixPath("disks/a.raw")}
    (disk,) = tiny_cloud.load(documents=[{**DISK, "spec": spec}]).resources
    assert disk.spec["path"] == f"{tmp_path}/disks/a.raw"


@pytest.mark.parametrize(
    "text", ["1e3", "0755", "yes", "null", "12:30", "#", "a: b", "é\t\\\"", ""])
def test_texts_stay_what_they_are(text: str) -> None:
    (disk,) = tiny_cloud.load(documents=[{
        **DISK, "metadata": {"name": "data", "labels": {"key": text}}}]).resources
    assert disk.metadata["labels"] == {"key": text}


def test_a_mistake_is_told_with_its_document_and_line() -> None:
    wrong = {**DISK, "spec": {"sizes": "1GiB"}}
    said = problem([MANIFEST.replace(": data", ": other"), wrong])
    assert "documents[1]:8:5: there is no field sizes in Disk.spec (did you mean size?)" in said
    assert problem("kind: Disk\nspec: ]").startswith("documents[0]:2:7: this is not YAML")


@pytest.mark.parametrize(("document", "said"), [
    ({**DISK, "spec": {"size": {1}}}, "documents[0] is no manifest: there is a set in it"),
    (7, "documents[0] is no manifest: it is int, not a mapping"),
    ({**DISK, "spec": {"size": float("nan")}}, "documents[0] is no manifest: Out of range float"),
    ({**DISK, "spec": {("a", "b"): 1}}, "documents[0] is no manifest: keys must be str"),
    ({**DISK, "metadata": {"name": "a\x00"}}, "control character"),
    ({**DISK, "metadata": {"name": "\ud800"}}, "documents[0]:5:1: this is not UTF-8 text"),
])
def test_what_no_manifest_can_hold(document: Any, said: str) -> None:
    assert said in problem([document])


def test_a_circle_is_no_manifest() -> None:
    circle: dict[str, Any] = {**DISK}
    circle["spec"] = circle
    assert "documents[0] is no manifest: Circular reference" in problem([circle])


@pytest.mark.parametrize("name", ["replace", "delete_data", "restart", "force_off", "adopt"])
def test_one_text_is_no_list_of_names(name: str) -> None:
    """``disk/tmp-*`` would be taken for its letters, and among them is the ``*``."""
    with pytest.raises(TypeError, match=rf"write {name}=\('disk/tmp-\*',\)"):
        tiny_cloud.Consents(**{name: "disk/tmp-*"})
    with pytest.raises(TypeError, match="targets takes several names"):
        tiny_cloud.Wish(targets="disk/data")  # type: ignore[arg-type]


def test_names_may_be_short() -> None:
    wish = tiny_cloud.Wish(tiny_cloud.Consents(restart=("vm/web", "vm/*", "*")), targets=("lv/a",))
    full = wish.full()
    assert full.consents.restart == ("virtualmachine/web", "virtualmachine/*", "*")
    assert full.targets == ("logicalvolume/a",)


DATA, WEB = Address("disk", "data"), Address("virtualmachine", "web")


def planned(*changes: Change) -> api.Planned:
    cloud = Cloud("lab", "test:///default", "/nonexistent")
    return api.Planned(api.Workspace(cloud, ()), api.Wish(), Plan(cloud, changes, (), ()))


@pytest.fixture
def happens(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """Put in here what shall happen at an apply."""
    events: list[Event] = []

    def applying(self: api.Planned, **_: object) -> Generator[Event, None, None]:
        yield from events

    monkeypatch.setattr(api.Planned, "applying", applying)
    return events


def test_apply_tells_what_happens_and_returns_when_all_is_done(happens: list[Event]) -> None:
    happens += [Event("started", DATA, "up"), Event("done", DATA, "up")]
    told: list[Event] = []
    planned(Change(DATA, Action.CREATE)).apply(told.append)
    assert told == happens


def test_apply_raises_with_what_was_not_done(happens: list[Event]) -> None:
    happens += [Event("failed", DATA, "up", "no room", "make some", "qemu-img: ENOSPC"),
                Event("skipped", WEB, "up", "not done, because of disk/data")]
    change = Change(Address("disk", "old"), Action.REPLACE, blocked="its data would go",
                    allow="--replace disk/old")
    with pytest.raises(tiny_cloud.Incomplete) as caught:
        planned(change).apply()
    error = caught.value
    assert str(error) == "disk/data: no room (and 2 more)"
    assert (error.hint, error.detail) == ("make some", "qemu-img: ENOSPC")
    assert (error.failed, error.skipped) == ((happens[0],), (happens[1],))
    assert error.blocked == (change,)
    assert error.__notes__ == [
        "qemu-img: ENOSPC", "make some",
        "virtualmachine/web: not done, because of disk/data",
        "disk/old is blocked: its data would go (--replace disk/old)"]


def test_what_is_blocked_alone_is_raised_too(happens: list[Event]) -> None:
    change = Change(DATA, Action.REPLACE, blocked="why not", allow="--replace disk/data")
    with pytest.raises(tiny_cloud.Incomplete, match="disk/data is blocked: why not") as caught:
        planned(change).apply()
    assert isinstance(caught.value, tiny_cloud.Failure)
    assert caught.value.hint == "--replace disk/data"


def test_a_listener_that_fails_ends_the_apply(happens: list[Event]) -> None:
    happens += [Event("started", DATA), Event("done", DATA)]
    told: list[Event] = []

    def listen(event: Event) -> None:
        told.append(event)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        planned().apply(listen)
    assert told == happens[:1]


@pytest.mark.parametrize("name", tiny_cloud.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(tiny_cloud, name)
    assert name in dir(tiny_cloud)


def test_there_is_no_other() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Manager'"):
        tiny_cloud.Manager  # noqa: B018
