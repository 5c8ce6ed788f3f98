"""The file that an image was made of may go: what was made of it is there."""

from __future__ import annotations

import pytest

from tests.fake.host import FakeHost
from tests.unit import cloud
from tiny_cloud import probe
from tiny_cloud.errors import Failure

IMAGE = """
    kind: Image
    metadata: {name: base}
    spec: {source: {path: /srv/base.img}}
"""
DISK = """
    kind: Disk
    metadata: {name: root}
    spec: {image: base}
"""


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    """The image was made, and its source is gone."""
    made = cloud.fake_host()
    cloud.settle(made, IMAGE)
    monkeypatch.setattr(cloud, "digest", gone)
    return made


def gone(path: str) -> str:
    raise Failure(f"there is no file {path}")


def refused(host: FakeHost, document: str) -> list[str]:
    found = cloud.load(document, host=host).resources
    return [problem.summary for problem in probe.check(host, found)]


def test_nothing_is_to_be_done_and_the_plan_says_why(host: FakeHost) -> None:
    plan = cloud.plan_for(host, IMAGE)
    assert plan.changes == ()
    assert [note.text for note in plan.notes] == [
        "there is no file /srv/base.img: what was made of it before stays"]


def test_what_stands_on_it_is_made(host: FakeHost) -> None:
    (change,) = cloud.plan_for(host, IMAGE, DISK).changes
    assert str(change.address) == "disk/root"


@pytest.mark.parametrize("other", [
    IMAGE.replace("base.img", "other.img"),
    IMAGE.replace("base}", "another}"),
])
def test_another_source_or_another_image_needs_it(host: FakeHost, other: str) -> None:
    (said,) = refused(host, other)
    assert "there is no file /srv/" in said


def test_an_image_that_is_gone_as_well_needs_it(host: FakeHost) -> None:
    assert refused(host, IMAGE) == []
    (path,) = [path for path in host.file if path.endswith(".qcow2")]
    del host.file[path]
    (said,) = refused(host, IMAGE)
    assert "there is no file /srv/base.img" in said
