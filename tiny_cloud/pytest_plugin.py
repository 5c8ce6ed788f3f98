"""A pytest plugin: the fixture ``tinycloud`` gives a test machines of its own, which go with it.

Every run of pytest imports this, so that what costs time is imported by who uses a fixture.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tiny_cloud.sandbox import Sandbox

PLACE = pytest.StashKey[Path]()
"""The folder of this run, which all its workers share; it need not be there."""
NUMBERS = pytest.StashKey[Iterator[int]]()
SHARED = "images"
OURS = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("tinycloud_name", default="pytest",
                  help="what the names of throw-away clouds, and so of their machines, begin with")
    parser.addini("tinycloud_folder", default="/var/tmp",
                  help="where their disks are kept; libvirt's qemu user has to get there")
    parser.addini("tinycloud_connect", default="", help="libvirt's URI for them")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[NUMBERS] = count(1)
    given = _worker(config).get("tinycloud_place")
    # pytest's own temporary folders are closed to other users, also to libvirt's.
    name = f"{config.getini('tinycloud_name')}-{secrets.token_hex(3)}"
    config.stash[PLACE] = Path(given or Path(config.getini("tinycloud_folder"), name))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """pytest-xdist: a worker is about to start."""
    node.workerinput["tinycloud_place"] = str(node.config.stash[PLACE])


@pytest.fixture
def tinycloud(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A cloud of this test's own: ``tinycloud.machine(image=…).run("uname")``."""
    with _sandbox(request.config) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def tinycloud_session(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A cloud that all tests share (under xdist, those of one worker)."""
    with _sandbox(request.config) as sandbox:
        yield sandbox


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a plan says is told in its own words: the calls in here are no part of the story."""
    if call.excinfo is not None and "tiny_cloud.errors" in sys.modules:
        from tiny_cloud.errors import Failure, Problems

        error = call.excinfo.value
        if isinstance(error, Failure | Problems):
            told = error.with_traceback(_without_ours(error.__traceback__))
            call.excinfo = pytest.ExceptionInfo.from_exception(told)
    return (yield)


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    if trace is None:
        return None
    rest, file = _without_ours(trace.tb_next), Path(trace.tb_frame.f_code.co_filename)
    if file.is_relative_to(OURS):
        return rest
    return TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Also what workers that were ended in the middle have left."""
    place = config.stash.get(PLACE, None)
    if place is None or _worker(config) or not place.is_dir():
        return
    from tiny_cloud.errors import Failure, Problems
    from tiny_cloud.sandbox.clearing import clear, remove

    try:
        for folder in place.iterdir():
            clear(folder, config.getini("tinycloud_connect"))
        remove(place)
    except (Failure, Problems) as error:
        from tiny_cloud.render.text import one_line

        config.get_terminal_writer().line(one_line(f"tinycloud: {place} stays: {error}"), red=True)


def _sandbox(config: pytest.Config) -> Sandbox:
    from tiny_cloud.sandbox import Sandbox

    place, worker = config.stash[PLACE], _worker(config).get("workerid", "main")
    place.mkdir(exist_ok=True)
    place.chmod(0o711)
    numbers = config.stash[NUMBERS]
    called = f"{worker}-{next(numbers)}"
    return Sandbox(f"{place.name}-{called}", place / called, place / SHARED,
                   config.getini("tinycloud_connect"))


def _worker(config: pytest.Config) -> dict[str, Any]:
    """What pytest-xdist told this worker; empty: it is none."""
    return getattr(config, "workerinput", {})
