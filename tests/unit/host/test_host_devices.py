from pathlib import Path

from tiny_cloud.facts import HostDevices
from tiny_cloud.host.host_devices import present


def test_what_sysfs_says(tmp_path: Path) -> None:
    for folder in ("bus/pci/devices/0000:01:00.0", "class/net/eth0", "bus/usb/devices/1-1:1.0"):
        (tmp_path / folder).mkdir(parents=True)
    for name, vendor, product in (("usb1", "1d6b", "0002"), ("1-1", "0781", "5567")):
        device = tmp_path / "bus/usb/devices" / name
        device.mkdir()
        (device / "idVendor").write_text(f"{vendor}\n")
        (device / "idProduct").write_text(f"{product}\n")
    assert present(tmp_path) == HostDevices(
        pci=frozenset({"0000:01:00.0"}), usb=frozenset({"1d6b:0002", "0781:5567"}),
        cards=frozenset({"eth0"}))


def test_a_kernel_without_a_bus_has_no_devices_on_it(tmp_path: Path) -> None:
    assert present(tmp_path) == HostDevices()
