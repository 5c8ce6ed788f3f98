"""What a shell is told; real shells ask in tests/integration/test_shells.py."""

from pathlib import Path

import click
import pytest

from tests.unit.conftest import Run
from tiny_cloud import cli
from tiny_cloud.verbs import words

MANIFEST = """\
apiVersion: tinycloud/v1
kind: VirtualMachine
metadata: {name: web}
spec:
  cpus: 1
  memory: 64MiB
  disks:
    - {name: root, image: debian-12}
    - {name: data, size: 1GiB, volumeGroup: vg0}
    - {name: other, disk: elsewhere}
    - {name: far, nbd: {host: h}}
  guest: {hostname: web}
---
apiVersion: tinycloud/v1
kind: LogicalVolume
metadata: {name: pool}
spec: {}
"""
ADDRESSES = ["virtualmachine/web", "disk/web-root", "logicalvolume/web-data", "guest/web",
             "logicalvolume/pool"]


@pytest.fixture
def ask(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """What bash gets for a line that ends where the cursor is: (exit code, answers, stderr)."""
    Path("manifests").mkdir()
    Path("manifests/a.yaml").write_text(MANIFEST)

    def call(line: str) -> tuple[int, str, str]:
        monkeypatch.setenv("_TINYCLOUD_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        return run()

    return call


@pytest.mark.parametrize(("line", "answers"), [
    ("tinycloud dest", ["destroy"]),
    ("tinycloud snapshot re", ["revert"]),
    ("tinycloud plan --det", ["--detailed-exitcode"]),
    ("tinycloud apply --target ", ADDRESSES),
    ("tinycloud apply --target l", ["logicalvolume/web-data", "logicalvolume/pool"]),
    ("tinycloud apply --target lv/", ["lv/web-data", "lv/pool"]),
    ("tinycloud apply --restart vm/w", ["vm/web"]),
    ("tinycloud apply --restart VirtualMachine/", ["VirtualMachine/web"]),
    ("tinycloud apply --restart vm/x", []),
    ("tinycloud apply --restart nothing/", []),
    ("tinycloud flatten web-", ["web-root", "web-data"]),
    ("tinycloud flatten disk/", ["disk/web-root"]),
    ("tinycloud snapshot create ", ["web"]),
    ("tinycloud explain v", ["VirtualMachine"]),
    ("tinycloud explain vm.disks.io", ["vm.disks.io", "vm.disks.iothread"]),
    ("tinycloud explain disk.nothing.", []),
    ("tinycloud explain nothing.", []),
    ("tinycloud schema net", ["Network"]),
    ("tinycloud completion z", ["zsh"]),
])
def test_answers(ask: Run, line: str, answers: list[str]) -> None:
    code, out, err = ask(line)
    assert (code, err) == (0, "")
    assert [one.removeprefix("plain,") for one in out.split()] == answers


@pytest.mark.parametrize(("line", "type"), [
    ("tinycloud plan man", "file"), ("tinycloud apply --plan ", "file"),
    ("tinycloud flatten -f ", "file"), ("tinycloud plan --storage ", "dir"),
])
def test_files_are_the_shells_own(ask: Run, line: str, type: str) -> None:
    assert ask(line)[1].startswith(f"{type},")


@pytest.mark.parametrize("text", [
    "", "{", "kind: [", "apiVersion: tinycloud/v1\nkind: Disk\nmetadata: {name: 5}\n",
    "\0", "- a\n", MANIFEST.replace("disks:", "disks: 5\n  x:"),
    MANIFEST.replace("{name: root, image: debian-12}", "7"),
    MANIFEST.replace("name: root", "name: [root]"), MANIFEST.replace("kind: Vi", "kind: Wi"),
    MANIFEST.replace("{hostname: web}", "5"),
    MANIFEST.replace("name: web}", "'name': \"\\e[31m\"}"),
])
def test_broken_manifests_are_silent(ask: Run, text: str) -> None:
    Path("manifests/a.yaml").write_text(text)
    Path("manifests/b.yaml").write_text(
        "apiVersion: tinycloud/v1\nkind: Disk\nmetadata: {name: sound}\n")
    code, out, err = ask("tinycloud apply --target ")
    assert (code, err) == (0, "") and "disk/sound" in out and "\x1b" not in out


def test_without_manifests(ask: Run) -> None:
    Path("manifests/a.yaml").unlink()
    Path("manifests").rmdir()
    assert ask("tinycloud apply --target ") == (0, "\n", "")


def test_the_manifests_that_are_meant(ask: Run) -> None:
    Path("b.yaml").write_text("apiVersion: tinycloud/v1\nkind: Disk\nmetadata: {name: one}\n")
    assert ask("tinycloud apply b.yaml --target ")[1] == "plain,disk/one\n"
    assert ask("tinycloud flatten -f b.yaml o")[1] == "plain,one\n"


def test_every_word_is_completed_or_cannot_be() -> None:
    for verb in cli.VERBS:
        command = cli.cli.get_command(click.Context(cli.cli), verb)
        assert command is not None
        for one in (command, *getattr(command, "commands", {}).values()):
            for param in one.params:
                if param.type is click.STRING and not getattr(param, "is_flag", False):
                    name = words.called(param)
                    assert name in words.UNKNOWN, f"{verb}: say in verbs/words.py what {name} is"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_script_is_clicks_own(run: Run, shell: str) -> None:
    code, out, err = run("completion", shell)
    assert (code, err) == (0, "") and f"_TINYCLOUD_COMPLETE={shell}_complete" in out


def test_another_shell_is_a_usage_error(run: Run) -> None:
    code, _, err = run("completion", "tcsh")
    assert code == 64 and "'bash', 'zsh', 'fish'" in err
