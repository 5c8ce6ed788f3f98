"""What is said of a machine of a sandbox that does not answer, or not as it should."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import tiny_cloud

pytestmark = pytest.mark.integration


@pytest.fixture
def port() -> Iterator[int]:
    """Of a server that greets as sshd does, and no more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def greet() -> None:
            while True:
                try:
                    with server.accept()[0] as one:
                        one.sendall(b"SSH-2.0-test\r\n")
                except OSError:
                    return

        threading.Thread(target=greet, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that is found in the place of ssh."""
    program = tmp_path / "bin/ssh"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


def test_what_a_command_prints_is_what_comes_back(tmp_path: Path, port: int, ssh: Path) -> None:
    ssh.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    said = tiny_cloud.SandboxMachine("web", tmp_path, port).run("echo 'a b'").splitlines()
    assert said[-1] == "echo 'a b'" and said[:2] == ["-F", "none"]
    assert {f"IdentityFile={tmp_path}/key", f"UserKnownHostsFile={tmp_path}/known_hosts",
            "HostKeyAlias=web", str(port), "127.0.0.1"} <= set(said)


def test_a_command_that_fails_is_a_failure(tmp_path: Path, port: int, ssh: Path) -> None:
    ssh.write_text("#!/bin/sh\necho no such thing >&2\nexit 3\n")
    with pytest.raises(tiny_cloud.Failure, match=r"^web: frobnicate ends with 3\n") as caught:
        tiny_cloud.SandboxMachine("web", tmp_path, port).run("frobnicate")
    assert caught.value.__notes__ == ["no such thing"]


def test_a_command_has_its_time(tmp_path: Path, port: int, ssh: Path) -> None:
    ssh.write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(tiny_cloud.Failure, match=r"^web: sleep takes longer than 0\.2 s$"):
        tiny_cloud.SandboxMachine("web", tmp_path, port).run("sleep", timeout=0.2)


def test_who_does_not_answer_is_told_with_its_console(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    log = tmp_path / "storage/consoles/web.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"one\r\n" * 30 + b"\x1b[0;32mKernel panic\x1b[0m\x07\r\n")
    machine = tiny_cloud.SandboxMachine("web", tmp_path, port)
    with pytest.raises(tiny_cloud.Failure, match=r"^web does not answer within 0 s: ") as caught:
        machine.run("uname", boot=0)
    assert caught.value.detail == "one\n" * 19 + "Kernel panic"
    assert caught.value.hint == "look at the end of its console"
    assert machine.console().count("one\n") == 30


def test_without_a_console_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert tiny_cloud.SandboxMachine("web", tmp_path).console() == ""


def test_a_folder_that_is_there_is_not_taken(tmp_path: Path) -> None:
    """It would be removed at the end."""
    with pytest.raises(FileExistsError):
        tiny_cloud.Sandbox("lab", tmp_path)
    assert tmp_path.is_dir()
