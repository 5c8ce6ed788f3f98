"""Edits of what is plugged into machines: disks, drives, cards, keyboards."""

from __future__ import annotations

from tests.integration.life import BRIDGES, LETS_GO, Life, Spec, edit

BUSES = ("virtio", "virtio", "scsi", "scsi", "usb", "sata")


def bus_of(life: Life, spec: Spec) -> str:
    bus = life.dice.choice(BUSES)
    if bus == "usb" and spec.get("usb") not in (None, "qemu-xhci"):
        return "scsi"
    return "virtio" if bus == "sata" and spec["machine"] == "pc" else bus


def without(life: Life, name: str, device: Spec) -> str:
    """What it takes that a running machine lets go of a device; words for the edit."""
    if not life.runs(name) or device.get("bus") in LETS_GO:
        return ""
    life.machines[name]["running"] = False
    life.allow(f"virtualmachine/{name}", "restart", "force_off")
    return ", and goes off for it"


def forget_boot(spec: Spec, device: str) -> None:
    if "boot" in spec:
        spec["boot"] = [name for name in spec["boot"] if name != device]
        if not spec["boot"]:
            del spec["boot"]


@edit(7)
def add_disk(life: Life) -> str:
    name, spec = life.pick()
    taken = {disk["name"] for disk in spec["disks"]}
    free = [word for word in ("data", "logs", "swap", "tmp") if word not in taken]
    if not free or any("address" in card for card in spec["interfaces"]):
        return ""
    disk: Spec = {"name": life.dice.choice(free), "bus": bus_of(life, spec)}
    own = [item for item in life.disks if not life.holder(item)]
    if own and life.chance(0.4):
        disk["disk"] = life.dice.choice(own)
    else:
        kept = life.data.get(f"{name}-{disk['name']}")
        disk["mib"] = life.dice.randint(1, 4) if kept is None else kept.size
        if life.chance(0.3):
            disk["reclaimPolicy"] = life.dice.choice(["Retain", "Delete"])
    if life.chance(0.3):
        disk["cache"] = "writeback"
    spec["disks"].append(disk)
    return f"{name} gets a disk {disk}"


@edit(5)
def remove_disk(life: Life) -> str:
    return _remove(life, "disks")


@edit(4)
def move_disk(life: Life) -> str:
    """From one machine to another, within one apply."""
    held = [(name, disk) for name, spec in life.machines.items()
            for disk in spec["disks"] if "disk" in disk]
    if not held:
        return ""
    name, disk = life.dice.choice(held)
    other, spec = life.pick()
    if (other == name or any("address" in card for card in spec["interfaces"])
            or any(item["name"] == disk["name"] for item in spec["disks"])):
        return ""
    life.machines[name]["disks"].remove(disk)
    forget_boot(life.machines[name], disk["name"])
    words = without(life, name, disk)
    spec["disks"].append({**disk, "bus": bus_of(life, spec)})
    return f"disk {disk['disk']} moves from {name}{words} to {other} as {spec['disks'][-1]}"


@edit(5)
def grow_disk(life: Life) -> str:
    name = life.dice.choice(sorted(life.declared_disks()))
    spec = life.declared_disks()[name]
    if spec["mib"] > 30:
        return ""
    spec["mib"] += life.dice.randint(1, 3)
    return f"disk {name} grows to {spec['mib']} MiB"


@edit(1)
def change_format(life: Life) -> str:
    """Its data goes to the trash, with consent."""
    name = life.dice.choice(sorted(life.declared_disks()))
    spec = life.declared_disks()[name]
    spec["format"] = "qcow2" if spec.get("format") == "raw" else "raw"
    life.allow(f"disk/{name}", "replace")
    for machine in life.machines:
        life.may_restart(machine)
    return f"disk {name} is {spec['format']}"


@edit()
def policy(life: Life) -> str:
    name = life.dice.choice(sorted(life.declared_disks()))
    spec = life.declared_disks()[name]
    life.toggle(spec, "reclaimPolicy", "Delete", "Retain")
    return f"disk {name} has reclaimPolicy {spec.get('reclaimPolicy')}"


@edit(3)
def own_disk(life: Life) -> str:
    """A Disk document comes, or one that nobody uses goes."""
    unused = [name for name in life.disks if not life.holder(name)]
    if unused and life.chance(0.5):
        name = life.dice.choice(unused)
        del life.disks[name]
        return f"disk {name} is no longer declared"
    free = [word for word in ("one", "two", "three", "four") if word not in life.disks]
    if not free:
        return ""
    name = life.dice.choice(free)
    kept = life.data.get(name)
    life.disks[name] = {"mib": kept.size if kept else life.dice.randint(1, 4)}
    return f"disk {name} is declared"


