"""get, describe, diff, graph and history, on the host in memory."""

from __future__ import annotations

import json
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.fake.host import FakeFile, FakeHost
from tests.unit.cloud import CLOUD, IMAGE, WEB, fake_host, plan_for, settle
from tests.unit.conftest import Run
from tiny_cloud import api, journal
from tiny_cloud.apply import apply
from tiny_cloud.facts import ImageFacts, SnapshotFacts
from tiny_cloud.model import Unknown

NET = """
kind: Network
metadata: {name: lab}
spec: {subnet: 10.44.0.0/24}
"""
MACHINE = WEB.replace("{name: web}", "{name: web, labels: {tier: front}}").replace(
    "user: {}, address: 10.0.2.15/24", "network: lab, address: 10.44.0.9")
OTHER = MACHINE.replace("web", "db").replace("44.0.9", "44.0.8").replace("front", "back")
BIGGER = MACHINE.replace("512MiB", "768MiB").replace("4GiB", "5GiB")


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (Path(__file__).parents[2] / f"schemas/{name}.json").read_text())
    return found


def declare(*documents: str) -> None:
    Path("manifests").mkdir(exist_ok=True)
    texts = [f"apiVersion: tinycloud/v1\n{textwrap.dedent(text).strip()}\n"
             for text in (CLOUD, *documents)]
    Path("manifests/all.yaml").write_text("---\n".join(texts))


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, run: Run) -> FakeHost:
    """What is declared first is there."""
    made = fake_host()
    monkeypatch.setattr(api.Workspace, "_snapshot", lambda *_: made)
    settle(made, IMAGE, NET, MACHINE)
    declare(IMAGE, NET, MACHINE)
    return made


def table(text: str) -> dict[str, list[str]]:
    """Rows by their name; cells are two blanks apart."""
    rows = [[cell.strip() for cell in line.split("  ") if cell] for line in text.splitlines()]
    return {row[0]: row[1:] for row in rows if row}


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
    assert wide["web"][5:7] == ["lab-web", "-"] and len(wide["web"]) == 8


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


def test_what_is_not_known_says_why(run: Run, host: FakeHost) -> None:
    host.blind = Unknown("LVM may not see devices", "run as root")
    declare("""
        kind: LogicalVolume
        metadata: {name: data}
        spec: {volumeGroup: vg0, size: 20%VG}
    """)
    out = run("describe", "lv/data")[1]
    assert "Status:         unknown" in out and "LVM may not see devices" in out
    assert "blocked: it cannot be observed: LVM may not see devices; to allow it: run" in out
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


def test_a_diff_for_reviewers(run: Run, host: FakeHost) -> None:
    assert run("diff") == (0, "", "")
    declare(IMAGE, NET, BIGGER.replace("hostname: web", "hostname: www"), OTHER)
    code, out, err = run("diff")
    assert code == 2
    assert textwrap.dedent("""\
        --- host/disk/web-root
        +++ manifests/disk/web-root  (manifests/all.yaml:16:1)
        @@ -3,4 +3,4 @@
           name: web-root
         spec:
           image: debian
        -  size: 4GiB
        +  size: 5GiB
        """) in out
    assert "-  memory: 512MiB\n+  memory: 768MiB\n" in out
    assert "--- /dev/null\n+++ manifests/disk/db-root  (" in out
    assert "+  image: debian\n+  size: 4GiB\n" in out
    assert "guest/web is blocked: " in err and "--restart virtualmachine/web" in err
    only = run("diff", "-l", "tier=back")[1]
    assert "db-root" in only and "web" not in only


def test_a_diff_of_what_goes_and_of_what_only_restarts(run: Run, host: FakeHost) -> None:
    declare(IMAGE)
    code, out, err = run("diff", "--prune")
    assert code == 2 and "--- host/network/lab\n+++ /dev/null\n" in out
    assert "-  subnet: 10.44.0.0/24\n" in out and "disk/web-root: kept, as data is" in err


