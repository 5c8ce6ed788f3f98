"""What somebody does behind our back, with virsh and rm."""

from __future__ import annotations

import itertools
from pathlib import Path

from lxml import etree

from tests.integration.lab import virsh
from tests.integration.life import Life, domain_of

UNDEFINE = ("undefine", "--nvram", "--managed-save")


def meddle(life: Life) -> str:
    """Words for it; empty: it did not fit."""
    there = virsh("list", "--all", "--name").split()
    names = [name for name in life.machines if domain_of(life, name) in there]
    if not names:
        return ""
    name = life.dice.choice(sorted(names))
    on = domain_of(life, name) in virsh("list", "--name").split()
    act = life.dice.choice((*ANY, *(RUNNING if on else OFF)))
    said = act(life, name)
    return f"MEDDLING: {said}" if said else ""


def _xml(domain: str, *flags: str) -> etree._Element:
    return etree.fromstring(virsh("dumpxml", *flags, domain))


def _file(life: Life, device: etree._Element) -> str:
    path = life.lab.folder / "device.xml"
    path.write_text(etree.tostring(device, encoding="unicode"))
    return str(path)


def destroy(life: Life, name: str) -> str:
    virsh("destroy", domain_of(life, name))
    return f"destroy {name}"


def start(life: Life, name: str) -> str:
    domain = domain_of(life, name)
    for net in {str(source.get("network")) for source in
                _xml(domain, "--inactive").iterfind("devices/interface/source[@network]")}:
        if net not in virsh("net-list", "--name").split():
            return ""
    if any(not Path(str(source.get("file"))).exists() for source in
           _xml(domain, "--inactive").iterfind("devices/disk[@device='disk']/source")):
        return ""
    virsh("start", domain, check=False)
    # What it boots with now is let go of only with the power.
    life.machines[name]["running"] = False
    life.allow(f"virtualmachine/{name}", "force_off", "restart")
    return f"start {name}"


def set_memory(life: Life, name: str) -> str:
    virsh("setmem", domain_of(life, name), "12288", "--config")
    return f"setmem {name} --config"


def set_processors(life: Life, name: str) -> str:
    virsh("setvcpus", domain_of(life, name), "3", "--config", "--maximum", check=False)
    virsh("setvcpus", domain_of(life, name), "3", "--config", check=False)
    return f"setvcpus {name} 3 --config"


def autostart(life: Life, name: str) -> str:
    virsh("autostart", domain_of(life, name))
    return f"autostart {name}"


def describe(life: Life, name: str) -> str:
    virsh("desc", domain_of(life, name), "--config", "--title", "--new-desc", "somebody's")
    return f"desc {name}"


def detach_defined(life: Life, name: str) -> str:
    """A disk, card or drive out of the definition; a running machine keeps it."""
    devices = _xml(domain_of(life, name), "--inactive").xpath(
        "devices/*[self::disk or self::interface][alias]")
    if not devices:
        return ""
    device = life.dice.choice(devices)
    virsh("detach-device", domain_of(life, name), _file(life, device), "--config")
    return f"detach-device {name} --config {device.find('alias').get('name')}"


def detach_live(life: Life, name: str) -> str:
    """Of a running machine, what goes without its guest."""
    devices = _xml(domain_of(life, name)).xpath(
        "devices/disk[target/@bus='usb' or target/@bus='scsi']")
    if not devices:
        return ""
    device = life.dice.choice(devices)
    flags = life.dice.choice([("--live",), ("--live", "--config")])
    virsh("detach-device", domain_of(life, name), _file(life, device), *flags, check=False)
    return f"detach-device {name} {flags} {device.find('alias').get('name')}"


def attach(life: Life, name: str) -> str:
    """A card that nobody declared stays."""
    bridge = life.dice.choice(["tctl0", "tctl1"])
    virsh("attach-interface", domain_of(life, name), "bridge", bridge, "--config",
          "--model", "virtio")
    return f"attach-interface {name} --config"


