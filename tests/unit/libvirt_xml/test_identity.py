import re
import uuid

from tiny_cloud.libvirt_xml import derive_mac, derive_uuid


def test_they_never_change_by_accident() -> None:
    """Another answer would be another machine to every guest and DHCP server."""
    web = ("", "homelab", "virtualmachine/web")
    assert derive_uuid(*web) == "164658ac-fa77-5301-bfb7-12dafa542f7c"
    assert derive_mac(*web, "eth0") == "52:54:00:21:25:53"


def test_who_it_is_decides() -> None:
    parts = [("", "c", "a/b"), ("seed", "c", "a/b"), ("", "d", "a/b"), ("", "c", "a/c"),
             ("c", "", "a/b")]
    assert len({derive_uuid(*part) for part in parts}) == len(parts)
    assert len({derive_mac(*part, "eth0") for part in parts}) == len(parts)
    assert derive_mac("", "c", "a/b", "eth0") != derive_mac("", "c", "a/b", "eth1")


def test_they_are_what_they_claim_to_be() -> None:
    assert uuid.UUID(derive_uuid("", "c", "a/b")).version == 5
    assert re.fullmatch(r"52:54:00(:[0-9a-f]{2}){3}", derive_mac("", "c", "a/b", "eth0"))
