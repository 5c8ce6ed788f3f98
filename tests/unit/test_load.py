"""Loading whole manifests: every problem with its place, and what comes out of a right one."""

import io
from pathlib import Path

import pytest

from tests.unit.cloud import context
from tiny_cloud.errors import Problems
from tiny_cloud.kinds.virtual_machine import VirtualMachine
from tiny_cloud.linking import arrange
from tiny_cloud.loader import Loaded, load
from tiny_cloud.model import Address, Cloud, ReclaimPolicy
from tiny_cloud.resource import Context, Resource

BAD = Path(__file__).parent / "bad"

GOOD = """
apiVersion: tinycloud/v1
kind: VirtualMachine
metadata: {name: web, annotations: {tinycloud/protect: "true"}}
spec:
  cpus: 2
  memory: 1GiB
  disks:
    - {name: root, image: debian, size: 10GiB}
    - {name: data, disk: shared}
  interfaces: [{name: eth0, network: lab, address: 10.0.0.5/24}]
  guest: {users: {root: {password: {file: secrets/root.txt}}}}
---
apiVersion: tinycloud/v1
kind: Disk
metadata: {name: shared}
spec: {size: 1GiB}
---
apiVersion: tinycloud/v1
kind: Image
metadata: {name: debian}
spec: {source: {path: ../images/./debian.qcow2}}
"""


def loading(*paths: str, text: str = "", root: bool = True, **more: str) -> Loaded:
    return load(paths or ("-",), stdin=io.StringIO(text), context_of=context,
                root=root, machine_id="0123", **more)


def messages(file: Path) -> str:
    """What is wrong with a file, a line each, without the name of the folder."""
    try:
        loading(str(file))
    except Problems as error:
        return "".join(f"{problem}\n" for problem in error.problems).replace(f"{file.parent}/", "")
    return "nothing is wrong\n"


@pytest.mark.parametrize("file", sorted(BAD.glob("*.yaml")), ids=lambda file: file.stem)
def test_says_everything_that_is_wrong(file: Path) -> None:
    assert messages(file) == file.with_suffix(".txt").read_text()


def test_shows_the_line() -> None:
    with pytest.raises(Problems) as caught:
        loading(text=GOOD.replace("cpus: 2", "cpus: two"))
    span = caught.value.problems[0].span
    assert span is not None
    assert (span.file, span.line, span.column, span.text) == ("<stdin>", 6, 9, "  cpus: two")


def test_shows_no_password_and_no_line_with_one() -> None:
    with pytest.raises(Problems) as caught:
        loading(str(BAD / "secrets.yaml"))
    passwords = [problem for problem in caught.value.problems if "password" in str(problem)]
    assert len(passwords) == 10
    assert "canary" not in "".join(f"{problem}{problem.span and problem.span.text}"
                                   for problem in passwords)


def test_a_composite_becomes_linked_plain_resources() -> None:
    found = {str(resource.address): resource for resource in loading(text=GOOD).resources}
    assert {name: {field: str(target.address) for field, target in resource.links.items()}
            for name, resource in found.items()} == {
        "disk/shared": {},
        "image/debian": {},
        "disk/web-root": {"image": "image/debian"},
        "guest/web": {"disk": "disk/web-root", "machine": "virtualmachine/web"},
        "virtualmachine/web": {"disks[root].disk": "disk/web-root",
                               "disks[data].disk": "disk/shared", "guest": "guest/web"},
    }
    assert found["disk/web-root"].links["image"] is found["image/debian"]
    assert found["guest/web"].metadata["annotations"] == {"tinycloud/protect": "true"}
    document = found["disk/web-root"].document
    assert document is not None
    span = document.span(("spec", "size"))
    assert span is not None and span.line == 9


def test_resources_come_after_what_they_stand_on() -> None:
    order = [str(resource.address) for resource in loading(text=GOOD).resources]
    assert order == ["disk/shared", "image/debian", "disk/web-root", "guest/web",
                     "virtualmachine/web"]


def test_local_paths_start_from_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "web.yml").write_text(GOOD)
    found = {resource.address.kind: resource for resource in loading(str(tmp_path)).resources}
    assert found["image"].spec["source"]["path"] == str(tmp_path / "images/debian.qcow2")
    users = found["guest"].spec["users"]
    assert users["root"]["password"]["file"] == str(tmp_path / "manifests/secrets/root.txt")


def test_without_a_cloud_document() -> None:
    assert loading(text=GOOD).cloud == Cloud(
        "default", "qemu:///system", "/var/lib/tinycloud", seed="0123")


