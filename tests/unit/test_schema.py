"""What the planner learns from schemas, and that the schemas themselves are whole."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tiny_cloud import schema
from tiny_cloud.document import Document
from tiny_cloud.model import Impact, Secret
from tiny_cloud.schema import Ref
from tiny_cloud.schema.errors import validator
from tiny_cloud.schema.files import schema_of
from tiny_cloud.schema.sentences import SENTENCES

KINDS = ("Cloud", "Disk", "Guest", "Image", "LogicalVolume", "Network", "RBDImage",
         "VirtualMachine")

MACHINE: dict[str, Any] = {
    "cpus": 2,
    "memory": "1GiB",
    "stopTimeout": 10,
    "disks": [{"name": "root", "disk": "web-root", "bus": "scsi"},
              {"name": "data", "disk": "data"}],
    "cdroms": [{"name": "cd"}],
    "interfaces": [
        {"name": "eth0", "network": "lab"},
        {"name": "eth1", "user": {}},
        {"name": "eth2", "user": {"forward": [{"host": 2222, "guest": 22}]}},
    ],
    "guest": "web",
}
GUEST: dict[str, Any] = {
    "disk": "web-root",
    "machine": "web",
    "users": {"root": {"password": {"file": "/s/root.txt"}},
              "koder": {"password": {"hash": "$6$x$y"}, "groups": ["sudo", "adm"]}},
    "hosts": [{"names": ["db"], "address": "10.0.0.2"}],
    "interfaces": [{"name": "eth0", "address": "10.0.0.5/24", "dns": ["10.0.0.1"]}],
}


def test_kinds() -> None:
    assert schema.kinds() == KINDS


def test_flatten_a_machine() -> None:
    assert schema.flatten("VirtualMachine", MACHINE) == {
        "cpus": 2,
        "memory": 2**30,
        "disks[root].disk": "web-root",
        "disks[root].bus": "scsi",
        "disks[data].disk": "data",
        "cdroms[cd].bus": "sata",
        "interfaces[eth0].network": "lab",
        "interfaces[eth1].user.forward": (),
        "interfaces[eth2].user.forward": ('{"guest":22,"host":2222,"protocol":"tcp"}',),
        "guest": "web",
        "consoleLog": True,
        "running": True,
        "autostart": True,
    }


def test_flatten_leaves_out_what_expansion_takes() -> None:
    spec = {"cpus": 1, "memory": "1G", "running": False, "guest": {"hostname": "web"},
            "disks": [{"name": "root", "image": "debian", "size": "1G", "reclaimPolicy": "Delete"}],
            "interfaces": [{"name": "eth0", "bridge": "br0", "address": "10.0.0.5/24"}]}
    assert schema.flatten("VirtualMachine", spec) == {
        "cpus": 1, "memory": 2**30, "running": False, "interfaces[eth0].bridge": "br0",
        "autostart": True, "consoleLog": True}


def test_flatten_a_guest() -> None:
    assert schema.flatten("Guest", GUEST) == {
        "disk": "web-root",
        "machine": "web",
        "users.root.password": "file /s/root.txt",
        "users.koder.password": "a crypt hash",
        "users.koder.groups": ("sudo", "adm"),
        "hosts": ('{"address":"10.0.0.2","names":["db"]}',),
        "interfaces[eth0].address": "10.0.0.5/24",
        "interfaces[eth0].dns": ("10.0.0.1",),
    }


def test_a_secret_from_a_command_reads_as_it_would_be_typed() -> None:
    guest = {"users": {"ann": {"password": {"command": ["pass", "show", "lab/ann's key"]}}}}
    assert schema.flatten("Guest", guest)["users.ann.password"] == (
        """command pass show 'lab/ann'"'"'s key'""")


@pytest.mark.parametrize(("kind", "field", "cost"), [
    ("VirtualMachine", "memory", Impact.NEXT_BOOT),
    ("VirtualMachine", "disks[root].bus", Impact.NEXT_BOOT),
    ("VirtualMachine", "interfaces[a.b].user.forward", Impact.NEXT_BOOT),
    ("VirtualMachine", "running", Impact.LIVE),
    ("VirtualMachine", "accel", Impact.NONE),
    ("Disk", "size", Impact.LIVE),
    ("Disk", "format", Impact.DESTROYS),
    ("Disk", "image", Impact.NONE),
    ("Guest", "users.root.password", Impact.RESTART),
    ("Guest", "users.root.uid", Impact.NONE),
    ("Guest", "interfaces[eth0].address", Impact.RESTART),
    ("Image", "source.debootstrap.suite", Impact.NONE),
    ("Image", "no.such.field", Impact.NONE),
])
def test_impact(kind: str, field: str, cost: Impact) -> None:
    assert schema.impact(kind, field) is cost


@pytest.mark.parametrize(("kind", "field", "name", "says"), [
    ("Disk", "image", "x-create-only", True),
    ("Image", "source", "x-create-only", True),
    ("Image", "source.url", "x-create-only", True),
    ("Disk", "image", "x-ref", ["image"]),
    ("VirtualMachine", "disks[root].disk", "x-ref", ["disk", "logicalvolume", "rbdimage"]),
    ("VirtualMachine", "disks[root].bus", "x-ref", None),
    ("VirtualMachine", "disks[root].disk", "x-on-remove", "remove"),
    ("VirtualMachine", "disks[root].bus", "x-on-remove", "keep"),
    ("VirtualMachine", "memory", "x-on-remove", None),
    ("VirtualMachine", "memory", "x-live", None),
    ("Guest", "users.root.uid", "x-offline", None),
    ("Guest", "users.root.password", "x-secret", True),
    ("Guest", "gone.since.then", "x-offline", None),
])
def test_keyword(kind: str, field: str, name: str, says: object) -> None:
    assert schema.keyword(kind, field, name) == says


def test_default() -> None:
    assert schema.default("VirtualMachine", "disks[root].bus") == "virtio"
    assert schema.default("VirtualMachine", "memory") is None


def test_refs() -> None:
    assert schema.refs("VirtualMachine", MACHINE) == [
        Ref("disks[root].disk", ("spec", "disks", 0, "disk"),
            ("disk", "logicalvolume", "rbdimage"), "web-root"),
        Ref("disks[data].disk", ("spec", "disks", 1, "disk"),
            ("disk", "logicalvolume", "rbdimage"), "data"),
        Ref("interfaces[eth0].network", ("spec", "interfaces", 0, "network"), ("network",), "lab",
            optional=True),
        Ref("guest", ("spec", "guest"), ("guest",), "web"),
    ]
    assert schema.refs("Guest", GUEST) == [
        Ref("disk", ("spec", "disk"), ("disk", "logicalvolume"), "web-root", within=True),
        Ref("machine", ("spec", "machine"), ("virtualmachine",), "web", order=False),
    ]


def test_secrets() -> None:
    assert schema.secret_of({"command": ["pass", "show"]}) == Secret("command", ("pass", "show"))
    assert schema.secret_at("Guest", GUEST, "users.root.password") == Secret("file", "/s/root.txt")
    assert schema.secret_at("Guest", GUEST, "users.nobody.password") is None


def test_absolute_paths_in_a_copy() -> None:
    spec = {"users": {"a": {"password": {"file": "../s/a"}}, "b": {"password": {"file": "/b"}}}}
    assert schema.absolute("Guest", spec, "/m/x") == {
        "users": {"a": {"password": {"file": "/m/s/a"}}, "b": {"password": {"file": "/b"}}}}
    assert spec["users"]["a"]["password"]["file"] == "../s/a"


def test_jsonable_is_deep_and_plain() -> None:
    spec = {"a": ({"b": [1]},)}
    copy = schema.jsonable(spec)
    assert copy == {"a": [{"b": [1]}]} and json.loads(json.dumps(copy)) == copy
    copy["a"][0]["b"].append(2)
    assert spec == {"a": ({"b": [1]},)}


def nodes(node: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield where, node
        for key, item in node.items():
            yield from nodes(item, f"{where}/{key}")
    elif isinstance(node, list):
        for place, item in enumerate(node):
            yield from nodes(item, f"{where}/{place}")


def fields() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field that a person can write; conditions repeat some and declare none."""
    for kind in KINDS:
        for where, node in nodes(schema_of(kind), kind):
            conditional = {"if", "then", "else", "not", "allOf"} & set(where.split("/"))
            if not conditional and where.rpartition("/")[2] != "properties":
                for key, field in node.get("properties", {}).items():
                    if isinstance(field, dict):
                        yield f"{where}/{key}", field


