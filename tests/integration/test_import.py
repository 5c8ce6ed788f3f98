"""Machines, a network and files that others made, as libvirt itself tells of them: imported, taken
over, and then nothing is left to do. One of them runs, and goes on running."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.imports.differences import differences
from tests.imports.hosts import DOMAINS, definition
from tests.integration.lab import TINYCLOUD, Lab, virsh

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

CLOUD, OTHERS, NETWORK = "tctk", "Tctk of old", "tctk_net"
NAMES = [path.stem for path in sorted(DOMAINS.glob("*.xml"))
         if "<domain type='qemu'" in path.read_text()]
RUNS = "alpine-tiny"
SAID = {f"graphics.{kind}.listen": "127.0.0.1" for kind in ("vnc", "spice")}
XML = f"""<network><name>{NETWORK}</name><forward mode='nat'/><bridge name='tctkbr'/>
<ip address='10.219.83.1' prefix='24'><dhcp><range start='10.219.83.9' end='10.219.83.20'/>
<host mac='52:54:00:7c:6b:01' ip='10.219.83.5'/></dhcp></ip></network>"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = Lab.make(CLOUD)
    try:
        forget()
        file = made.folder / "one.xml"
        file.write_text(XML)
        virsh("net-define", str(file))
        for name in NAMES:
            file.write_text(adapted(made, name))
            virsh("define", str(file))
        virsh("start", f"{OTHERS} {RUNS}")
        yield made
    finally:
        forget()
        made.clean()


def adapted(lab: Lab, name: str) -> str:
    """With files that are there, on the network of this test, under a name of its own."""
    folder = lab.folder / "vm"
    folder.mkdir(exist_ok=True)
    xml = definition(name).replace("/srv/vm", str(folder))
    for form, path in re.findall(r"type='(qcow2|raw)'[^>]*/>\s*<source file='([^']+)'", xml):
        subprocess.run(["qemu-img", "create", "-q", "-f", form, path, "1M"], check=True)
    xml = re.sub("<source network='[^']+'", f"<source network='{NETWORK}'", xml)
    xml = re.sub("<uuid>.*</uuid>", "", xml)
    return re.sub("<name>.*</name>", f"<name>{OTHERS} {name}</name>", xml, count=1)


def forget() -> None:
    """What is in the cloud's name, and what is not yet or not any more."""
    for name in virsh("list", "--all", "--name").splitlines():
        if name.startswith(OTHERS):
            virsh("destroy", name, check=False)
            virsh("undefine", "--nvram", name)
    for name in virsh("net-list", "--all", "--name").split():
        if name == NETWORK:
            virsh("net-destroy", name, check=False)
            virsh("net-undefine", name)


def imported(lab: Lab, *names: str) -> None:
    words = [TINYCLOUD, "import", "-f", str(lab.manifests), "-o", str(lab.manifests), *names]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def defined() -> dict[str, str]:
    return {name: virsh("dumpxml", "--inactive", "--security-info", f"{OTHERS} {name}")
            for name in NAMES}


def test_a_file_that_nobody_has_is_an_image(lab: Lab) -> None:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "Base 1.qcow2", "3M"],
                   cwd=lab.folder, check=True)
    done = subprocess.run([TINYCLOUD, "import", "image/Base 1.qcow2"], cwd=lab.folder,
                          capture_output=True, text=True, check=True)
    assert done.stdout.endswith(f"""\
kind: Image
metadata: {{name: base-1}}
spec:
  external: true
  path: {lab.folder}/Base 1.qcow2
  format: qcow2
""")
    # It is used where it is: nothing is to be taken over.
    assert done.stderr == ""
    lab.write("image", done.stdout.partition("\n")[2])
    lab.assert_settled()


def test_what_others_made_is_taken_over_and_stays_as_it_is(lab: Lab) -> None:
    before = defined()
    imported(lab, f"network/{NETWORK}", *(f"vm/{OTHERS} {name}" for name in NAMES))
    plan = lab.plan("--adopt", "*")
    assert plan.pop("notes") == []
    machines = {address: change for address, change in plan.items() if "machine" in address}
    assert len(machines) == len(NAMES) and len(plan) == len(NAMES) + 1
    for address, change in machines.items():
        assert (address, change["blocked"]) == (address, "")
        assert {one["field"]: one["new"] for one in change["fields"]}.items() <= SAID.items()
    lab.apply("--adopt", "*")
    lab.assert_settled()
    after = defined()
    assert {name: lost for name in NAMES if (lost := differences(before[name], after[name]))} == {}
    assert virsh("list", "--state-running", "--name").count(f"{OTHERS} {RUNS}\n") == 1
    assert lab.plan()["notes"] == []
    kept = virsh("net-dumpxml", NETWORK)
    assert "ip='10.219.83.5'" in kept and "<name>tctk_net</name>" in kept
    nothing = subprocess.run(
        [TINYCLOUD, "import", "-f", str(lab.manifests), f"vm/{OTHERS} debian"],
        capture_output=True, text=True, check=False)
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert "virtualmachine/tctk-of-old-debian of the cloud tctk" in nothing.stderr
