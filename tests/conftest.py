"""Shared by all tests: unit tests may not start processes; CI may not skip."""

import os
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate", action="store_true", help="write the goldens of tests/scenarios anew"
    )


UNIT = Path(__file__).parent / "unit"


@pytest.fixture(autouse=True)
def _pure(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A unit test that spawns a process is no unit test."""
    if UNIT in request.path.parents:

        def refuse(*args: object, **words: object) -> NoReturn:
            raise AssertionError(f"a unit test starts a process: {args}")

        monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, None]:
    """In CI a skipped test is a failed one: nothing may quietly not run."""
    outcome = yield
    report = outcome.get_result()
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
