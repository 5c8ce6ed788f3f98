"""Edits of machines as such: what they are, whether they run, what they are called."""

from __future__ import annotations

from typing import Any

from tests.integration.life import LETS_GO, Life, Spec, edit


def new_machine(life: Life) -> Spec:
    """Some have no disk: only those can have an address and no guest that is told of it."""
    dice = life.dice
    first = {"name": "root", "mib": dice.randint(1, 3), "bus": dice.choice(["virtio", "scsi"])}
    card: Spec = {"name": "eth0", "network": dice.choice(sorted(life.networks))}
    return {"cpus": 1, "memory": "32MiB", "machine": dice.choice(["q35", "q35", "pc"]),
            "disks": [first] if life.chance(0.7) else [], "interfaces": [card]}


@edit()
def memory(life: Life) -> str:
    name, spec = life.pick()
    spec["memory"] = f"{life.dice.choice([24, 28, 32, 40])}MiB"
    return f"{name} has {spec['memory']}{life.perhaps_restart(name)}"


@edit()
def processors(life: Life) -> str:
    """More at once where there is room; fewer take a boot."""
    name, spec = life.pick()
    count = life.dice.randint(1, spec.get("maxCpus") or 3)
    spec["cpus"] = count
    return f"{name} has {count} cpus{life.perhaps_restart(name)}"


@edit()
def room_for_processors(life: Life) -> str:
    name, spec = life.pick()
    if life.runs(name) and not life.consents:
        life.may_restart(name)
    if not life.toggle(spec, "maxCpus", spec["cpus"] + 1, 4):
        return ""
    return f"{name} has maxCpus {spec.get('maxCpus')}"


@edit(3)
def words(life: Life) -> str:
    name, spec = life.pick()
    key = life.dice.choice(["title", "description"])
    life.toggle(spec, key, "one", "<two> & \"three\"", "vier, fünf", "käse 🧀")
    return f"{name} has {key} {spec.get(key)!r}"


@edit(5)
def power(life: Life) -> str:
    name, spec = life.pick()
    spec["running"] = not life.runs(name)
    life.allow(f"virtualmachine/{name}", "force_off")
    if spec["running"] and life.chance(0.5):
        del spec["running"]
    return f"{name} runs: {spec.get('running', 'by default')}"


@edit()
def starts_with_the_host(life: Life) -> str:
    name, spec = life.pick()
    life.toggle(spec, "autostart", True, False)
    return f"{name} has autostart {spec.get('autostart')}"


@edit()
def order_of_booting(life: Life) -> str:
    name, spec = life.pick()
    devices = [item["name"] for key in ("disks", "cdroms", "interfaces")
               for item in spec.get(key, ())]
    if not devices or len(set(devices)) < len(devices):
        return ""
    if "boot" in spec:
        del spec["boot"]
    else:
        spec["boot"] = life.dice.sample(devices, life.dice.randint(1, len(devices)))
    return f"{name} boots from {spec.get('boot')}{life.perhaps_restart(name)}"


PARTS: dict[str, tuple[Any, ...]] = {
    "video": ("none", "virtio", "vga", "bochs"),
    "graphics": ({"vnc": {}}, {"vnc": {"listen": "socket"}}, {"spice": {"listen": "socket"}}),
    "watchdog": ({"model": "i6300esb", "action": "none"}, {"model": "ib700"}),
    "rng": ("/dev/urandom", "/dev/random", "none"),
    "sound": ("ich9", "ac97", "none"),
    "consoleLog": (True, False),
    "guestAgent": (True, False),
    "sparePorts": (0, 2, 8),
    "panic": (True, False),
    "usb": ("qemu-xhci", "piix3-uhci", "ich9-ehci1"),
    "onCrash": ("preserve", "restart"),
    "onReboot": ("restart", "destroy"),
    "clock": ({"offset": "localtime"}, {"offset": "timezone", "timezone": "Europe/Berlin"}),
    "cpu": ({"mode": "maximum"}, {"mode": "custom", "model": "qemu64"}),
}


@edit(14)
def a_part(life: Life) -> str:
    name, spec = life.pick()
    key = life.dice.choice(list(PARTS))
    if key == "usb" and any(item.get("bus") == "usb" for kind in ("disks", "inputs", "cdroms")
                            for item in spec.get(kind, ())):
        return ""
    if not life.toggle(spec, key, *PARTS[key]):
        return ""
    if key == "graphics" and key in spec:
        spec["video"] = "vga"
    return f"{name} has {key} {spec.get(key)}{life.perhaps_restart(name)}"


