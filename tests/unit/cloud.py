"""Manifests as text → a plan on the host in memory, for tests of the pure part."""

from __future__ import annotations

import io
import textwrap
from typing import Any

from tests.fake.host import FakeHost
from tiny_cloud import linking, loader, plan, probe
from tiny_cloud.apply import apply
from tiny_cloud.events import Event
from tiny_cloud.model import Cloud, Consents, Plan
from tiny_cloud.resource import Context

STORAGE = "/srv/lab"
CLOUD = f"""
kind: Cloud
metadata: {{name: lab}}
spec: {{connect: "qemu:///system", storage: {STORAGE}}}
"""
IMAGE = """
kind: Image
metadata: {name: debian}
spec: {source: {debootstrap: {suite: bookworm}}}
"""
WEB = """
kind: VirtualMachine
metadata: {name: web}
spec:
  cpus: 1
  memory: 512MiB
  disks:
    - {name: root, image: debian, size: 4GiB}
  interfaces:
    - {name: eth0, user: {}, address: 10.0.2.15/24}
  guest:
    hostname: web
    users: {root: {password: {env: PASSWORD}}}
"""


def digest(path: str) -> str:
    return f"digest of {path}"


def fake_host() -> FakeHost:
    host = FakeHost(Cloud("lab", "qemu:///system", STORAGE, declared=True))
    host.secret["PASSWORD"] = "hunter2"
    return host


def load(*documents: str, host: FakeHost | None = None) -> loader.Loaded:
    texts = [f"apiVersion: tinycloud/v1\n{textwrap.dedent(text).strip()}" for text in documents]
    return loader.load(
        ["-"],
        stdin=io.StringIO("\n---\n".join([f"apiVersion: tinycloud/v1{CLOUD}", *texts])),
        context_of=lambda cloud: context(cloud, host),
        root=True,
        machine_id="",
    )


def context(cloud: Cloud, host: FakeHost | None = None) -> Context:
    records = host.record if host else {}
    return Context(
        cloud, digest, lambda address: records.get(address) or {},
        lambda: {record["uuid"]: address for address, record in records.items()
                 if "uuid" in record})


def plan_for(host: FakeHost, *documents: str, prune: bool = False, **consents: Any) -> Plan:
    return plan_loaded(host, load(*documents, host=host), prune=prune, **consents)


def plan_loaded(
    host: FakeHost, found: loader.Loaded, *, prune: bool = False, **consents: Any
) -> Plan:
    context = Context(found.cloud, digest)
    others = probe.discover(host, context, found.resources)
    everything = [*found.resources, *others]
    linking.relink(everything)
    undeclared, _ = linking.arrange(others)
    return plan.plan(
        found.resources,
        probe.probe(host, everything),
        cloud=found.cloud,
        consents=Consents(**consents),
        undeclared=undeclared,
        prune=prune,
    )


def destroy_for(host: FakeHost, *documents: str, **consents: Any) -> Plan:
    found = load(*documents, host=host)
    actual = probe.probe(host, found.resources)
    wishes = Consents(**consents)
    return plan.destroy(found.resources, actual, cloud=found.cloud, consents=wishes)


def carry_out(host: FakeHost, wanted: Plan) -> list[Event]:
    return list(apply(wanted, host, parallel=1))


def settle(host: FakeHost, *documents: str, **consents: Any) -> Plan:
    """Plan, carry out, and insist that nothing is left to do; returns the plan."""
    wanted = plan_for(host, *documents, **consents)
    failed = [event for event in carry_out(host, wanted) if event.what in ("failed", "skipped")]
    assert failed == []
    again = plan_for(host, *documents)
    assert [change for change in again.changes if not change.blocked] == []
    return wanted


def brief(wanted: Plan) -> list[str]:
    """``+ disk/web-root`` for each change, with ``!`` if it is blocked."""
    return [
        f"{change.action.value} {change.address}{' !' if change.blocked else ''}"
        for change in wanted.changes
    ]
