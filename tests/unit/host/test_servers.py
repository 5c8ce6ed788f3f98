"""Whether a server answers, asked of real sockets of this host."""

import socket
from pathlib import Path

from tiny_cloud.host.servers import silent


def test_who_listens_answers_and_who_does_not_is_told_apart(tmp_path: Path) -> None:
    path = str(tmp_path / "here")
    with socket.socket(socket.AF_UNIX) as local, socket.socket() as there, socket.socket() as gone:
        local.bind(path)
        local.listen()
        there.bind(("127.0.0.1", 0))
        there.listen()
        gone.bind(("127.0.0.1", 0))
        servers = [path, there.getsockname(), gone.getsockname(), str(tmp_path / "nowhere")]
        assert silent(servers) == {
            gone.getsockname(): "Connection refused",
            str(tmp_path / "nowhere"): "No such file or directory",
        }


def test_a_name_that_nobody_knows() -> None:
    (why,) = silent([("storage.invalid", 1)]).values()
    assert why


def test_nobody_is_asked_of_nothing() -> None:
    assert silent([]) == {}
