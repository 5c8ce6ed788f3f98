"""The linters are tests: style, types and the direction of imports."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "argv",
    [("ruff", "check", "."), ("mypy",), ("lint-imports", "--no-cache")],
    ids=lambda argv: argv[0],
)
def test_linter(argv: tuple[str, ...]) -> None:
    done = subprocess.run(
        [str(BIN / argv[0]), *argv[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_the_package_costs_nothing() -> None:
    """The command line asks it for a version alone."""
    code = "import sys, tiny_cloud; print([name for name in sys.modules if 'tiny_cloud.' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_who_uses_it_has_its_types(tmp_path: Path) -> None:
    """As an installed package: ``py.typed`` says that it has some (PEP 561)."""
    file = tmp_path / "uses.py"
    file.write_text(
        "import tiny_cloud\n"
        "def tell(event: tiny_cloud.Event) -> None: ...\n"
        "planned = tiny_cloud.load(documents=[{}]).plan(tiny_cloud.Wish(prune=True))\n"
        "reveal_type([change.action for change in planned.plan.changes])\n"
        "planned.apply(tell)\n"
        "planned.apply(7)\n")
    done = subprocess.run(
        [str(BIN / "mypy"), "--strict", "--config-file=", str(file)], cwd=tmp_path,
        capture_output=True, text=True, check=False)
    said = [line.partition(":")[2] for line in done.stdout.splitlines()]
    assert said[0] == '4: note: Revealed type is "list[tiny_cloud.model.Action]"'
    assert said[1].startswith('6: error: Argument 1 to "apply" of "Planned" has incompatible type')
    assert done.stdout.splitlines()[-1].startswith("Found 1 error")
