"""The usual form of manifests: it means the same, is reached at once, and loses no comment."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.input.manifests import Draw, clouds
from tests.input.naughty import NAUGHTY
from tiny_cloud.layout import formatted
from tiny_cloud.yaml12 import Source, trees


def values(text: str) -> list[Any]:
    source = Source("", text)
    found = [tree.value for tree in trees(source)]
    assert source.problems == []
    return found


MESSY = """\
# of the file

kind: VirtualMachine
apiVersion: tinycloud/v1   # v
spec:
    # guests
    guest:
        hostname:   web
        users:
            # the boss
            root: {password: {file: secrets/root.txt}}
    memory: 1GiB


    cpus: 2 # two
    description: |
       hello
         more

    disks:
    # first
    - image: debian-12
      # its name
      name: root
      size: 10GiB
    -   {size: 1GiB,  name: data}  # flow
      # - {name: gone}
    # about cards
    interfaces: [{network: lab, name: eth0,
       address: 10.0.0.1/24}]
    # tail
metadata: {labels: {b: c, a: d}, name: web}
# end


---
kind: Pod
b:
  - - x
    - y
  -
    # c
    k: v   \t
    l:
    - 1
  - "multi
  line"
"""
NEAT = """\
# of the file

apiVersion: tinycloud/v1   # v
kind: VirtualMachine
metadata: {name: web, labels: {b: c, a: d}}
spec:
  cpus: 2 # two
  memory: 1GiB
  description: |
     hello
       more

  disks:
    # first
    # its name
    - name: root
      image: debian-12
      size: 10GiB
    - {name: data,  size: 1GiB}  # flow
    # - {name: gone}
  # about cards
  interfaces: [{network: lab, name: eth0,
     address: 10.0.0.1/24}]
  # guests
  guest:
    hostname:   web
    users:
      # the boss
      root: {password: {file: secrets/root.txt}}
  # tail
# end
---
kind: Pod
b:
  - - x
    - y
  # c
  - k: v
    l:
      - 1
  - "multi
      line"
"""


def test_the_usual_form() -> None:
    assert formatted(MESSY) == NEAT == formatted(NEAT)
    assert values(MESSY) == values(NEAT)


@pytest.mark.parametrize("text", [
    "? a\n: b\n", "a: &x [1]\nb: *x\n", "--- {b: 1, a: 2}\n", "- &a\n  b: 1\n",
    "%YAML 1.2\n---\na: 1\n...\n", "just text\n", "a: !!str 1\n", "# nothing\n",
    "a:\n  - # why\n    &x\n    b: 1\n", "a: |+\n  text\n\n", "a: |2\n    text\n",
])
def test_what_is_unusual_stays(text: str) -> None:
    assert formatted(text) == text


@pytest.mark.parametrize(("text", "neat"), [
    ("", ""), ("\n\n", ""), ("a: 1\r\nb: 2\r\n", "a: 1\nb: 2\n"), ("a: 1", "a: 1\n"),
    ("a: |+\n    text\n\n\nb: 1\n", "a: |+\n    text\n\n\nb: 1\n"),
    ("  a: |\n       text\n       \n  b: >\n       x\n", "a: |\n     text\n\nb: >\n     x\n"),
    ("a:\n- 1\n# x\n- 2\n# y\nb:   \n", "a:\n  - 1\n  # x\n  - 2\n# y\nb:\n"),
    ("a:\n- \u3000\n", "a:\n  - \u3000\n"),
    ("---\n---\nb:\n    c: 1\n", "---\n---\nb:\n  c: 1\n"),
    ("a:\n     {b: 1}\nc: [\n1]\n", "a:\n     {b: 1}\nc: [\n  1]\n"),
    ("a:\n    - b: 1\n      c:\n          - d\n", "a:\n  - b: 1\n    c:\n      - d\n"),
])
def test_small_things(text: str, neat: str) -> None:
    assert formatted(text) == neat == formatted(neat)
    assert values(text) == values(neat)


def test_fields_change_places_in_braces_too_but_no_anchor_leaves_its_alias() -> None:
    head = "apiVersion: tinycloud/v1\nkind: Disk\nmetadata: {name: a}\n"
    assert formatted(head + "spec: {size: 1GiB, image: x}\n").endswith("{image: x, size: 1GiB}\n")
    text = head + "spec: {size: &s 1GiB, image: *s}\n"
    assert formatted(text) == text


WORDS = st.one_of(st.sampled_from([*NAUGHTY, "a", "b", "|", "x\n\n", " y\nz ", "# no"]), st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\ufeff\ufffe"),
    max_size=12))
KEYS = st.text("abcdef", min_size=1, max_size=3)
ANY = st.recursive(
    st.one_of(WORDS, st.integers(), st.booleans(), st.none()), lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)), max_leaves=14)


@st.composite
def written(draw: Draw) -> str:
    """Documents in some style of PyYAML's, with comments between lines."""
    if draw(st.booleans()):
        documents = [json.loads(one) for one in draw(clouds()).split("\n---\n")]
    else:
        documents = draw(st.lists(ANY, min_size=1, max_size=2))
    text = yaml.safe_dump_all(
        documents, sort_keys=draw(st.booleans()), indent=draw(st.sampled_from((2, 3, 4, 6))),
        default_flow_style=draw(st.sampled_from((False, False, None, True))), allow_unicode=True,
        width=draw(st.sampled_from((20, 100, 10_000))),
        default_style=draw(st.sampled_from((None, None, None, "|", ">", '"'))))
    lines = text.split("\n")
    for number in range(draw(st.integers(0, 5))):
        comment = " " * draw(st.integers(0, 8)) + f"#c{number}"
        at = draw(st.integers(0, len(lines) - 1))
        lines[at:at] = draw(st.sampled_from(([comment], ["", comment], [comment, ""], [""])))
    return "\n".join(lines)


@settings(max_examples=150)
@given(written())
def test_it_means_the_same_and_is_reached_at_once(text: str) -> None:
    source = Source("", text)
    before = [tree.value for tree in trees(source)]
    if source.problems:  # what cannot be read has no form
        return
    neat = formatted(text)
    assert values(neat) == before
    assert formatted(neat) == neat
    assert sorted(re.findall("#c[0-9]", neat)) == sorted(re.findall("#c[0-9]", text))
    assert neat == "" or neat.endswith("\n")