def pull_cable(life: Life, name: str) -> str:
    cards = _xml(domain_of(life, name)).findall("devices/interface/mac")
    if not cards:
        return ""
    virsh("domif-setlink", domain_of(life, name), life.dice.choice(cards).get("address"), "down")
    return f"domif-setlink {name} down"


def eject(life: Life, name: str) -> str:
    drive = _xml(domain_of(life, name)).find("devices/disk[@device='cdrom']/target")
    if drive is None:
        return ""
    virsh("change-media", domain_of(life, name), drive.get("dev"), "--eject", "--force",
          "--live", check=False)
    return f"change-media {name} --eject"


def undefine(life: Life, name: str) -> str:
    """Running or not; one that runs goes on."""
    virsh(*UNDEFINE, domain_of(life, name))
    return f"undefine {name}"


def rename(life: Life, name: str) -> str:
    """It is known by its UUID, and keeps the name that somebody gave it."""
    domain = domain_of(life, name)
    other = domain.removesuffix("-x") if domain.endswith("-x") else f"{domain}-x"
    virsh("domrename", domain, other)
    return f"domrename {domain} {other}"


def lose_record(life: Life, name: str) -> str:
    records = sorted((life.lab.storage / "records").glob(f"virtualmachine-{name}*"))
    for record in records:
        record.unlink()
    return f"rm {[record.name for record in records]}" if records else ""


def suspend(life: Life, name: str) -> str:
    virsh("suspend", domain_of(life, name))
    return f"suspend {name}"


def save(life: Life, name: str) -> str:
    virsh("managedsave", domain_of(life, name), check=False)
    return f"managedsave {name}"


def lose_disk(life: Life, name: str) -> str:
    """Its file is gone; a new one takes its place."""
    disks = [f"{name}-{disk['name']}" for disk in life.machines[name]["disks"]
             if "disk" not in disk]
    there = [path for disk in disks for path in
             (life.lab.storage / "disks").glob(f"{disk}.*")]
    if not there:
        return ""
    gone = life.dice.choice(sorted(there))
    gone.unlink()
    return f"rm {gone.name}"


def _network(life: Life) -> str:
    there = virsh("net-list", "--name").split()
    names = [name for name in sorted(life.networks) if life.lab.domain(name) in there]
    return life.lab.domain(life.dice.choice(names)) if names else ""


def net_destroy(life: Life, name: str) -> str:
    net = _network(life)
    if net:
        virsh("net-destroy", net)
    return f"net-destroy {net}" if net else ""


def net_undefine(life: Life, name: str) -> str:
    net = _network(life)
    if net:
        virsh("net-undefine", net, check=False)
    if net and life.chance(0.5):
        virsh("net-destroy", net)
        return f"net-undefine and net-destroy {net}"
    return f"net-undefine {net}" if net else ""


def net_restart(life: Life, name: str) -> str:
    """The cards fall off."""
    net = _network(life)
    if net:
        virsh("net-destroy", net)
        virsh("net-start", net, check=False)
    return f"net-destroy and net-start {net}" if net else ""


def net_update(life: Life, name: str) -> str:
    net = _network(life)
    if not net:
        return ""
    root = etree.fromstring(virsh("net-dumpxml", net))
    flags = life.dice.choice([("--live",), ("--config",), ("--live", "--config")])
    for section, path in (("ip-dhcp-host", "ip/dhcp/host"), ("ip-dhcp-range", "ip/dhcp/range"),
                          ("dns-host", "dns/host")):
        for item in root.findall(path):
            virsh("net-update", net, "delete", section,
                  etree.tostring(item, encoding="unicode", with_tail=False), *flags, check=False)
    return f"net-update {net} delete {flags}"


ANY = (set_memory, set_processors, autostart, describe, detach_defined, attach, lose_record,
       net_destroy, net_undefine, net_restart, net_update)
RUNNING = tuple(itertools.chain([destroy] * 3, [detach_live] * 2, [pull_cable] * 2, [eject],
                                [undefine], [suspend], [save]))
OFF = tuple(itertools.chain([start] * 2, [undefine], [rename] * 2, [lose_disk]))
