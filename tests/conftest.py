"""Shared by all tests: unit tests may not start processes; CI may not skip."""

import os
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import settings

from tests import messages

# No verdict by the clock; in CI the same examples in every run, so that a failure is the change's.
settings.register_profile("tinycloud", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("tinycloud")
SLOWEST = ("test_main_job", "test_life", "test_lvm", "test_odd_guests", "test_snapshots",
           "test_crash", "test_session", "test_luks", "test_matrix_guest", "test_formats",
           "test_virt_install", "test_matrix", "test_kernel", "test_network", "test_cloud_image",
           "test_guest_edit", "test_machines_for_tests", "test_killed_edits",
           "test_network_disks", "test_rbd_image",
           "test_layers", "test_mount", "test_system_fields", "test_debootstrap", "test_live",
           "test_devices", "test_pages", "test_kills", "test_failures", "test_secrets")
"""Files that begin first: the last one to end should be a short one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    turn = {name: number for number, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: turn.get(item.path.stem, len(turn)))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate", action="store_true",
        help="write the goldens of tests/scenarios and tests/screens anew",
    )


def pytest_configure() -> None:
    if file := os.environ.get(messages.VARIABLE):
        messages.watch(file)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What a test has to say also where it passes, by ``record_property``."""
    for report in terminalreporter.getreports("passed"):
        for name, text in report.user_properties:
            terminalreporter.write_line(f"{name}: {text}")


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
