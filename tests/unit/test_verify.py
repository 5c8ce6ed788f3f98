"""tinycloud verify: which guests are meant, what is said of them, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.fake.host import FakeHost
from tests.unit.conftest import Run
from tiny_cloud.insides import ITSELF, Drift, Inside
from tiny_cloud.model import Address, Unknown
from tiny_cloud.schema.files import whole

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
"""
MACHINE = """\
---
apiVersion: tinycloud/v1
kind: VirtualMachine
metadata: {{name: {name}}}
spec:
  cpus: 1
  memory: 512MiB
  running: {running}
  disks: [{{name: root, image: debian, size: 4GiB}}]
  guest:
    hostname: {name}
    users: {{root: {{password: {{env: PASSWORD}}}}}}
"""
WEB, DB = Address("guest", "web"), Address("guest", "db")
DRIFTED = Inside("Debian 12", (
    Drift("hostname", "/etc/hostname", ("other\x1b[31m",), ("web",)),
    Drift("users.root.password", "/etc/shadow", hidden=True),
    Drift(ITSELF, "/etc/cloud/cloud.cfg", tuple(f"line {number}" for number in range(30)), ()),
), notes=("users.db.password is not compared",))


@pytest.fixture
def host(in_memory: FakeHost, tmp_path: Path, run: Run) -> FakeHost:
    """Two machines that were applied: web runs, db does not."""
    (tmp_path / "storage").mkdir()
    (tmp_path / "manifests").mkdir()
    declare(tmp_path, web="true", db="false")
    # What is in memory is no host: it takes one thing at a time.
    assert run("apply", "--yes", "--parallel", "1")[0] == 0
    return in_memory


def declare(folder: Path, **machines: str) -> None:
    text = MANIFEST.format(storage=folder / "storage") + "".join(
        MACHINE.format(name=name, running=running) for name, running in machines.items())
    (folder / "manifests/all.yaml").write_text(text)


def told(run: Run, *argv: str, expect: int) -> dict[str, Any]:
    code, out, err = run("verify", *argv, "--json")
    assert code == expect, err
    document = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(whole("verify"))
    jsonschema.validate(document, whole("verify"))
    return {guest["address"]: guest for guest in document["guests"]}


def test_all_as_declared(run: Run, host: FakeHost) -> None:
    code, out, _ = run("verify")
    assert code == 0
    assert "✓ guest/web  as declared  Debian" in out
    assert "2 guests looked into: all are as the manifests say." in out


def test_a_running_machine_is_said_to_lag_behind(run: Run, host: FakeHost) -> None:
    notes = {address: guest["notes"] for address, guest in told(run, expect=0).items()}
    assert notes == {"guest/db": [], "guest/web": [
        "lab-web is running: what it has not written back yet is not seen"]}


def test_drift_is_shown_by_field_and_exits_with_2(run: Run, host: FakeHost) -> None:
    host.inside[DB] = DRIFTED
    code, out, _ = run("verify")
    assert code == 2
    assert "~ guest/db  drifted  Debian 12" in out
    assert "hostname: db  (manifests/all.yaml:" in out
    assert "- other\\u001b[31m\n" in out and "+ web\n" in out
    assert "users.root.password: env PASSWORD" in out
    assert "/etc/shadow  (another; what is in there is not for everybody to read)" in out
    assert "what is written into every guest" in out
    assert "- line 19\n" in out and "- line 20" not in out and "… 10 more" in out
    assert "· users.db.password is not compared" in out
    assert "1 of 2 guests not as declared." in out


def test_drift_as_json_has_the_place_of_each_field(run: Run, host: FakeHost) -> None:
    host.inside[DB] = DRIFTED
    hostname, password, itself = told(run, expect=2)["guest/db"]["drifts"]
    text = Path("manifests/all.yaml").read_text().splitlines()
    assert "hostname: db" in text[hostname["source"]["line"] - 1]
    assert (password["old"], password["new"], password["hidden"]) == ([], [], True)
    assert itself["source"] is None and len(itself["old"]) == 30


@pytest.mark.parametrize("word", ["guest/web", "vm/web", "virtualmachine/web", "disk/web-root"])
def test_one_guest_by_its_name_machine_or_disk(run: Run, host: FakeHost, word: str) -> None:
    assert set(told(run, word, expect=0)) == {"guest/web"}


def test_names_and_paths_together(run: Run, host: FakeHost) -> None:
    assert set(told(run, "manifests", "vm/db", "vm/web", expect=0)) == {"guest/db", "guest/web"}
    assert set(told(run, "manifests/all.yaml", expect=0)) == {"guest/db", "guest/web"}


def test_a_slip_in_a_name_is_no_path(run: Run, host: FakeHost) -> None:
    code, _, err = run("verify", "guest/wep")
    assert code == 1
    assert "no guest is declared that is guest/wep or in it" in err and "guest/web" in err


def test_what_cannot_be_read_is_an_error(run: Run, host: FakeHost) -> None:
    host.inside[WEB] = Unknown("no operating system was found", "is it a disk?")
    host.inside[DB] = DRIFTED
    code, out, _ = run("verify")
    assert code == 1
    assert "✘ guest/web  cannot be read  no operating system was found" in out
    assert "· is it a disk?" in out


def test_a_guest_that_is_not_written_yet_is_not_as_declared(
    run: Run, host: FakeHost, tmp_path: Path
) -> None:
    declare(tmp_path, web="true", db="false", new="false")
    guest = told(run, expect=2)["guest/new"]
    assert (guest["verdict"], guest["why"]) == ("not there", "it is not written yet")


def test_a_lost_record_is_no_obstacle(run: Run, host: FakeHost) -> None:
    del host.record[DB]
    guest = told(run, expect=0)["guest/db"]
    assert guest["verdict"] == "as declared"
    assert "is lost; tinycloud apply --deep makes it anew" in guest["notes"][0]


def test_plan_and_apply_look_inside_when_asked_to(run: Run, host: FakeHost) -> None:
    """The fake tells of what is inside only if it was put there, as a shallow look does not."""
    host.inside[DB] = Inside("Debian", (Drift("hostname", "/etc/hostname", ("other",), ("db",)),))
    code, out, _ = run("plan", "--deep", "--detailed-exitcode")
    assert code == 2 and "hostname: other → db" in out
    assert run("apply", "--deep", "--yes", "--parallel", "1")[0] == 0
    assert run("verify")[0] == 0
