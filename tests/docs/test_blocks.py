"""Every block is of a language that something here runs, or says why it is not run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.docs import manifests, output, shell
from tests.docs.pages import Block, blocks, pages

LANGUAGES = {"yaml", "console", "python", "text"}
"""Those without a title; what has one is a file, of whatever language."""
NOT_RUN = 8
"""How many blocks nothing runs. One more needs a good reason, in its comment."""
ALL = [block for page in pages() for block in blocks(page)]
MANIFESTS = [block for block in ALL
             if block.language == "yaml" and not block.excuse and not block.title]
"""What is a file is read by the commands of its page (tests/integration/test_pages.py)."""


def test_every_block_is_run_or_says_why_not(
    record_property: Callable[[str, object], None]
) -> None:
    odd = [str(block) for block in ALL
           if not (block.title or block.excuse or block.language in LANGUAGES)]
    assert not odd, f"of no language that is run: {odd}"
    excused = [block for block in ALL if block.excuse]
    for block in excused:
        record_property(f"not run, {block}", block.excuse)
    assert len(excused) == NOT_RUN


@pytest.mark.parametrize("block", MANIFESTS, ids=str)
def test_manifests_are_valid(block: Block, tmp_path: Path) -> None:
    manifests.validate(block.text, tmp_path)


@pytest.mark.parametrize("block", [block for block in ALL if block.title], ids=str)
def test_files_are_what_they_are_called(block: Block) -> None:
    if block.language == "python":
        # Tests of a page; tests/integration runs them.
        assert block.title.startswith("test_") and compile(block.text, block.title, "exec")
        return
    assert block.language == "yaml" and block.title.endswith((".yaml", ".yml"))
    assert all(isinstance(said, dict) for said in yaml.safe_load_all(block.text))


def test_a_slip_in_a_manifest_is_found(tmp_path: Path) -> None:
    with pytest.raises(manifests.tiny_cloud.errors.Problems, match="hostnam"):
        manifests.validate("guest: {hostnam: web}\n", tmp_path)


@pytest.mark.parametrize(("shown", "printed", "fit"), [
    ("a\nb\n", "a\nb\n", True),
    ("a\nb\n", "a\nc\n", False),
    ("a\n", "a\nb\n", False),
    ("a … c\n", "a b c\n", True),
    ("a …\n", "a\nb\n", False),
    ("a\n…\nd\n", "a\nb\nc\nd\n", True),
    ("a\n…\nd\n", "a\nd\n", True),
    ("…\n", "", True),
    ("a (b)\n", "a b\n", False),
])
def test_what_is_shown_is_what_is_printed(shown: str, printed: str, fit: bool) -> None:
    assert output.fits(shown, printed) is fit


def test_a_shell_goes_on_from_one_command_to_the_next(tmp_path: Path) -> None:
    text = ("$ x=1; false\n$ echo $? $x\n1 1\n$ cat <<END\n> two\n> END\ntwo\n"
            "$ seven() { return 7; }; seven\n")
    with shell.Shell(tmp_path, {}) as bash:
        done = [(one.shown, *bash.run(one.command)) for one in shell.typed(text)]
    assert done == [("", 1, ""), ("1 1\n", 0, "1 1\n"), ("two\n", 0, "two\n"), ("", 7, "")]
