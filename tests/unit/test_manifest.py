"""YAML 1.2 by our own rules, positions, limits; files, folders, stdin."""

import io
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tiny_cloud.errors import Problem
from tiny_cloud.manifest import LARGEST, Document, read
from tiny_cloud.yaml12 import Source, Tree, resolve, trees

HEAD = "apiVersion: tinycloud/v1\nkind: Disk\nmetadata: {name: a}\n"


def parse(text: str) -> tuple[list[Tree], list[Problem]]:
    source = Source("m.yaml", text)
    return list(trees(source)), source.problems


def value(text: str) -> Any:
    found, problems = parse(text)
    assert problems == []
    return found[0].value


def one(text: str) -> Document:
    documents, problems = read(["-"], io.StringIO(HEAD + text))
    assert problems == []
    return documents[0]


def wrong(text: str) -> list[str]:
    return [str(problem) for problem in read(["-"], io.StringIO(text))[1]]


@pytest.mark.parametrize(("text", "meaning"), [
    ("true", True), ("False", False), ("~", None), ("Null", None), ("0", 0), ("-12", -12),
    ("+7", 7), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0),
])
def test_plain_scalars(text: str, meaning: object) -> None:
    found = resolve(text)
    assert found == meaning and type(found) is type(meaning)


@pytest.mark.parametrize("text", [
    # What YAML 1.1 would have made numbers, booleans and dates of.
    "yes", "off", "n", "0755", "0o17", "0x1F", "12:30", "52:54:00:12:34:56", "2024-01-01", ".inf",
    ".nan", "1_000", "=", ".", "-", "1e999", "9" * 19, "\N{ARABIC-INDIC DIGIT ONE}",
])
def test_texts_that_only_look_like_something_else(text: str) -> None:
    assert resolve(text) == text


def test_quotes_and_tags_make_texts() -> None:
    assert value("['1', \"true\", !!str 5, ! 6, !!int 7, !!bool 'true']") == [
        "1", "true", "5", "6", 7, True]


def test_keys_are_texts() -> None:
    assert value("{1: a, true: b, on: c, ~: d}") == {"1": "a", "true": "b", "on": "c", "~": "d"}


def test_merges_and_aliases() -> None:
    assert value("""
base: &base {cpus: 1, memory: 1GiB}
more: &more {memory: 2GiB, running: false}
web: {<<: *base, cpus: 4}
db: {<<: [*base, *more]}
again: *base
quoted: {"<<": 1}
""") == {
        "base": {"cpus": 1, "memory": "1GiB"}, "more": {"memory": "2GiB", "running": False},
        "web": {"cpus": 4, "memory": "1GiB"},
        "db": {"cpus": 1, "memory": "1GiB", "running": False},
        "again": {"cpus": 1, "memory": "1GiB"}, "quoted": {"<<": 1}}


def test_positions_of_values_and_keys() -> None:
    document = one("spec:\n  size: 1GiB\n  ключ: [x, {y: z}]\n")
    path = ("spec", "ключ", 1, "y")
    for found, line, column, text in (
        (document.span(("spec", "size")), 5, 9, "  size: 1GiB"),
        (document.key_span(("spec", "size")), 5, 3, "  size: 1GiB"),
        (document.span(path), 6, 17, "  ключ: [x, {y: z}]"),
        (document.key_span(path), 6, 14, "  ключ: [x, {y: z}]"),
        (document.span((*path, "below", 7)), 6, 17, "  ключ: [x, {y: z}]"),
        (document.key_span(("spec", "ключ", 0)), 6, 10, "  ключ: [x, {y: z}]"),
        (document.span(), 1, 1, "apiVersion: tinycloud/v1"),
    ):
        assert found is not None
        assert (found.file, found.line, found.column, found.text) == ("<stdin>", line, column, text)


def test_line_ends_of_every_system() -> None:
    for end in ("\n", "\r\n", "\r"):
        document = one(f"spec:{end}  size: 1{end}")
        span = document.span(("spec", "size"))
        assert span is not None and (span.line, span.text) == (5, "  size: 1")


def test_empty_documents_are_left_out_and_lists_taken_apart() -> None:
    text = f"""---
---
# only a remark
---
apiVersion: v1
kind: List
items:
- {{apiVersion: tinycloud/v1, kind: Disk, metadata: {{name: a}}}}
- kind: List
  items:
  - {{apiVersion: tinycloud/v1, kind: Image, metadata: {{name: b}}}}
---
{HEAD}"""
    documents, problems = read(["-"], io.StringIO(text))
    assert problems == []
    assert [(item.kind, item.name) for item in documents] == [
        ("Disk", "a"), ("Image", "b"), ("Disk", "a")]
    span = documents[1].span(("kind",))
    assert span is not None and span.line == 11


