"""Completion where it is used: in bash, zsh and fish themselves."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.unit.test_completion import MANIFEST

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
BIN = Path(sys.executable).parent
PATIENCE = 30
"""Seconds that an answer gets on a busy machine."""
START = {
    "bash": ("bash", "--norc", "-i"),
    "zsh": ("zsh", "-f", "-i"),
}
READY = {
    "bash": "source <(tinycloud completion bash)",
    "zsh": "autoload -U compinit && compinit -u -d {here}/dump && "
           "source <(tinycloud completion zsh)",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "a.yaml").write_text(MANIFEST)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PS1", "$ ")
    return tmp_path


@pytest.mark.parametrize("shell", START)
def test_a_tab_completes(here: Path, shell: str) -> None:
    """A verb, a name that manifests declare by its short kind, and a file by the shell itself."""
    (here / "plan.json").write_text("{}")
    with pexpect.spawn(START[shell][0], list(START[shell][1:]), encoding="utf-8",
                       timeout=PATIENCE, dimensions=(40, 120)) as term:
        term.sendline(READY[shell].format(here=here) + "; echo ready$((1+1))")
        term.expect("ready2")
        for typed, completed in (("tinycloud destr\t", "destroy"),
                                 ("tinycloud apply --restart vm/w\t", "vm/web"),
                                 ("tinycloud flatten web-r\t", "web-root"),
                                 ("tinycloud apply --plan plan.j\t", "plan.json")):
            term.send(typed)
            # The end of the word alone comes back, after what was typed.
            term.expect(completed.removeprefix(typed.split(" ")[-1].rstrip("\t")))
            term.sendcontrol("u")
            term.send("\r")
            term.expect(r"[$%#] ")


def test_fish_completes(here: Path) -> None:
    def ask(line: str) -> list[str]:
        script = f"tinycloud completion fish | source; complete -C '{line}'"
        done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True,
                              text=True, check=True, timeout=PATIENCE)
        assert done.stderr == ""
        return [word.split("\t")[0] for word in done.stdout.splitlines()]

    assert ask("tinycloud destr") == ["destroy"]
    assert ask("tinycloud apply --restart vm/w") == ["vm/web"]
    assert ask("tinycloud flatten web-") == ["web-data", "web-root"]


def test_bash_is_given_a_script_that_it_reads(here: Path) -> None:
    done = subprocess.run(["bash", "-n"], input=subprocess.check_output(
        [BIN / "tinycloud", "completion", "bash"]), capture_output=True, check=True)
    assert done.stderr == b""


def test_an_answer_costs_less_than_a_third_of_a_second(here: Path) -> None:
    """Of a processor: how long it takes by the clock is also a matter of who else is at work."""
    environ = {**os.environ, "_TINYCLOUD_COMPLETE": "bash_complete", "COMP_CWORD": "3",
               "COMP_WORDS": "tinycloud apply --restart vm/"}
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        out = subprocess.check_output([BIN / "tinycloud"], env=environ, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert out == "plain,vm/web\n"
    assert min(spent) < 0.3
