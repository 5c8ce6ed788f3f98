"""What a spec says is said briefly, and means the same."""

from __future__ import annotations

from typing import Any

import pytest

from tiny_cloud import schema

MACHINE: dict[str, Any] = {
    "cpus": 2,
    "memory": "1GiB",
    "maxMemory": {"size": "4GiB", "slots": 4},
    "dimms": [{"name": "more", "size": "256MiB"}],
    "cpu": {
        "mode": "custom", "model": "Westmere",
        "features": [{"name": "sse4.1"}, {"name": "vmx", "policy": "disable"}],
        "topology": {"sockets": 1, "cores": 2, "threads": 1},
    },
    "boot": ["eth0", "root"],
    "disks": [{"name": "root", "disk": "web-root", "bus": "scsi", "readonly": True}],
    "cdroms": [{"name": "cd", "path": "/srv/a.iso"}, {"name": "empty"}],
    "interfaces": [
        {"name": "eth0", "network": "lab", "link": "down"},
        {"name": "eth1", "user": {"forward": [{"host": "127.0.0.1:2222", "guest": 22}]}},
        {"name": "eth2", "user": {}},
    ],
    "graphics": {"vnc": {}, "spice": {"listen": "socket"}},
    "autostart": False,
}
NETWORK: dict[str, Any] = {
    "subnet": "10.9.0.0/24",
    "dhcp": {"from": "10.9.0.9", "to": "10.9.0.99"},
    "dns": {"forwarders": ["9.9.9.9"], "hosts": [{"address": "10.9.0.2", "names": ["a", "b"]}]},
}


@pytest.mark.parametrize(("kind", "spec"), [("VirtualMachine", MACHINE), ("Network", NETWORK)])
def test_there_and_back(kind: str, spec: dict[str, Any]) -> None:
    flat = schema.flatten(kind, spec)
    # A user-mode card without forwards has no field of its own.
    flat |= {"interfaces[eth2].user.forward": ()} if kind == "VirtualMachine" else {}
    found = schema.brief(kind, schema.nested(kind, flat))
    assert found == spec
    assert list(found) == list(spec)


def test_what_is_no_field_or_no_value() -> None:
    assert not schema.has("VirtualMachine", "disks[vda].path")
    assert schema.accepts("VirtualMachine", "video", "qxl")
    assert not schema.accepts("VirtualMachine", "video", "vmvga")
    assert schema.accepts("VirtualMachine", "memory", 1 << 30)
