"""Flat fields become what a manifest says, and that the same flat fields again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.input.manifests import documents_of, mend
from tiny_cloud import schema

KINDS = [kind for kind in schema.kinds() if kind != "Cloud"]


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(KINDS).flatmap(documents_of))
def test_there_and_back(document: dict[str, Any]) -> None:
    if not mend(document):
        return
    kind, spec = document["kind"], document["spec"]
    secrets = schema.secrets_of(kind, spec)
    fields = {name: value for name, value in schema.flatten(kind, spec).items()
              if name not in secrets}
    assert schema.flatten(kind, schema.nested(kind, fields)) == fields


@pytest.mark.parametrize(("kind", "fields", "wanted"), [
    ("Disk", {"size": 10 << 30, "image": "debian"}, {"size": "10GiB", "image": "debian"}),
    ("VirtualMachine",
     {"disks[root].disk": "a", "disks[data].disk": "b", "disks[root].bus": "sata"},
     {"disks": [{"name": "root", "disk": "a", "bus": "sata"}, {"name": "data", "disk": "b"}]}),
    ("Guest", {"users.ann.lee.shell": "/bin/sh"}, {"users": {"ann.lee": {"shell": "/bin/sh"}}}),
    ("Guest", {"users.root.password": "file /x"}, {"users": {"root": {"password": "file /x"}}}),
    ("Network", {"reservations[52:54:00:00:00:01]": "10.0.0.2", "protect": True},
     {"reservations": {"52:54:00:00:00:01": "10.0.0.2"}, "protect": True}),
    ("Image", {"source": "debootstrap bookworm", "source.more": 1},
     {"source": "debootstrap bookworm", "source.more": 1}),
    ("Network", {"dns": "off", "dns[a].b": 1},
     {"dns": "off", "dns[a].b": 1}),
])
def test_what_the_schema_says_and_what_it_does_not(
    kind: str, fields: dict[str, Any], wanted: dict[str, Any]
) -> None:
    assert schema.nested(kind, fields) == wanted