def test_a_graph_in_three_languages(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(IMAGE, NET, MACHINE)
    assert run("graph")[1] == textwrap.dedent("""\
        virtualmachine/web
        ├── disk/web-root
        │   └── image/debian
        ├── network/lab
        └── guest/web
            └── disk/web-root (as above)
        """)
    assert run("graph", "--target", "disk/web-root")[1] == "disk/web-root\n└── image/debian\n"
    dot = run("graph", "-o", "dot")[1].splitlines()
    assert dot[0] == "digraph tinycloud {" and dot[-1] == "}"
    assert '  "disk/web-root" -> "image/debian"' in dot
    assert '  "guest/web" -> "virtualmachine/web" [style = dashed]' in dot
    mermaid = run("graph", "-o", "mermaid")[1].splitlines()
    names = {line.partition('"')[2].rstrip('"]'): line.partition("[")[0].strip()
             for line in mermaid if "[" in line}
    assert mermaid[0] == "flowchart LR"
    assert f"  {names['disk/web-root']} --> {names['image/debian']}" in mermaid
    assert f"  {names['guest/web']} -.-> {names['virtualmachine/web']}" in mermaid
    assert run("graph", "-l", "tier=none")[0] == 1


@pytest.fixture
def storage(run: Run) -> Path:
    """Of a cloud in which something was made, changed, and failed."""
    declare(IMAGE, NET, MACHINE)
    made, place = fake_host(), Path("s").absolute()
    for command, documents in (("tinycloud apply \x1b[2J", (IMAGE, NET, MACHINE)),
                               ("tinycloud apply", (IMAGE, NET, MACHINE, OTHER))):
        with journal.locked(place, command) as book:
            for event in apply(plan_for(made, *documents), made, parallel=1):
                book.event(event)
        made.fails = lambda step: type(step).__name__ == "Define"
    return place


def test_who_did_what(run: Run, storage: Path) -> None:
    code, out, err = run("history", "--storage", str(storage))
    lines = out.splitlines()
    assert (code, err) == (0, "") and "\x1b" not in out
    assert "  tinycloud apply \\u001b[2J  by " in lines[0] and lines[0].endswith(" s")
    assert lines[1:6] == ["  ✓ image/debian: made", "  ✓ network/lab", "  ✓ disk/web-root: made",
                          "  ✓ guest/web", "  ✓ virtualmachine/web"]
    assert "  ✘ virtualmachine/db: Define was made to fail" in lines
    one = run("history", "--storage", str(storage), "disk/db-root", "--commands")[1]
    assert one.count("tinycloud apply") == 1 and "      $ qemu-img create -f qcow2" in one
    code, out, err = run("history", "--storage", str(storage), "--limit", "1")
    assert "debian: made" not in out and err == "Not shown: 1 earlier (--limit 0: all).\n"


def test_history_has_the_form_of_its_schema(run: Run, storage: Path) -> None:
    found = json.loads(run("history", "--storage", str(storage), "-o", "json")[1])
    jsonschema.validate(found, schema("history"))
    assert [one["result"] for one in found["runs"]] == ["done", "failed"]
    failed = [change for change in found["runs"][1]["changes"] if change["result"] == "failed"]
    assert {change["address"]: change["text"] for change in failed}[
        "virtualmachine/db"] == "Define was made to fail"


def test_history_of_nothing_of_what_was_killed_and_of_what_goes_on(
    run: Run, storage: Path
) -> None:
    assert run("history", "--storage", "/nowhere")[2] == "Nothing has been done here yet.\n"
    words = ("history", "--storage", str(storage))
    assert run(*words, "vm/none")[2] == "Nothing has been done to virtualmachine/none yet.\n"
    file = storage / "journal.jsonl"
    with file.open("a") as stream:
        stream.write('{"time": "soon", "what": "begin", "command": "tinycloud gc", "user": "ann"}\n'
                     '{"what": "started", "address": "disk/a", "phase": "up"}\n{"what": "sta')
    assert run(*words)[1].splitlines()[-2:] == [
        "soon  tinycloud gc  by ann  cut off", "  … disk/a: not finished"]
    with journal.locked(storage, "tinycloud apply"):
        assert run(*words)[1].splitlines()[-1].endswith("at work")
    file.unlink()
    file.mkdir()
    code, _, err = run(*words)
    assert code == 1 and "journal.jsonl cannot be read: Is a directory" in err
    assert "run as the user who applied" in err


def test_a_part_is_planned_and_destroyed_by_its_labels(run: Run, host: FakeHost) -> None:
    declare(IMAGE, NET, BIGGER, OTHER)
    code, out, _ = run("plan", "-l", "tier=back")
    assert code == 0 and "virtualmachine/db" in out and "web" not in out
    assert run("plan", "-l", "tier=back", "--prune")[0] == 64
    code, _, err = run("plan", "-l", "tier=frnt")
    assert code == 1 and "there are: tier=back, tier=front" in err
    said = run("destroy", "-l", "tier=front")[1]
    assert "- virtualmachine/web" in said and "network/lab" not in said
    code, _, err = run("destroy", "--target", "net/lab")
    assert code == 1 and "network/lab cannot go alone" in err


def test_a_source_that_is_gone_is_said_with_its_line(run: Run) -> None:
    """Also where a disk stands on the image: its file has no name then."""
    declare('kind: Image\nmetadata: {name: base}\nspec: {source: {path: gone.raw}}',
            "kind: Disk\nmetadata: {name: data}\nspec: {image: base}")
    assert run("validate")[0] == 0
    code, out, err = run("plan", "--connect", "test:///default")
    assert (code, out) == (1, "") and "all.yaml:9:23: there is no file" in err
    assert run("graph")[1] == "disk/data\n└── image/base\n"
    assert "there is no file" in run("get", "--connect", "test:///default")[2]
