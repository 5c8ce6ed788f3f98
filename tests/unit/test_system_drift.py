"""What somebody changes behind our back in a machine's system shows, and is put right."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from tests.unit.cloud import brief, fake_host, plan_for, settle
from tiny_cloud.libvirt_xml.parts import fragments
from tiny_cloud.steps import MakeFolder, Remove, Undefine

SPEC = """
kind: VirtualMachine
metadata: {name: web}
spec:
  cpus: 1
  memory: 64MiB
  firmware: efi
  cpu: {mode: custom, model: Nehalem, features: [{name: vmx, policy: disable}]}
  onCrash: preserve
  xml: [{target: devices, xml: "<vsock model='virtio'><cid auto='yes'/></vsock>"}]
"""


(VSOCK,) = fragments.fields({"xml": [
    {"target": "devices", "xml": "<vsock model='virtio'><cid auto='yes'/></vsock>"}]})


@pytest.mark.parametrize(("pattern", "by", "fields"), [
    (r"<log [^>]*>", "", ["consoleLog"]),
    (r"consoles/web.log", "elsewhere.log", ["consoleLog"]),
    (r'<currentMemory unit="KiB">\d+', '<currentMemory unit="KiB">32768', ["memory"]),
    (r"Nehalem", "qemu64", ["cpu.model"]),
    (r'policy="disable"', 'policy="require"', ["cpu.features[vmx].policy"]),
    (r"<vsock.*</vsock>", "", [VSOCK]),
    (r"<on_crash>preserve", "<on_crash>destroy", ["onCrash"]),
    (r' firmware="efi"', "", ["firmware"]),
])
def test_drift_is_put_right(pattern: str, by: str, fields: list[str]) -> None:
    host = fake_host()
    settle(host, SPEC)
    facts = host.domain["lab-web"]
    drifted = re.sub(pattern, by, facts.xml, flags=re.DOTALL)
    assert drifted != facts.xml
    host.domain["lab-web"] = replace(facts, xml=drifted, live_xml="")
    wanted = plan_for(host, SPEC)
    assert [diff.field for diff in wanted.changes[0].diffs if diff.field != "running"] == fields
    settle(host, SPEC)


def test_another_firmware_starts_with_fresh_variables_and_says_so() -> None:
    host = fake_host()
    settle(host, SPEC)
    secure = SPEC.replace("firmware: efi", "firmware: efi\n  secureBoot: true")
    wanted = plan_for(host, secure)
    steps = wanted.changes[0].up
    assert [step for step in steps if isinstance(step, Remove | MakeFolder)] == [
        Remove("/srv/lab/nvram/web-eaf49399.fd"), MakeFolder("/srv/lab/nvram", 0o711)]
    assert "boot entries that the guest has made are lost" in wanted.notes[0].text
    settle(host, secure)
    bios = SPEC.replace("firmware: efi", "firmware: bios")
    assert Remove("/srv/lab/nvram/web-eaf49399.secure.fd") in plan_for(host, bios).changes[0].up
    settle(host, bios)
    (note,) = plan_for(host, bios).notes
    assert note.text.startswith("waits for a restart (--restart virtualmachine/web): firmware")


def test_a_piece_of_xml_waits_for_a_boot_too() -> None:
    host = fake_host()
    more = SPEC.replace("xml: [", "xml: [{target: devices, xml: <panic model='isa'/>}, ")
    settle(host, SPEC)
    settle(host, more)
    (note,) = plan_for(host, more).notes
    assert "xml[append devices " in note.text and VSOCK not in note.text


def test_destroying_takes_variables_and_tpm_along() -> None:
    assert Undefine("x").shell() == "virsh undefine --nvram --tpm x"


def test_a_taken_out_piece_of_xml_goes_and_a_replaced_one_stays() -> None:
    host = fake_host()
    replaced = SPEC.replace("xml: [", "xml: [{target: devices/video, operation: replace, "
                                      "xml: <video><model type='vga'/></video>}, ")
    settle(host, replaced)
    none = re.sub(r"  xml:.*\n", "", replaced)
    assert brief(settle(host, none)) == ["~ virtualmachine/web"]
    assert "vsock" not in host.domain["lab-web"].xml
    assert 'type="vga"' in host.domain["lab-web"].xml


def test_a_disk_that_was_plugged_in_leaves_nothing_to_wait_for() -> None:
    host = fake_host()
    more = SPEC + "  disks: [{name: data, size: 1GiB}]\n"
    settle(host, SPEC)
    settle(host, more)
    assert plan_for(host, more).notes == ()
