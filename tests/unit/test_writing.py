"""Documents as YAML: read back they are the same, whatever they hold, and they read well."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_cloud.document import Document
from tiny_cloud.manifest import read
from tiny_cloud.writing import stream, text
from tiny_cloud.yaml12.text import FORBIDDEN

PRINTABLE = st.text(st.characters(codec="utf-8"), max_size=30).filter(
    lambda word: not FORBIDDEN.search(word) and "\r" not in word and "\x85" not in word)
SCALARS = PRINTABLE | st.booleans() | st.integers(-10**17, 10**17)
SOUND = "<sound model='ich9'><codec type='duplex'/></sound><sound model='ac97'></sound>"
VALUES = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(PRINTABLE, below, max_size=3),
    max_leaves=12)


def document(spec: dict[str, Any], **metadata: Any) -> Document:
    return Document("Disk", "web", {"name": "web", **metadata}, spec)


def back(written: str) -> list[Document]:
    documents, problems = read(["-"], io.StringIO(written))
    assert problems == []
    return documents


def test_it_is_written_as_a_person_would() -> None:
    machine = Document("VirtualMachine", "web", {"labels": {"tier": "front"}, "name": "web"}, {
        "cpus": 2,
        "memory": "1GiB",
        "description": "Two\nlines.\n",
        "clock": {"offset": "utc"},
        "disks": [
            {"name": "root", "image": "debian-12", "size": "10GiB"},
            {"name": "data", "disk": "web-data", "serial": "0123"},
        ],
        "interfaces": [{"name": "eth0", "network": "lab", "mac": "52:54:00:12:34:56"}],
        "boot": ["root", "eth0"],
        "xml": [{"target": "devices", "xml": SOUND}],
    })
    assert text(machine, ["Its lease\nis not kept.", "word " * 30]) == """\
# Its lease is not kept.
# word word word word word word word word word word word word word word word word word word word
# word word word word word word word word word word word
apiVersion: tinycloud/v1
kind: VirtualMachine
metadata: {name: web, labels: {tier: front}}
spec:
  cpus: 2
  memory: 1GiB
  description: |
    Two
    lines.
  clock: {offset: utc}
  disks:
    - {name: root, image: debian-12, size: 10GiB}
    - {name: data, disk: web-data, serial: '0123'}
  interfaces:
    - {name: eth0, network: lab, mac: '52:54:00:12:34:56'}
  boot: [root, eth0]
  xml:
    - target: devices
      xml: <sound model='ich9'><codec type='duplex'/></sound><sound model='ac97'></sound>
"""


@pytest.mark.parametrize("word", [
    "true", "yes", "off", "null", "~", "0755", "1e3", "1_000", "12:30", "52:54:00:12:34:56", "",
    "#", "- a", "a: b", "{", "a #b", "'", '"', " a ", "a\n\n", "\n", "\ta\n b", "=", "<<",
    "2024-01-01",
])
def test_no_text_becomes_anything_else(word: str) -> None:
    (found,) = back(text(document({"a": word, "b": {"c": [word]}})))
    assert found.spec == {"a": word, "b": {"c": [word]}}


@given(st.dictionaries(PRINTABLE, VALUES, max_size=4))
def test_whatever_they_hold(spec: dict[str, Any]) -> None:
    written = text(document(spec))
    (found,) = back(written)
    assert found.spec == spec
    assert all(character.isprintable() or character == "\n" for character in written)


def test_nothing_that_a_remark_says_is_a_document() -> None:
    hostile = "a\nspec: {size: 1GiB}\r\x85b\u2028kind: Image\x1b[31m"
    (found,) = back(text(document({"size": "2GiB"}), [hostile]))
    assert found.spec == {"size": "2GiB"}


def test_several_stand_in_one_file() -> None:
    documents = [document({"size": "1GiB"}), document({"size": "2GiB"}, annotations={"a": "b"})]
    assert [item.spec for item in back(stream(map(text, documents)))] == [
        {"size": "1GiB"}, {"size": "2GiB"}]
