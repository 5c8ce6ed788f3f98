"""The words of ``tinycloud import``, on libvirt's own test driver."""

from pathlib import Path

import pytest

from tests.unit.conftest import Run
from tiny_cloud.host import lvm

HOST = ("--connect", "test:///default", "--storage", "s")
NETWORK = """\
apiVersion: tinycloud/v1
kind: Network
metadata: {name: default}
spec:
  bridge: virbr0
  subnet: 192.168.122.0/24
  dhcp: {from: 192.168.122.2, to: 192.168.122.254}
  autostart: false
"""


@pytest.fixture(autouse=True)
def no_volumes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lvm, "volumes", dict)


def test_everything_and_what_to_run_then(run: Run) -> None:
    code, out, err = run("import", "--all", *HOST)
    assert code == 0
    network, machine = out.split("---\n")
    assert network == NETWORK
    assert "metadata: {name: test}" in machine and "memory: 8GiB" in machine
    assert "# Its disk vda: /guest/diskimage1 is of no stated format" in machine
    assert err == "Take over: tinycloud apply --adopt net/default --adopt vm/test\n"


def test_a_file_for_each_thing_and_none_is_written_over(run: Run) -> None:
    code, out, err = run("import", "test", "network/default", "-o", "new/manifests", *HOST)
    assert (code, out) == (0, "new/manifests/vm-test.yaml\nnew/manifests/net-default.yaml\n")
    before = Path("new/manifests/vm-test.yaml").read_text()
    Path("new/manifests/net-default.yaml").unlink()
    code, out, err = run("import", "--all", "-o", "new/manifests", *HOST)
    assert (code, out) == (1, "")
    assert "new/manifests/vm-test.yaml is there already, and nothing was written" in err
    assert Path("new/manifests/vm-test.yaml").read_text() == before
    assert not Path("new/manifests/net-default.yaml").exists()


def test_what_is_written_is_valid_and_then_declared(run: Run) -> None:
    run("import", "--all", "-o", "manifests", *HOST)
    assert run("validate")[0] == 0
    assert run("import", "--all", *HOST) == (0, "", "There is nothing to import.\n")


def test_without_a_name(run: Run) -> None:
    for words in ((), ("test", "--all")):
        code, _, err = run("import", *words, *HOST)
        assert code == 64 and "name what is to be imported, or write --all" in err


def test_a_name_that_nothing_has(run: Run) -> None:
    code, out, err = run("import", "vm/tset", *HOST)
    assert (code, out) == (1, "")
    assert "this host has no domain tset" in err and "did you mean test?" in err