def test_without_a_cloud_document_and_without_being_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/home/koder/data")
    cloud = loading(text=GOOD, root=False).cloud
    assert (cloud.connect, cloud.storage) == ("qemu:///session", "/home/koder/data/tinycloud")


@pytest.mark.parametrize(("name", "folder"), [("default", ""), ("lab", "/lab")])
@pytest.mark.parametrize("root", [True, False])
def test_each_cloud_has_a_folder_of_its_own(
        monkeypatch: pytest.MonkeyPatch, name: str, folder: str, root: bool) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/home/koder/data")
    text = f"apiVersion: tinycloud/v1\nkind: Cloud\nmetadata: {{name: {name}}}\n"
    base = "/var/lib/tinycloud" if root else "/home/koder/data/tinycloud"
    assert loading(text=text, root=root).cloud.storage == base + folder


def test_no_cloud_lives_in_a_folder_of_another() -> None:
    text = "apiVersion: tinycloud/v1\nkind: Cloud\nmetadata: {name: trash}\n"
    with pytest.raises(Problems, match="would live in a folder of the cloud default"):
        loading(text=text)
    assert loading(text=text, storage="/elsewhere").cloud.storage == "/elsewhere"


CLOUD = """---
apiVersion: tinycloud/v1
kind: Cloud
metadata: {name: lab}
spec: {connect: "test:///x", storage: /srv/lab, reclaimPolicy: Delete, defaults: {accel: tcg}}
"""


def test_the_cloud_document() -> None:
    found = loading(text=GOOD + CLOUD)
    assert found.cloud == Cloud("lab", "test:///x", "/srv/lab", ReclaimPolicy.DELETE, declared=True)
    assert found.resources[-1].spec["accel"] == "tcg"
    assert "accel" not in found.resources[0].spec


def test_a_machine_overrides_the_clouds_defaults() -> None:
    found = loading(text=GOOD.replace("cpus: 2", "cpus: 2\n  accel: kvm") + CLOUD)
    assert found.resources[-1].spec["accel"] == "kvm"


def test_arguments_override_the_cloud_document() -> None:
    cloud = loading(text=CLOUD, connect="qemu+ssh://host/system", storage="/elsewhere").cloud
    assert (cloud.connect, cloud.storage) == ("qemu+ssh://host/system", "/elsewhere")


def test_what_an_unreadable_file_may_hold_is_not_called_missing(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("a: b: c")
    (tmp_path / "disk.yaml").write_text(
        "apiVersion: tinycloud/v1\nkind: Disk\nmetadata: {name: a}\nspec: {image: debian}")
    with pytest.raises(Problems) as caught:
        loading(str(tmp_path))
    assert [problem.summary[:16] for problem in caught.value.problems] == ["this is not YAML"]


def test_what_a_wrong_document_would_have_become_is_not_called_missing() -> None:
    guest = """---
apiVersion: tinycloud/v1
kind: Guest
metadata: {name: other}
spec: {disk: web-root}
"""
    with pytest.raises(Problems) as caught:
        loading(text=GOOD.replace("cpus: 2", "cpus: two") + guest)
    assert ["cpus" in problem.summary for problem in caught.value.problems] == [True]


def test_too_many_problems_in_one_file_are_cut_short() -> None:
    document = "---\napiVersion: tinycloud/v1\nkind: Disk\nmetadata: {name: a}\nspec: {sise: 1}\n"
    with pytest.raises(Problems) as caught:
        loading(text=document * 5000)
    assert 100 <= len(caught.value.problems) <= 103


def test_a_circle_is_shown_as_one() -> None:
    """No real kinds can be written into one, so the links are laid by hand."""
    context = Context(Cloud("lab", "test:///x", "/srv"), lambda path: "")
    links: list[dict[str, Resource]] = [{}, {}, {}]
    spec = {"disks": [{"name": "root", "disk": "x"}]}
    machines = [VirtualMachine(Address("virtualmachine", name), spec, {}, context, links=laid)
                for name, laid in zip("bac", links, strict=True)]
    for laid, other in zip(links, [*machines[1:], machines[0]], strict=True):
        laid["disks[root].disk"] = other
    ordered, problems = arrange(machines)
    assert ordered == []
    assert [problem.summary for problem in problems] == [
        "these wait for each other: virtualmachine/b → virtualmachine/a → virtualmachine/c"
        " → virtualmachine/b"]
