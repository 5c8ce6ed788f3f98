"""UUIDs and MACs that follow from who a machine is, so that they never change by accident."""

import hashlib
import uuid
from functools import lru_cache

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:tinycloud:v1")


@lru_cache(1 << 16)
def derive_uuid(cloud_seed: str, cloud: str, address: str) -> str:
    """RFC 4122 version 5, from the cloud's seed and name and the address of the machine."""
    return str(uuid.uuid5(NAMESPACE, _identity(cloud_seed, cloud, address)))


def derive_mac(cloud_seed: str, cloud: str, address: str, interface: str) -> str:
    """``52:54:00:…``, qemu's customary prefix, and 24 bits of a digest."""
    digest = hashlib.sha256(_identity(cloud_seed, cloud, address, interface).encode()).digest()
    return "52:54:00:" + digest[:3].hex(":")


def _identity(*parts: str) -> str:
    """Joined by a character that no name contains, lest ``a`` + ``bc`` be ``ab`` + ``c``."""
    return "\0".join(parts)
