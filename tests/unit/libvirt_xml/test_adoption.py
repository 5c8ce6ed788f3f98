"""Which of our names the devices of somebody else's machine get."""

from tiny_cloud.libvirt_xml import Interface, Source, adoption, chains, read

XML = """
<domain type='qemu'><name>x</name><devices>
  <disk type='file' device='disk'><source file='/d/other'/><target dev='vda' bus='virtio'/></disk>
  <disk type='file' device='disk'><source file='/d/root'/><target dev='vdb' bus='virtio'/></disk>
  <interface type='network'><mac address='52:54:00:00:00:01'/><source network='lan'/></interface>
  <interface type='network'><mac address='52:54:00:00:00:02'/><source network='lan'/></interface>
  <interface type='bridge'><mac address='52:54:00:00:00:03'/><source bridge='br0'/></interface>
</devices></domain>
"""


def macs(*cards: Interface) -> dict[str, object]:
    fields = read(adoption.named(XML, cards, {}, {}))
    return {f: v for f, v in fields.items() if f.startswith("interfaces[e") and f.endswith("mac")}


def card(name: str, kind: str, place: str, mac: str = "") -> Interface:
    return Interface(name, mac, "virtio", Source(kind, place))


def test_cards_by_what_they_are_plugged_into_in_their_order() -> None:
    assert macs(card("e0", "network", "lan"), card("e1", "network", "lan"),
                card("e2", "bridge", "br0"), card("e3", "bridge", "br1")) == {
        "interfaces[e0].mac": "52:54:00:00:00:01",
        "interfaces[e1].mac": "52:54:00:00:00:02",
        "interfaces[e2].mac": "52:54:00:00:00:03",
    }


def test_a_declared_mac_decides() -> None:
    assert macs(card("e0", "network", "lan", "52:54:00:00:00:02")) == {
        "interfaces[e0].mac": "52:54:00:00:00:02"}
    assert macs(card("e0", "bridge", "br0", "52:54:00:00:00:09")) == {}


def test_disks_by_their_files() -> None:
    named = adoption.named(XML, (), {"root": ("/d/root", "/d/root.raw"), "data": ("/d/data",)}, {})
    assert {name: chain[0].path for name, chain in chains(named).items()} == {
        "vda": "/d/other", "root": "/d/root"}


def test_naming_twice_names_nobody_else() -> None:
    cards = (card("e0", "network", "lan"),)
    once = adoption.named(XML, cards, {"root": ("/d/root",)}, {})
    assert adoption.named(once, cards, {"root": ("/d/root",)}, {}) == once