@edit()
def balloon(life: Life) -> str:
    name, spec = life.pick()
    life.toggle(spec, "currentMemory", "16MiB", "20MiB")
    return f"{name} has currentMemory {spec.get('currentMemory')}{life.perhaps_restart(name)}"


@edit()
def a_piece_of_xml(life: Life) -> str:
    name, spec = life.pick()
    bells = [{"target": "devices", "xml": "<hub type='usb'/>"},
             {"target": ".", "xml": "<cputune><shares>512</shares></cputune>"},
             {"target": ".", "xml": "<cputune><shares>1024</shares></cputune>"}]
    if "xml" in spec:
        del spec["xml"]
    else:
        spec["xml"] = [life.dice.choice(bells)]
    return f"{name} has xml {spec.get('xml')}{life.perhaps_restart(name)}"


@edit(1)
def firmware(life: Life) -> str:
    """Only while it is off: under emulation EFI keeps a processor busy."""
    name, spec = life.pick()
    if life.runs(name):
        if spec.get("firmware") != "efi":
            return ""
        life.may_restart(name)
        spec["firmware"] = "bios"
    else:
        spec["firmware"] = "bios" if spec.get("firmware") == "efi" else "efi"
    return f"{name} has firmware {spec['firmware']}"


@edit(4)
def rename(life: Life) -> str:
    name, spec = life.pick()
    free = life.free_names()
    if not free or name in life.former:
        return ""
    new = life.dice.choice(free)
    life.machines[new] = life.machines.pop(name)
    life.former[new] = name
    life.allow(f"virtualmachine/{new}", "restart", "force_off")
    for disk in spec["disks"]:
        if "disk" not in disk and (data := life.data.pop(f"{name}-{disk['name']}", None)):
            life.data[f"{new}-{disk['name']}"] = data
    return f"{name} is now {new}"


@edit(3)
def forget_the_former_name(life: Life) -> str:
    if not life.former:
        return ""
    name = life.dice.choice(sorted(life.former))
    return f"{name} was never called {life.former.pop(name)}"


@edit(3)
def remove(life: Life) -> str:
    name, spec = life.pick()
    if len(life.machines) < 4:
        return ""
    life.former.pop(name, None)
    life.machines.pop(name)
    life.lingering[name] = spec
    if life.chance(0.5):
        return f"{name} is gone, and lingers"
    return f"{name} is gone; {prune(life)}"


@edit(2)
def prune(life: Life) -> str:
    """Everything that is no longer declared, and some data."""
    life.prune = True
    for name in life.lingering:
        life.allow(f"virtualmachine/{name}", "force_off")
    loose = [name for name in life.data if name not in life.declared_disks()]
    gone = [name for name in loose if life.chance(0.4)]
    for name in gone:
        life.allow(f"disk/{name}", "delete_data")
    return f"prune, with the data of {gone or 'none'}"


@edit(6)
def add(life: Life) -> str:
    free = life.free_names()
    if len(life.machines) > 5 or not free:
        return ""
    name = life.dice.choice(free)
    life.machines[name] = new_machine(life)
    if life.chance(0.3):
        life.machines[name]["running"] = False
    return f"{name} is new"


@edit(3)
def back(life: Life) -> str:
    """A machine that lingers is declared again, its disks larger than ever, as another one."""
    gone = [name for name in life.lingering if name not in life.former.values()]
    if not gone:
        return ""
    name = life.dice.choice(sorted(gone))
    before = life.lingering.pop(name)
    spec = new_machine(life) if life.chance(0.5) else before
    life.machines[name] = spec
    for disk in spec["disks"]:
        if "disk" not in disk and (data := life.data.get(f"{name}-{disk['name']}")):
            disk["mib"] = max(disk["mib"], data.size)
    if before is not spec:
        spec["running"] = False
        spec["machine"] = before["machine"]
        life.allow(f"virtualmachine/{name}", "force_off")
    return f"{name} is back{' as it was' if before is spec else ''}"


def pluggable(disk: Spec) -> bool:
    return disk.get("bus", "virtio") in LETS_GO
