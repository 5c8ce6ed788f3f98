"""The one schema for editors: it is what is generated, and says what our own validation says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tiny_cloud import manifest, schema
from tiny_cloud.schema import editors

ROOT = Path(__file__).parents[2]
FILE = ROOT / "schemas" / "editors" / "tinycloud.json"


def test_the_file_is_what_the_schemas_say(request: pytest.FixtureRequest) -> None:
    text = json.dumps(editors.any_kind(), indent=1, ensure_ascii=False) + "\n"
    if request.config.getoption("--regenerate"):
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(text)
    assert FILE.read_text() == text


@pytest.fixture(scope="module")
def editor() -> Any:
    """As an editor validates: no formats of ours, nothing but the file."""
    read = json.loads(FILE.read_text())
    Draft202012Validator.check_schema(read)
    return Draft202012Validator(read)


def documents(file: Path) -> list[Any]:
    return [one for one in yaml.safe_load_all(file.read_text()) if one]


@pytest.mark.parametrize("file", [ROOT / "manifests/demo.yaml",
                                  *sorted(ROOT.glob("tests/scenarios/*/*.yaml"))],
                         ids=lambda file: f"{file.parent.name}/{file.name}")
def test_manifests_that_are_right_are_right_in_an_editor(editor: Any, file: Path) -> None:
    for document in documents(file):
        if "kind" in document:
            assert list(editor.iter_errors(document)) == []


@pytest.mark.parametrize("file", sorted(ROOT.glob("tests/unit/bad/*.yaml")),
                         ids=lambda file: file.stem)
def test_an_editor_calls_nothing_wrong_that_is_right(editor: Any, file: Path) -> None:
    for document in manifest.read([str(file)])[0]:
        if not schema.validate(document):
            body = {key: value for key, value in document.body.items() if value or key != "spec"}
            assert list(editor.iter_errors(body)) == []


@pytest.mark.parametrize(("text", "says"), [
    ("{apiVersion: tinycloud/v1, kind: Pod, metadata: {name: a}}", "'Pod' is not one of"),
    ("{apiVersion: tinycloud/v1, kind: Disk, metadata: {name: a}, spec: {sise: 1}}", "sise"),
    ("{apiVersion: tinycloud/v1, kind: Disk, metadata: {name: A}, spec: {size: 1}}", "'A'"),
    ("{apiVersion: v1, kind: Disk, metadata: {name: a}, spec: {size: 1}}", "tinycloud/v1"),
])
def test_what_is_wrong_in_every_kind_is_wrong_in_an_editor(
    editor: Any, text: str, says: str
) -> None:
    assert any(says in error.message for error in editor.iter_errors(yaml.safe_load(text)))


def test_what_a_replica_will_have_is_not_judged(editor: Any) -> None:
    machine = {"apiVersion": "tinycloud/v1", "kind": "VirtualMachine", "metadata": {"name": "web"},
               "spec": {"replicas": 2, "cpus": 1, "memory": "1GiB",
                        "disks": [{"name": "root", "disk": "data-${index}"}],
                        "guest": {"hostname": "web-${index}"}}}
    assert list(editor.iter_errors(machine)) == []


def test_sentences_are_shown() -> None:
    known = editors.any_kind()["$defs"]["common"]["$defs"]["name"]
    assert known["patternErrorMessage"].startswith("must be a name of at most 63")
    assert "x-" not in str([key for key in known])