def test_a_folder_is_walked_by_name(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/z.yml", "c.txt", ".hidden.yaml", ".git/x.yaml", "a/y.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(HEAD)
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    documents, problems = read([str(tmp_path), str(tmp_path / "b.yaml")])
    assert problems == []
    found = [str(Path(span.file).relative_to(tmp_path))
             for document in documents if (span := document.span())]
    assert found == ["a/y.yaml", "a/z.yml", "b.yaml"]
    assert documents[0].folder == str(tmp_path / "a")


def test_a_pattern_means_what_a_shell_makes_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("web1.yaml", "web2.yml", "db.yaml", "a/web3.yaml", "a/b/web4.yaml", "web.txt",
                 ".web5.yaml", "web[1].yaml"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(HEAD)

    def found(*paths: str) -> list[str]:
        documents, problems = read(paths)
        assert problems == []
        return [span.file for document in documents if (span := document.span())]

    assert found("web?.*") == ["web1.yaml", "web2.yml"]
    assert found("**/web*.yaml") == ["a/b/web4.yaml", "a/web3.yaml", "web1.yaml", "web[1].yaml"]
    assert found("[ad]*") == ["a/b/web4.yaml", "a/web3.yaml", "db.yaml"]
    assert found("*.txt") == ["web.txt"], "who says so himself means it"
    assert found("web[1].yaml", "web*.yaml") == ["web[1].yaml", "web1.yaml"]
    _, problems = read(["db.yaml", "none*.yaml"])
    assert [str(problem) for problem in problems] == [
        "there is no file or folder like none*.yaml (look at the pattern, and keep it in quotes)"]


def test_standard_input_belongs_to_the_working_folder(tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    documents, _ = read(["-"], io.TextIOWrapper(io.BytesIO(HEAD.encode())))
    assert documents[0].folder == str(tmp_path)


def test_what_cannot_be_read_is_a_problem_each(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: b\nc: \xe9")
    (tmp_path / "large.yaml").write_bytes(b"#" * (LARGEST + 1))
    (tmp_path / "link.yaml").symlink_to("nowhere")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    _, problems = read([str(tmp_path), "no/such\0path", "missing"])
    assert [str(problem).replace(f"{tmp_path}/", "") for problem in problems] == [
        "large.yaml:1:1: a manifest may have at most 1 MiB (split it into several files)",
        "latin.yaml:2:1: this is not UTF-8 text (save it as UTF-8)",
        "there is no file or folder link.yaml (look at the path)",
        f"{tmp_path} cannot be read: Symlink loop from 'loop.yaml'"
        " (look at the path and its permissions)",
        "no/such\0path cannot be read: embedded null byte (look at the path and its permissions)",
        "there is no file or folder missing (look at the path)",
    ]


@pytest.mark.parametrize(("text", "words"), [
    ("a: \x07", "1:4: a manifest may not hold the control character U+0007 (remove it)"),
    ("a:\n  b\u2028c", "2:4: a manifest may not hold the control character U+2028 (remove it)"),
    ('a: "\\0"', "1:4: this text holds a control character (remove the escape that makes it)"),
    ('"\\e": 1', "1:1: this text holds a control character (remove the escape that makes it)"),
    ("a: !!binary aGk=", "1:4: the tag tag:yaml.org,2002:binary does not fit here (leave it out)"),
    ("a: !!set {b}", "1:4: the tag tag:yaml.org,2002:set is not known here (leave it out)"),
    ("a: !!python/object:os.system {}", "1:4: the tag tag:yaml.org,2002:python/object:os.s"),
    ("a: *b", "1:4: the alias *b has no anchor above it"),
    ("--- &a 1\n--- *a", "2:5: the alias *a has no anchor above it"),
    ("a: {<<: 5}", "1:9: only mappings can be merged with << (write <<: *NAME)"),
    ("%TAG !a! b:\n" * 40 + "---\na", "1:1: a manifest may hold at most 32 directives"),
    ("kind: List\nitems:\n- &a {kind: List, items: []}\n" + "".join(
        f"- &{this} {{kind: List, items: [{', '.join([f'*{last}'] * 10)}]}}\n"
        for last, this in zip("abcdefg", "bcdefgh", strict=True)), "at most 10000 values"),
    ("[" * 1000, "1:33: this is nested deeper than 32 levels"),
    ("a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(
        f"{this}: &{this} [{', '.join([f'*{last}'] * 9)}]\n" for last, this in zip(
            "bcdefg", "cdefgh", strict=True)), "a file may hold at most 10000 values"),
])
def test_refuses(text: str, words: str) -> None:
    problems = wrong(text)
    assert any(words in problem for problem in problems), problems


def test_a_line_with_a_password_is_not_shown() -> None:
    for text in ("a: {password: canary, password: x}", "password: canary\npassword: canary",
                 "b: [\npassword: canary"):
        _, problems = read(["-"], io.StringIO(text))
        assert problems
        assert "canary" not in "".join(f"{problem}{problem.span and problem.span.text}"
                                       for problem in problems)


MOST = {
    "keys": "k: 1\n" * (LARGEST // 5),
    "items": "- a\n" * (LARGEST // 4),
    "documents": "---\n{}\n" * (LARGEST // 7),
    "wrong documents": "---\na\n" * (LARGEST // 6),
    "braces": "{" * LARGEST,
    "dashes": "- " * (LARGEST // 2),
    "a key": "? " + "k" * (LARGEST - 8) + "\n: 1",
    "a number": "9" * LARGEST,
    "anchors": "- &a x\n" * (LARGEST // 7),
    "merges": "a: &a {x: 1}\n" + "".join(
        f"m{n}: &m{n} {{<<: *{f'm{n - 1}' if n else 'a'}, k{n}: 1}}\n" for n in range(20_000)),
    "a list": "kind: List\nitems: [" + "{}," * 90_000 + "]",
    "breaks": "\n" * LARGEST,
}


@pytest.mark.parametrize("text", MOST.values(), ids=MOST)
def test_a_mebibyte_of_anything_is_answered_soon(text: str) -> None:
    start = time.process_time()
    _, problems = read(["-"], io.StringIO(text[:LARGEST]))
    assert time.process_time() - start < 1.5  # usually a quarter of that
    assert len(problems) <= 102


YAML = st.text(st.sampled_from(list("ab:-?[]{},&*!|>'\"%@#<~ \n\t0.1\\x\x00é\u2028")), max_size=60)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(YAML, st.text(max_size=40)))
def test_no_text_is_a_traceback(text: str) -> None:
    documents, problems = read(["-"], io.StringIO(text))
    assert documents == [] or problems == []
    for problem in problems:
        assert problem.span is None or problem.span.line >= 1
