"""get and describe, on the host in memory."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from msgspec.structs import replace

from tests.fake.host import FakeFile, FakeHost
from tests.unit.cloud import IMAGE, fake_host, settle
from tests.unit.conftest import Run
from tests.unit.looking import BIGGER, MACHINE, NET, OTHER, declare, schema, table, watched
from tiny_cloud import api
from tiny_cloud.facts import ImageFacts, SnapshotFacts
from tiny_cloud.model import Unknown


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, run: Run) -> FakeHost:
    return watched(monkeypatch)


def test_a_table_a_kind(run: Run, host: FakeHost) -> None:
    code, out, err = run("get")
    assert (code, err) == (0, "")
    rows = table(out)
    assert rows["virtualmachine/web"] == ["ready", "running", "1", "512MiB", "10.44.0.9"]
    assert rows["disk/web-root"] == ["ready", "4GiB", "4GiB", "4.0KiB", "image/debian", "lab-web"]
    assert rows["image/debian"] == ["ready", "3GiB", "4.0KiB", "1"]
    assert rows["network/lab"] == ["ready", "active", "nat", "10.44.0.0/24", "virbr0"]
    assert rows["guest/web"] == ["ready", "web-root", "web"]
    assert [line.split()[0] for line in out.splitlines() if "NAME" in line] == ["NAME"] * 5


def test_what_is_not_as_declared(run: Run, host: FakeHost) -> None:
    declare(IMAGE, NET, BIGGER, OTHER)
    del host.network["lab-lab"]
    rows = table(run("get")[1])
    assert rows["virtualmachine/web"][:1] == ["drifted"]
    assert rows["disk/web-root"][:3] == ["drifted", "4GiB", "5GiB"]
    assert rows["virtualmachine/db"] == ["missing", "-", "1", "512MiB", "10.44.0.8"]
    assert rows["disk/db-root"] == ["missing", "-", "4GiB", "-", "-", "-"]
    assert rows["network/lab"] == ["missing", "-", "nat", "10.44.0.0/24", "-"]


def test_what_is_not_ours_or_not_known_or_not_declared(run: Run, host: FakeHost) -> None:
    root = next(path for path in host.file if path.endswith("web-root.qcow2"))
    host.file[root].stamp = None
    host.folder.add("/srv/lab/disks/odd.qcow2")
    declare(IMAGE, MACHINE.replace("network: lab, address: 10.44.0.9", "user: {}"), """
        kind: Disk
        metadata: {name: odd}
        spec: {size: 1GiB}
    """)
    rows = table(run("get")[1])
    assert rows["disk/web-root"][0] == "foreign"
    assert rows["disk/odd"][0] == "unknown"
    assert rows["network/lab"][:2] == ["undeclared", "active"]
    assert "  owned and no longer declared; --prune removes it" in run("describe", "net/lab")[1]
    del host.network["lab-lab"]
    assert table(run("get", "net")[1])["lab"][:2] == ["undeclared", "-"]
    assert "  gone and no longer declared; --prune tidies up" in run("describe", "net/lab")[1]


def test_no_file_is_opened_that_a_header_from_elsewhere_names(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, image = fake_host(), "/srv/other/base.qcow2"
    host.file[image] = FakeFile(7, ImageFacts("qcow2", 1 << 20, 4096))
    documents = (f"""
        kind: Image
        metadata: {{name: base}}
        spec: {{external: true, path: {image}, format: qcow2}}
    """, "kind: Disk\nmetadata: {name: data}\nspec: {image: base}")
    settle(host, *documents)
    declare(*documents)
    for name in ("/etc/shadow", "/srv/other/below.qcow2"):
        host.file[name] = FakeFile(8, ImageFacts("raw", 1 << 20, 4096))
    asked: set[str] = set()
    images = host.images
    monkeypatch.setattr(api.Workspace, "_snapshot", lambda *_: host)
    monkeypatch.setattr(host, "images", lambda formats: (asked.update(formats), images(formats))[1])
    for named, opened in (("/etc/shadow", False), ("/srv/other/below.qcow2", True)):
        host.file[image] = FakeFile(7, ImageFacts("qcow2", 1 << 20, 4096, named, "raw"))
        asked.clear()
        assert named in run("describe", "disk/data")[1]
        assert (named in asked) == opened and image in asked


def test_names_kinds_and_labels(run: Run, host: FakeHost) -> None:
    declare(IMAGE, NET, MACHINE, OTHER)

    def names(*words: str) -> list[str]:
        code, out, _ = run("get", "-o", "name", *words)
        assert code == 0
        return out.split()

    assert names("vm") == names("VirtualMachine") == names("vms") == [
        "virtualmachine/web", "virtualmachine/db"]
    assert names("vm/web", "net") == ["network/lab", "virtualmachine/web"]
    assert names("vm,net", "-l", "tier=back") == ["virtualmachine/db"]
    assert names("disk/web-*") == names("disk", "-l", "tier!=back", "-l", "tier") == [
        "disk/web-root"]
    assert names("-l", "tier=none") == names("rbdimage") == []
    assert run("get", "vm", "-l", "tier=none")[1:] == (
        "", "Nothing of that kind is declared or owned.\n")
    assert table(run("get", "vm/web")[1])["web"][0] == "ready", "one kind needs no kind"
    wide = table(run("get", "vm", "-o", "wide")[1])
    assert wide["web"][5:7] == ["lab-web", "-"] and wide["web"][8] == "-"
    declare(IMAGE, NET, BIGGER)
    assert table(run("get", "disk", "-o", "wide")[1])["web-root"][-1] == "size"


@pytest.mark.parametrize(("words", "code", "sentence"), [
    (("web",), 64, "web: write KIND or KIND/NAME; kinds are: disk, "),
    (("vm", "web"), 64, "web: write KIND or KIND/NAME; did you mean vm/web?"),
    (("vmm/x",), 64, "vmm/x: write KIND or KIND/NAME"),
    (("vm/",), 64, "vm/: write KIND or KIND/NAME"),
    (("imag",), 64, "did you mean image?"),
    (("vm/wbe",), 1, "there is no virtualmachine called wbe"),
    (("-l", "tier=(a"), 64, "--selector tier=(a: ( stands where , should"),
    (("-l", ""), 64, "--selector : the end stands where a label's name should"),
    (("-o", "csv"), 64, "'csv' is not one of"),
])
def test_slips(
    run: Run, host: FakeHost, words: tuple[str, ...], code: int, sentence: str
) -> None:
    found = run("get", *words)
    assert found[:2] == (code, "") and sentence in found[2]


def test_nothing_at_all(run: Run, host: FakeHost) -> None:
    host.record.clear()
    host.domain.clear()
    host.network.clear()
    declare()
    assert run("get") == (0, "", "Nothing is declared, and nothing owned.\n")


@pytest.mark.parametrize("words", [(), ("vm",), ("vm/web",), ("disk/*",), ("rbdimage",)])
def test_documents_have_the_form_of_their_schema(
    run: Run, host: FakeHost, words: tuple[str, ...]
) -> None:
    declare(IMAGE, NET, BIGGER.replace("{env: PASSWORD}", "{hash: $6$salt$hash}"), OTHER)
    code, out, err = run("get", "-o", "json", *words)
    found = json.loads(out)
    jsonschema.validate(found, schema("get"))
    assert (code, err) == (0, "") and "$6$" not in out
    assert (found["kind"] == "List") == (words != ("vm/web",))


def test_spec_and_status(run: Run, host: FakeHost) -> None:
    declare(IMAGE, NET, BIGGER)
    found = json.loads(run("get", "-o", "json", "disk/web-root")[1])
    assert found["spec"] == {"image": "debian", "size": "5GiB"}
    status = found["status"]
    assert (status["phase"], status["changes"]) == ("drifted", ["size"])
    assert (status["declaredSize"], status["virtualSize"]) == (5 << 30, 4 << 30)
    assert status["actual"] == {"size": "4GiB", "image": "debian"}
    assert [layer["owner"] for layer in status["chain"]] == ["disk/web-root", "image/debian"]
    machine = run("get", "-o", "yaml", "vm/web")[1]
    assert "  phase: drifted\n" in machine and "memory: 768MiB\n" in machine
    assert "    memory: 512MiB\n" in machine and "labels:\n    tier: front\n" in machine


def test_what_get_prints_as_yaml_is_a_manifest_again(run: Run, host: FakeHost) -> None:
    """But for the status, which kubectl takes back and we do not."""
    import yaml

    items = yaml.safe_load(run("get", "-o", "yaml")[1])["items"]
    disk = next(item for item in items if item["kind"] == "Disk")
    del disk["status"]
    Path("again.yaml").write_text(json.dumps(disk))
    code, _, err = run("validate", "again.yaml")
    assert (code, "refers to Image debian" in err) == (1, True)


def test_everything_of_a_machine(run: Run, host: FakeHost) -> None:
    declare(IMAGE, NET, BIGGER)
    facts = host.domain["lab-web"]
    host.domain["lab-web"] = replace(
        facts, snapshots=(SnapshotFacts("before", 1_700_000_000, "shutoff"),))
    code, out, err = run("describe", "vm/web")
    assert (code, err) == (0, "")
    for line in ("Name:           web", "Labels:         tier=front", "Status:         drifted",
                 "State:          running", "Domain:         lab-web",
                 "Stands on:      disk/web-root, network/lab, guest/web",
                 "  memory                    768MiB    512MiB    differs",
                 "  root  disk/web-root    4GiB  5GiB      4.0KiB   qcow2   disks/web-root.qcow2",
                 "  eth0  10.44.0.9", "A plan would update it:",
                 "  memory: 512MiB → 768MiB  [at next boot]"):
        assert line in out.splitlines(), out
    assert "        └─ image/debian  3GiB  -         4.0KiB   qcow2   images/debian-" in out
    assert "manifests/all.yaml:16:1" in out and "  before  2023-11-1" in out
    assert "it has the snapshots before" in out


def test_everything_of_the_others(run: Run, host: FakeHost) -> None:
    declare(IMAGE, NET, MACHINE, OTHER)
    image = run("describe", "image/debian")[1].splitlines()
    assert "Needed by:      disk/web-root, disk/db-root" in image
    assert "  image/debian  3GiB  -         4.0KiB   qcow2   images/" in "\n".join(image)
    network = run("describe", "net/lab")[1].splitlines()
    assert "Needed by:      virtualmachine/web, virtualmachine/db" in network
    assert "Bridge:         virbr0" in network
    missing = run("describe", "vm/db")[1]
    assert "  root  disk/db-root  missing  4GiB      -        -       -" in missing
    assert "Status:         missing" in missing and "A plan would" not in missing
    assert "env PASSWORD" in run("describe", "guest/web")[1]


def test_what_can_never_be_done_says_why(run: Run, host: FakeHost) -> None:
    declare(IMAGE, NET, MACHINE.replace("4GiB", "3.5GiB"), OTHER.replace("4GiB", "1GiB"))
    rows = table(run("get", "disk", "-o", "wide")[1])
    assert rows["web-root"][0] == "drifted" and rows["db-root"][0] == "missing"
    assert rows["web-root"][-1] == "disk/web-root has 4GiB and cannot shrink to 3584MiB"
    assert "  to allow it: write size: 4GiB or more\n" in run("describe", "disk/web-root")[1]


def test_what_is_not_known_says_why(run: Run, host: FakeHost) -> None:
    host.blind = Unknown("LVM may not see devices", "run as root")
    declare("""
        kind: LogicalVolume
        metadata: {name: data}
        spec: {volumeGroup: vg0, size: 20%VG}
    """)
    out = run("describe", "lv/data")[1]
    assert "Status:         unknown" in out and "LVM may not see devices" in out
    assert "  blocked: it cannot be observed: LVM may not see devices\n" in out
    assert "  to allow it: run as root\n" in out
    assert table(run("get", "lv", "-o", "wide")[1])["data"][-1] == "LVM may not see devices"
    host.blind = None
    assert table(run("get", "lv")[1])["data"] == ["missing", "-", "20%VG", "-", "-", "-"]


@pytest.mark.parametrize(("name", "code", "sentence"), [
    ("web", 64, "write KIND or KIND/NAME"),
    ("vm", 64, "vm: write KIND/NAME"),
    ("vm/wbe", 1, "there is no virtualmachine called wbe"),
])
def test_describe_of_what_is_not_there(
    run: Run, host: FakeHost, name: str, code: int, sentence: str
) -> None:
    found = run("describe", name)
    assert found[:2] == (code, "") and sentence in found[2]