@edit(4)
def how_a_disk_is_seen(life: Life) -> str:
    name, spec = life.pick()
    if not spec["disks"]:
        return ""
    disk = life.dice.choice(spec["disks"])
    key = life.dice.choice(["cache", "discard", "serial", "bus", "io"])
    if key == "bus":
        disk["bus"] = bus_of(life, spec)
        life.may_restart(name)
    elif not life.toggle(disk, key, *{
        "cache": ("writeback", "unsafe", "writethrough"), "discard": ("ignore", "unmap"),
        "serial": ("WD-1", f"x{life.dice.randrange(99)}"), "io": ("threads", "io_uring"),
    }[key]):
        return ""
    return f"{name}'s disk {disk['name']} has {key} {disk.get(key)}{life.perhaps_restart(name)}"


@edit(4)
def drive(life: Life) -> str:
    name, spec = life.pick()
    drives = spec.setdefault("cdroms", [])
    iso = str(life.lab.folder / life.dice.choice(["one.iso", "two.iso"]))
    if not drives:
        drives.append({"name": "cd", "path": iso})
        return f"{name} gets a drive{life.perhaps_restart(name)}"
    if life.chance(0.2):
        forget_boot(spec, "cd")
        del spec["cdroms"]
        life.may_restart(name)
        return f"{name} loses its drive (restart)"
    life.toggle(drives[0], "path", iso)
    return f"{name}'s drive has {drives[0].get('path')}"


@edit(4)
def add_card(life: Life) -> str:
    name, spec = life.pick()
    free = {"eth0", "eth1", "eth2", "eth3"} - {card["name"] for card in spec["interfaces"]}
    if not free:
        return ""
    card = {"name": min(free), **socket(life)}
    if life.chance(0.4):
        card["model"] = life.dice.choice(["e1000e", "e1000", "rtl8139", "virtio"])
    spec["interfaces"].append(card)
    return f"{name} gets a card {card}"


@edit(3)
def remove_card(life: Life) -> str:
    return _remove(life, "interfaces")


def _remove(life: Life, kind: str) -> str:
    name, spec = life.pick()
    if not spec[kind]:
        return ""
    device = spec[kind].pop(life.dice.randrange(len(spec[kind])))
    forget_boot(spec, device["name"])
    return f"{name} loses {device} of its {kind}{without(life, name, device)}"


def socket(life: Life) -> Spec:
    if life.chance(0.35):
        return {"bridge": life.dice.choice(BRIDGES)}
    return {"network": life.dice.choice(sorted(life.networks))}


@edit(5)
def plug_card_elsewhere(life: Life) -> str:
    name, spec = life.pick()
    if not spec["interfaces"]:
        return ""
    card = life.dice.choice(spec["interfaces"])
    for key in ("bridge", "network", "address"):
        card.pop(key, None)
    card |= socket(life)
    return f"{name}'s card is {card}"


@edit(4)
def how_a_card_is(life: Life) -> str:
    name, spec = life.pick()
    if not spec["interfaces"]:
        return ""
    card = life.dice.choice(spec["interfaces"])
    key = life.dice.choice(["link", "link", "mtu", "model"])
    if key == "model":
        life.may_restart(name)
    life.toggle(card, key, *{"link": ("up", "down"), "mtu": (1400, 1300),
                             "model": ("virtio", "e1000e", "e1000", "pcnet")}[key])
    return f"{name}'s card is {card}{life.perhaps_restart(name)}"


@edit(4)
def inputs(life: Life) -> str:
    name, spec = life.pick()
    here = spec.setdefault("inputs", [])
    if here and life.chance(0.5):
        gone = here.pop()
        return f"{name} loses an input {gone}{without(life, name, {'bus': 'usb', **gone})}"
    free = {"a", "b", "c"} - {item["name"] for item in here}
    if not free or spec.get("usb") not in (None, "qemu-xhci"):
        return ""
    item = {"name": min(free), "type": life.dice.choice(["tablet", "mouse", "keyboard"])}
    if life.chance(0.3):
        item["bus"] = "virtio"
    here.append(item)
    return f"{name} gets an input {item}"
