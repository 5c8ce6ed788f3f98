"""A saved plan is carried out only if it would be the same now, and holds no secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.fake.host import FakeHost
from tests.unit.conftest import CANARY, Run
from tiny_cloud.model import Address

HASH = "$6$salt$declaredhash"
MANIFEST = """\
apiVersion: tinycloud/v1
kind: Cloud
metadata: {{name: lab}}
spec: {{connect: "qemu:///system", storage: {storage}}}
---
apiVersion: tinycloud/v1
kind: Image
metadata: {{name: debian}}
spec: {{source: {{debootstrap: {{suite: bookworm}}}}}}
---
apiVersion: tinycloud/v1
kind: VirtualMachine
metadata: {{name: web, labels: {{tier: front}}}}
spec:
  cpus: {cpus}
  memory: 512MiB
  running: false
  disks: [{{name: root, image: debian, size: 4GiB}}]
  guest:
    users:
      root: {{password: {{env: PASSWORD}}}}
      koder: {{password: {{hash: {hash}}}}}
"""
Declare = Callable[..., None]


@pytest.fixture
def host(in_memory: FakeHost) -> FakeHost:
    return in_memory


@pytest.fixture
def declare(tmp_path: Path) -> Declare:
    def write(cpus: int = 1) -> None:
        folder = tmp_path / "manifests"
        folder.mkdir(exist_ok=True)
        words = {"storage": tmp_path / "storage", "cpus": cpus, "hash": HASH}
        (folder / "all.yaml").write_text(MANIFEST.format(**words))

    write()
    return write


@pytest.fixture
def applied(run: Run, host: FakeHost, declare: Declare, tmp_path: Path) -> None:
    """The machine is there, and a plan is saved that gives it another processor."""
    (tmp_path / "storage").mkdir()
    assert run("apply", "--yes")[0] == 0
    declare(cpus=2)
    assert run("plan", "--out", "p.json")[0] == 0


def state(tmp_path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tmp_path / "p.json").read_text())
    return found


def test_it_is_carried_out_without_the_manifests(
    run: Run, host: FakeHost, applied: None, tmp_path: Path
) -> None:
    (tmp_path / "manifests/all.yaml").unlink()
    code, out, err = run("apply", "--plan", "p.json", "--yes")
    assert (code, err.count("✘")) == (0, 0), err
    assert "cpus: 1 → 2" in out and "Done: 1 change." in out
    assert ">2</vcpu>" in host.domain["lab-web"].xml


def test_a_first_apply_from_a_saved_plan(
    run: Run, host: FakeHost, declare: Declare, tmp_path: Path
) -> None:
    (tmp_path / "storage").mkdir()
    assert run("plan", "--out", "p.json")[0] == 0
    (tmp_path / "manifests/all.yaml").unlink()
    assert run("apply", "--plan", "p.json", "--yes")[0] == 0
    declare()
    assert "No changes" in run("plan")[1]


def test_what_is_in_the_file(
    run: Run, declare: Declare, host: FakeHost, tmp_path: Path
) -> None:
    code, out, _ = run(
        "plan", "--out", "p.json", "--json", "--restart", "vm/web", "-l", "tier=front")
    assert code == 0
    assert [change["address"] for change in json.loads(out)["changes"]] == [
        change["address"] for change in state(tmp_path)["changes"]]
    assert (tmp_path / "p.json").stat().st_mode & 0o777 == 0o600
    content = state(tmp_path)
    assert content["wish"]["consents"]["restart"] == ["virtualmachine/web"]
    assert content["wish"]["selector"] == "tier=front"
    machine = content["documents"][-1]
    assert machine["metadata"] == {"name": "web", "labels": {"tier": "front"}}
    assert machine["source"]["file"].endswith("all.yaml") and machine["source"]["line"] == 11
    assert CANARY not in (tmp_path / "p.json").read_text()
    assert run("plan", "--out", "p.json")[0] == 0, "a plan may take another's place"
    assert [file.name for file in tmp_path.iterdir() if "p.json" in file.name] == ["p.json"]


def test_the_hash_of_a_password_that_was_written_is_not_in_the_file(
    run: Run, host: FakeHost, applied: None, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a crypt hash only the one that the manifest itself says."""
    host.secret["PASSWORD"] = "another"
    assert run("plan", "--out", "p.json")[0] == 0
    text = (tmp_path / "p.json").read_text()
    assert "users.root.password" in text
    assert CANARY not in text and "another" not in text.replace("(another)", "")
    assert text.count(HASH) >= 1


def refused(run: Run, host: FakeHost, words: str) -> None:
    before = len(host.performed)
    code, out, err = run("apply", "--plan", "p.json", "--yes")
    assert (code, out) == (1, "")
    assert "the saved plan no longer fits: " in err and "plan again" in err
    assert words in err
    assert len(host.performed) == before, "something was changed"


