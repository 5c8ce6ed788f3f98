"""The list of messages that no test has triggered is itself right."""

from pathlib import Path

import click
import pytest

from tests import messages
from tiny_cloud import options
from tiny_cloud.errors import Failure, Problem, Problems
from tiny_cloud.host import space
from tiny_cloud.resource import Resource
from tiny_cloud.schema import topics


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for owner in (Failure, Problem, click.UsageError, click.BadParameter):
        monkeypatch.setattr(owner, "__init__", owner.__init__)
    monkeypatch.setattr(Resource, "refuse", Resource.refuse)
    messages.watch(str(tmp_path / "notes"))
    return tmp_path / "notes"


def test_what_is_triggered_is_noted_once(notes: Path) -> None:
    for _ in range(2):
        with pytest.raises(Failure):
            space.require_space("/tmp/a", 1 << 60, "it")
    with pytest.raises(Problems):
        topics.kind_meant("nothing")
    with pytest.raises(click.UsageError):
        options.wish(target=("web",))
    Failure("one of a test's own")
    known = dict(messages.sites())
    places = notes.read_text().splitlines()
    assert [place.partition(":")[0] for place in places] == [
        "tiny_cloud/host/space.py", "tiny_cloud/schema/topics.py", "tiny_cloud/options.py"]
    assert set(places) <= set(known)


def test_what_is_not_is_listed(notes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = dict(messages.sites())
    notes.write_text("".join(f"{place}\n" for place in known))
    assert messages.main(str(notes)) == 0
    left = next(place for place in known if place.startswith("tiny_cloud/host/space.py"))
    notes.write_text("".join(f"{place}\n" for place in known if place != left))
    assert messages.main(str(notes)) == 1
    said = capsys.readouterr()
    assert said.out.startswith(f"{left}  ") and said.out.count("\n") == 1
    assert f"{len(known) - 1} of {len(known)} messages" in said.err


def test_messages_of_schemas_count() -> None:
    places = [place for place in dict(messages.sites()) if place.startswith("schemas/")]
    assert len(places) > 30