def test_every_field_is_described_and_its_examples_are_right() -> None:
    found = list(fields())
    assert len(found) > 100
    for where, field in found:
        assert field.get("description", "").endswith("."), where
        assert field.get("examples"), where
        for example in [*field["examples"], *([field["default"]] if "default" in field else ())]:
            assert list(validator(field).iter_errors(example)) == [], where


def test_objects_are_closed_and_keywords_known() -> None:
    known = {
        "x-ref", "x-order", "x-within", "x-immutable", "x-create-only", "x-offline", "x-live",
        "x-next-boot", "x-on-remove", "x-secret", "x-path", "x-size", "x-composite", "x-policy",
        "x-always", "x-named", "x-expects", "x-problem", "x-hint", "x-at",
        "x-ref-optional", "x-rebase", "x-short",
    }
    for kind in KINDS:
        for where, node in nodes(schema_of(kind), kind):
            if where.rpartition("/")[2] in ("properties", "patternProperties"):
                continue
            assert {key for key in node if key.startswith("x-")} <= known, where
            if "object" in str(node.get("type")) and "/if/" not in where and "example" not in where:
                assert "additionalProperties" in node, where


def test_every_rule_that_schemas_use_has_a_sentence() -> None:
    silent = {"if", "then", "else", "allOf", "properties", "patternProperties", "items", "not"}
    rules = {"additionalProperties", "required", "dependentRequired", "oneOf", "anyOf", "type",
             "enum", "const", "pattern", "propertyNames", "format", "minimum", "maximum",
             "minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength",
             "uniqueItems", "multipleOf", "contains", "x-named", *silent}
    used = {key for kind in KINDS for _, node in nodes(schema_of(kind), kind) for key in node}
    assert (used & rules) - silent <= set(SENTENCES)
    for kind in KINDS:
        for where, node in nodes(schema_of(kind), kind):
            # What is inside a condition, or inside what must not be, is never said by itself.
            if "not" in node and not {"if", "not"} & set(where.split("/")):
                assert "x-problem" in node, where