def test_stale_another_field(run: Run, host: FakeHost, applied: None) -> None:
    facts = host.domain["lab-web"]
    xml = facts.xml.replace(">1</vcpu>", ">4</vcpu>")
    host.domain["lab-web"] = replace(facts, xml=xml)
    refused(run, host, "virtualmachine/web: cpus has changed since")


def test_stale_another_thing_changes_too(
    run: Run, host: FakeHost, applied: None
) -> None:
    host.domain["lab-web"] = replace(host.domain["lab-web"], autostart=False)
    refused(run, host, "virtualmachine/web: autostart has changed since")


def test_stale_done_already(
    run: Run, host: FakeHost, applied: None
) -> None:
    assert run("apply", "--yes")[0] == 0
    refused(run, host, "virtualmachine/web: nothing is left to do")


def test_stale_another_disk_under_the_name(
    run: Run, host: FakeHost, applied: None
) -> None:
    """Genuine (made by another apply, say), and yet not the one that the plan was made for."""
    (path,) = [path for path in host.file if path.endswith("web-root.qcow2")]
    file = host.file[path]
    assert file.stamp is not None
    host.file[path] = replace(file, inode=4711, stamp={**file.stamp, "inode": "4711"})
    guest = Address("guest", "web")
    host.record[guest] = {**host.record[guest], "inode": "4711"}
    refused(run, host, "virtualmachine/web: disk/web-root is another object than before")


def test_stale_another_machine_under_the_name(
    run: Run, host: FakeHost, applied: None
) -> None:
    facts = host.domain["lab-web"]
    other = "0b5f2f2e-1111-4a22-9b1c-2f3a4b5c6d7e"
    host.domain["lab-web"] = replace(facts, uuid=other, xml=facts.xml.replace(facts.uuid, other))
    refused(run, host, "virtualmachine/web: it is another object than before")


def test_not_stale_for_what_happens_by_itself(
    run: Run, host: FakeHost, applied: None
) -> None:
    """A growing overlay, a touched file, somebody else's machine."""
    for file in host.file.values():
        file.facts = replace(file.facts, actual_size=file.facts.actual_size + 4096)
    host.domain["other"] = replace(host.domain["lab-web"], name="other", uuid="x", xml="<domain/>")
    assert run("apply", "--plan", "p.json", "--yes")[0] == 0


def test_no_options_beside_it(run: Run, host: FakeHost, applied: None) -> None:
    for extra in (["manifests"], ["--prune"], ["--restart", "vm/web"], ["--storage", "/x"]):
        code, _, err = run("apply", "--plan", "p.json", "--yes", *extra)
        assert code == 64 and "--plan FILE" in err


@pytest.mark.parametrize("text", ["", "{}", "[]", "users: x", '{"formatVersion": 1}', "[" * 5000])
def test_what_is_no_plan_is_neither_read_nor_overwritten(
    run: Run, declare: Declare, host: FakeHost, tmp_path: Path, text: str
) -> None:
    (tmp_path / "p.json").write_text(text)
    code, _, err = run("plan", "--out", "p.json")
    assert code == 1 and "is no saved plan: it is not overwritten" in err
    assert (tmp_path / "p.json").read_text() == text
    code, _, err = run("apply", "--plan", "p.json", "--yes")
    assert code == 1 and "is no saved plan" in err


def test_a_link_is_not_followed(
    run: Run, declare: Declare, host: FakeHost, tmp_path: Path
) -> None:
    (tmp_path / "p.json").symlink_to(tmp_path / "elsewhere")
    assert run("plan", "--out", "p.json")[0] == 1
    assert not (tmp_path / "elsewhere").exists()


def test_of_another_version_or_damaged(
    run: Run, host: FakeHost, applied: None, tmp_path: Path
) -> None:
    content = state(tmp_path)
    (tmp_path / "p.json").write_text(json.dumps({**content, "tinycloud": "9.9"}))
    assert "was made by tinycloud 9.9" in run("apply", "--plan", "p.json", "--yes")[2]
    (tmp_path / "p.json").write_text(json.dumps({**content, "changes": [{"address": "x/y"}]}))
    assert "is damaged" in run("apply", "--plan", "p.json", "--yes")[2]


def test_a_secret_that_is_not_there_is_said_as_such(
    run: Run, declare: Declare, host: FakeHost, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run("plan", "--out", "p.json")[0] == 0
    monkeypatch.delenv("PASSWORD")
    code, _, err = run("apply", "--plan", "p.json", "--yes")
    assert code == 1 and "PASSWORD" in err and host.performed == []
