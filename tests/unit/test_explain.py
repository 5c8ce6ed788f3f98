"""explain, schema and help: what a new user reads first."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from jsonschema import Draft202012Validator

from tests.unit.conftest import Run
from tiny_cloud import cli, manifest, schema
from tiny_cloud.render.topic import written
from tiny_cloud.schema.editors import any_kind
from tiny_cloud.schema.files import schema_of, segments, spec_of, trail
from tiny_cloud.schema.topics import Topic, fields, topic
from tiny_cloud.verbs.examples import EXAMPLES


def everything(of: Topic) -> Iterator[Topic]:
    yield of
    for field in fields(of):
        yield from everything(field)


@pytest.mark.parametrize("kind", schema.kinds())
def test_everything_can_be_explained(kind: str) -> None:
    found = list(everything(topic(kind, "")))
    assert len(found) > 10
    for one in found:
        assert topic(kind, one.path).path == one.path
        # What has a name of the user's own stands in the example of what it is in.
        assert one.name == "*" or one.example is not None, one.path
        assert one.path.startswith("spec.") == (one.costs is not None)


@pytest.mark.parametrize("kind", schema.kinds())
def test_the_example_of_a_kind_is_a_document(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(written(topic(kind, "")))
    (document,), problems = manifest.read([str(file)])
    assert problems == [] and schema.validate(document) == []


def test_a_field_that_becomes_another_names_one() -> None:
    kinds = schema.kinds()
    for one in (one for kind in kinds for one in everything(topic(kind, ""))):
        if "x-composite" in one.node:
            kind, _, field = one.node["x-composite"].partition(".")
            found = trail(spec_of(kind), tuple(segments(field)))
            assert found and "x-composite" not in found[-1], one.path


def test_a_field_of_a_machine_costs_what_it_costs_where_it_ends_up() -> None:
    """A disk that is made for a machine is a Disk, and what is in its guest is a Guest's."""
    def cost(kind: str, field: str) -> str:
        row = topic(kind, field).costs
        assert row is not None
        return row.cost

    for mine, kind, other in (("disks.size", "Disk", "size"), ("disks.image", "Disk", "image"),
                              ("guest.users.koder.groups", "Guest", "users.koder.groups"),
                              ("interfaces.routes.to", "Guest", "interfaces.routes.to")):
        assert cost("VirtualMachine", mine) == cost(kind, other)
    assert cost("VirtualMachine", "disks.size") == "live"
    assert cost("VirtualMachine", "guest.hostname") == "restarts the machine"


def test_explain_a_field(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = run("explain", "vm.disks.bus")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "VirtualMachine.spec.disks[].bus",
        "  How the guest sees it.",
        "",
        "Type:       text",
        "Allowed:    virtio, scsi, sata, ide, usb",
        "Default:    virtio",
        "A change:   at next boot",
        "Taken out:  stays as it is",
        "Example:",
        "  bus: virtio",
    ]


def test_explain_lists_the_kinds(run: Run) -> None:
    code, out, _ = run("explain")
    assert code == 0 and [line.split()[0] for line in out.splitlines()] == [
        "KIND", *schema.kinds()]
    assert re.search(r"^VirtualMachine +vm +A libvirt domain", out, re.MULTILINE)


@pytest.mark.parametrize("columns", [80, 120])
def test_explain_fits_into_its_window(
    run: Run, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for word in ("VirtualMachine", "vm.disks", "image.source", "cloud"):
        out = run("explain", word)[1]
        assert max(map(len, out.splitlines())) <= min(columns, 100)


def test_required_fields_are_marked(run: Run) -> None:
    out = run("explain", "network.dhcp")[1]
    assert re.search(r"^  from\* +text +The first address", out, re.MULTILINE)
    assert re.search(r"^Required: +yes$", run("explain", "network.dhcp.from")[1], re.MULTILINE)


def test_explain_recursive(run: Run) -> None:
    code, out, _ = run("explain", "network.dns", "--recursive")
    assert code == 0
    assert out.splitlines() == ["enabled  <true, false>", "forwarders  <list of text>",
                                "hosts  <list of mapping>", "  address*  <text>",
                                "  names*  <list of text>"]


@pytest.mark.parametrize(("word", "said"), [
    ("dsk", ["there is no kind dsk", "    did you mean Disk?"]),
    ("disk.sise", ["there is no field sise in Disk.spec", "    did you mean size?"]),
    ("disk.size.unit", ["there is no field unit in Disk.spec.size", "    it has none"]),
    ("network.dhcp.zzz",
     ["there is no field zzz in Network.spec.dhcp", "    its fields are: from, to"]),
])
def test_what_there_is_not(run: Run, word: str, said: list[str]) -> None:
    code, out, err = run("explain", word)
    assert (code, out, err.splitlines()) == (1, "", said)


def test_schema_of_a_kind_stands_alone(run: Run) -> None:
    """Editors get one file: nothing in it refers to another."""
    code, out, _ = run("schema", "vm")
    found = json.loads(out)
    Draft202012Validator.check_schema(found)
    assert code == 0 and found["title"] == "VirtualMachine" and '"$ref"' not in out


def test_schema_of_all_kinds_knows_which_is_meant(run: Run) -> None:
    found = json.loads(run("schema", "--all")[1])
    validator = Draft202012Validator(found)
    assert found == json.loads(json.dumps(any_kind()))
    for kind in schema.kinds():
        document = topic(kind, "").example
        assert validator.is_valid(document), kind
        assert not validator.is_valid({**document, "kind": "Pod"})
        spec = {**document["spec"], "nonsense": 1}
        assert not validator.is_valid({**document, "spec": spec})


@pytest.mark.parametrize("argv", [(), ("vm", "--all")])
def test_schema_wants_one_thing(run: Run, argv: tuple[str, ...]) -> None:
    code, _, err = run("schema", *argv)
    assert code == 64 and "name one KIND, or write --all" in err


def test_help_is_grouped_and_whole(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0 and "..." not in out.partition("Options:")[2].partition("Examples:")[0]
    for title, verbs in cli.SECTIONS.items():
        section = out.partition(f"\n{title}:\n")[2].partition("\n\n")[0]
        assert [line.split()[0] for line in section.splitlines() if line[2] != " "] == list(verbs)


@pytest.mark.parametrize("verb", ["", *cli.VERBS])
def test_every_verb_has_examples_that_are_right(verb: str, run: Run) -> None:
    assert EXAMPLES.get(verb), f"verbs/examples.py has none of {verb}"
    out = run(*filter(None, [verb]), "--help")[1]
    for line, what in EXAMPLES[verb]:
        assert f"    {line}\n        {what}\n" in out
        ours = next(one for one in line.split(" | ") if one.startswith("tinycloud "))
        words = shlex.split(re.split(" >>? ", ours)[0])
        assert words.pop(0) and words[:1] == [verb or words[0]]
        parse(cli.cli, words)


def parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    """Raises click.UsageError for words that it does not know."""
    context = command.make_context(command.name, words, parent)
    if isinstance(command, click.Group):
        _, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        parse(found, rest, context)


def test_every_option_has_words() -> None:
    for verb in cli.VERBS:
        command = cli.cli.get_command(click.Context(cli.cli), verb)
        assert command is not None
        for one in (command, *getattr(command, "commands", {}).values()):
            silent = [option.name for option in one.params
                      if isinstance(option, click.Option) and not option.help]
            assert silent == [], f"{verb} {one.name}"


def test_the_schema_of_a_kind_is_the_one_that_validates() -> None:
    assert topic("Disk", "").node == schema_of("Disk")