def test_schemas_are_json_schema_2020_12() -> None:
    for kind in KINDS:
        Draft202012Validator.check_schema(schema_of(kind))


def test_references_in_the_files_stay_in_the_folder() -> None:
    folder = Path(__file__).parents[2] / "schemas"
    for file in folder.glob("*.json"):
        for where, node in nodes(json.loads(file.read_text()), file.stem):
            target = str(node.get("$ref", "#")).partition("#")[0]
            assert target == "" or (folder / target).is_file(), where


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(),
                    st.sampled_from(["name", "10GB", "debian", "root", "qcow2", "10.0.0.1/24"]))
FIELDS = {*MACHINE, *GUEST, "name", "image", "size", "user", "forward", "password", "source"}
WORDS = st.one_of(st.text(max_size=8), st.sampled_from(sorted(FIELDS)))
VALUES = st.recursive(SCALARS, lambda below: st.one_of(
    st.lists(below, max_size=3), st.dictionaries(WORDS, below, max_size=4)), max_leaves=12)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*KINDS, "Pod"]), st.dictionaries(WORDS, VALUES, max_size=6), VALUES)
def test_no_document_is_a_traceback(kind: str, spec: dict[str, Any], name: Any) -> None:
    problems = schema.validate(Document(kind, "x", {"name": name}, spec))
    for problem in problems:
        assert problem.summary[0].islower() or problem.summary.startswith(kind)
        assert len(problem.summary) < 1000
