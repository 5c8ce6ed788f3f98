"""What belongs to the very machine we run on: a cache, its identity, how appliances start."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path

import platformdirs

from tiny_cloud.host import acceleration, digest
from tiny_cloud.host.records import owners, recall
from tiny_cloud.model import Cloud
from tiny_cloud.resource import Context

CACHE = Path(platformdirs.user_cache_dir("tinycloud"))
"""Best effort: tinycloud lives without it."""


def context(cloud: Cloud) -> Context:
    """What the things of a cloud are told of this host."""
    digest_of = cache(partial(digest.sha256, cache=CACHE))
    recalled, owned = cache(partial(recall, cloud)), cache(partial(owners, cloud))

    def forget() -> None:
        recalled.cache_clear()
        owned.cache_clear()

    return Context(cloud, digest_of, recalled, owned, forget)


def appliance() -> Mapping[str, str]:
    """libguestfs's environment on this host."""
    return acceleration.appliance_environ(acceleration.probe(CACHE))


def machine_id() -> str:
    """Of machine-id(5); empty where there is none."""
    try:
        return Path("/etc/machine-id").read_text().strip()
    except OSError:
        return ""  # only the default cloud's derived MACs are the same on all such hosts then
