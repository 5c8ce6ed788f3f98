"""A spread of machines: each bus, each kind of card, both chipsets, files and block devices."""

from msgspec.structs import replace

from tiny_cloud.libvirt_xml import (
    DiskDevice,
    Domain,
    Forward,
    Interface,
    Layer,
    Source,
    derive_uuid,
)

MIB = 1 << 20
NAT = Source("network", "lab")
BRIDGE = Source("bridge", "br0")
USER = Source("user")


def overlay(name: str, bus: str = "virtio") -> DiskDevice:
    return DiskDevice(name, bus, (Layer(f"/srv/vm/{name}.qcow2", "qcow2"),
                                  Layer("/srv/images/debian.qcow2", "qcow2")))


def machine(name: str, **fields: object) -> Domain:
    domain = Domain(
        name=f"tct-{name}", uuid=derive_uuid("", "tct", name), memory=256 * MIB, cpus=2,
        console_log=f"/var/log/libvirt/qemu/tct-{name}.console.log",
        stamp={"cloud": "tct", "address": f"virtualmachine/{name}"},
        spec={"video": "none", "rng": "/dev/urandom"},
    )
    return replace(domain, **fields)


WEB = machine(
    "web",
    disks=(overlay("root"),
           DiskDevice("data", "scsi", (Layer("/dev/vg0/web-data", "raw", "block"),)),
           DiskDevice("install", "sata", (Layer("/srv/debian.iso", "raw"),), device="cdrom")),
    interfaces=(Interface("eth0", "52:54:00:00:00:01", "virtio", NAT),
                Interface("eth1", "52:54:00:00:00:02", "virtio", USER,
                          (Forward.of("127.0.0.1:2222", 22), Forward.of(5353, 53, "udp")))),
)
BARE = machine("bare", agent=False, console_log="", spare_ports=0)
PC = machine(
    "pc", machine="pc", accel="tcg",
    disks=(overlay("root"), overlay("more"), overlay("old", "ide"),
           DiskDevice("cd", "ide", (), device="cdrom")),
    interfaces=(Interface("eth0", "52:54:00:00:00:03", "e1000", USER),
                *(Interface(f"f{n}", f"52:54:00:00:01:0{n}", "virtio", USER,
                            (Forward(4000 + n, 80),))
                  for n in range(4))),
)
CROWD = machine(
    "crowd", spare_ports=3, cpus=1,
    disks=(*(overlay(f"disk{n}") for n in range(28)),
           overlay("usb", "usb"), overlay("sata", "sata")),
    interfaces=(Interface("a", "52:54:00:00:02:01", "virtio", NAT),
                Interface("b", "52:54:00:00:02:02", "e1000", USER),
                Interface("c", "52:54:00:00:02:03", "rtl8139", BRIDGE),
                Interface("d", "52:54:00:00:02:04", "e1000e", USER)),
)
DEEP = machine(
    "deep",
    disks=(DiskDevice("a-name-of-thirty-bytes-in-total", "virtio", (
        Layer("/srv/top & more.qcow2", "qcow2"), Layer("/srv/middle.qcow2", "qcow2"),
        Layer("/dev/vg0/base", "raw", "block"))),),
)
MACHINES = (WEB, BARE, PC, CROWD, DEEP)
