"""Ceph's images, through a worker that visits the cluster for us (``rbd_worker``).

The key goes to it on stdin. A cluster that does not answer is said so within seconds.
"""

from __future__ import annotations

import base64
import binascii
import errno
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from tiny_cloud.ceph import Cluster
from tiny_cloud.errors import Failure
from tiny_cloud.facts import RBDFacts
from tiny_cloud.host import secrets
from tiny_cloud.host.command import run
from tiny_cloud.host.servers import silent
from tiny_cloud.libvirt_xml import remotes
from tiny_cloud.model import Secret, Unknown
from tiny_cloud.rbd_images import CLOUD

PATIENCE = 5
"""Seconds that a monitor or an OSD gets: one that is well takes milliseconds."""
WALL = 120.0
"""Seconds that a look gets; how long it takes to remove an image is a matter of its size."""
HEAD = 12
"""Bytes of a key before the secret itself: type, time and length (Ceph: CryptoKey::decode)."""
WHY: Mapping[tuple[str, int], tuple[str, str]] = {
    ("connect", errno.ETIMEDOUT): (
        "the cluster refused the user or the key, or none of its monitors answered in time",
        "ceph auth get client.{user} shows what it has"),
    ("connect", errno.EINVAL): (
        "its monitors cannot be found", "correct monitors, or what config says"),
    ("connect", errno.ENOENT): (
        "its configuration file is not there, or says nothing of a key", "correct config or auth"),
    ("connect", errno.EACCES): (
        "the cluster refused the user or the key", "ceph auth get client.{user} shows what it has"),
    ("pool", errno.ENOENT): ("there is no such pool", "ceph osd pool ls shows those there are"),
    ("image", errno.ENOENT): ("there is no such image", "rbd ls shows those there are"),
    ("image", errno.EBUSY): ("somebody has the image open", "rbd status {image} says who"),
    ("image", errno.EEXIST): ("there is one of that name already", "rbd ls -l shows it"),
    ("image", errno.EINVAL): (
        "Ceph does not take that", "older clusters clone protected snapshots alone: "
        "rbd snap protect POOL/IMAGE@SNAPSHOT"),
    ("pool", errno.EPERM): (
        "client.{user} may not look into the pool", "ceph auth caps client.{user} mon 'profile rbd'"
        " osd 'profile rbd pool=POOL' lets it"),
    ("image", errno.EPERM): (
        "client.{user} may not do that", "ceph auth caps client.{user} mon 'profile rbd' osd "
        "'profile rbd pool=POOL' lets it"),
}
"""By where it failed and how: the end of a sentence, and the remedy."""


class Trashed(Struct, frozen=True):
    """What lies in Ceph's trash."""

    cluster: Cluster
    pool: str
    name: str
    id: str
    size: int
    """Bytes, as a guest saw it."""

    def __str__(self) -> str:
        return f"{self.pool}/{self.name} of Ceph at {self.cluster}"


def images(
    cluster: Cluster, places: Collection[str], *, run_commands: bool
) -> Mapping[str, RBDFacts | Unknown] | Unknown:
    """Those of the places (POOL/IMAGE) where there is one."""
    try:
        _require_answer(cluster)
        secret = Secret(*cluster.secret) if cluster.secret else None
        key = secrets.resolve(secret, run_commands=run_commands) if secret else ""
        if secret and key is None:
            return Unknown(f"the secret from {secret} is not there")
        found = _visit(cluster, key or "", "look", [sorted(places)])
    except Failure as failure:
        return Unknown(failure.summary, failure.hint)
    return {place: _facts(cluster, place, said) for place, said in found.items()}


def _facts(cluster: Cluster, place: str, said: Mapping[str, Any]) -> RBDFacts | Unknown:
    if "error" in said:
        failure = _failure(cluster, "look", (place,), said)
        return Unknown(failure.summary, failure.hint)
    words: dict[str, Any] = {word: tuple(value) if isinstance(value, list) else value
                             for word, value in said.items()}
    return RBDFacts(**words)


def change(cluster: Cluster, what: str, image: str, *words: Any, lock: int) -> None:
    """One of the worker's jobs on an image (POOL/IMAGE). Raises Failure."""
    _visit(cluster, _key(cluster), what, [image, *words], lock)


def trashed(cluster: Cluster, pools: Collection[str], cloud: str) -> Sequence[Trashed]:
    """What waits for ``purge`` in Ceph's trash. Raises Failure."""
    _require_answer(cluster)
    found = _visit(cluster, _key(cluster), "trashed", [sorted(pools), {CLOUD: cloud}])
    return [Trashed(cluster, **one) for one in found]


def purge(item: Trashed, lock: int) -> None:
    """Remove for good. Raises Failure, as while something stands on it."""
    change(item.cluster, "purge", f"{item.pool}/{item.name}", item.id, lock=lock)


def _require_answer(cluster: Cluster) -> None:
    """librados would wait, and not say why."""
    servers = remotes.monitors(cluster.monitors)
    why = silent(servers)
    if why.keys() >= set(servers):
        raise Failure(f"no monitor of Ceph at {cluster} answers: {why[servers[0]]}",
                      "start it, or correct monitors")


def _key(cluster: Cluster) -> str:
    return secrets.need(Secret(*cluster.secret)) if cluster.secret else ""


def require_key(key: str, source: Secret) -> None:
    """It has to be one as in a keyring: librados writes to stderr what it cannot read. Raises
    Failure."""
    try:
        raw = base64.b64decode(key, validate=True)
        sane = len(raw) > HEAD and int.from_bytes(raw[10:HEAD], "little") == len(raw) - HEAD
    except binascii.Error:
        sane = False
    if not sane:
        raise Failure(f"the secret from {source} is no ceph key",
                      "ceph auth get-key CLIENT prints one, in base64")


def _visit(
    cluster: Cluster, key: str, what: str, words: Sequence[Any], lock: int | None = None
) -> Any:
    if cluster.secret:
        require_key(key, Secret(*cluster.secret))
    job = {"conf": _conf(cluster, key), "file": cluster.config, "user": cluster.user or "admin",
           "do": what, "with": words}
    worker = str(Path(__file__).with_name("rbd_worker.py"))
    answer = json.loads(run(
        ("/usr/bin/python3", "-I", worker), input=json.dumps(job).encode(),
        timeout=WALL if lock is None else None, pass_fds=() if lock is None else (lock,)))
    if "error" in answer:
        raise _failure(cluster, what, words, answer)
    return answer["done"]


def _conf(cluster: Cluster, key: str) -> Mapping[str, str]:
    """The time-outs are librados's (https://docs.ceph.com/en/pacific/rados/configuration)."""
    waits = ("client_mount_timeout", "rados_mon_op_timeout", "rados_osd_op_timeout")
    auth = {"key": key} if key else {"auth_client_required": "none"}
    return {"mon_host": str(cluster), **dict.fromkeys(waits, str(PATIENCE)), **auth}


def _failure(
    cluster: Cluster, what: str, words: Sequence[Any], answer: Mapping[str, Any]
) -> Failure:
    image = words[0] if isinstance(words[0], str) else words[0][0]
    doing = {"look": "look at", "trashed": "look into the trash of"}.get(what, what)
    known = WHY.get((answer["at"], answer["errno"]), (answer["error"], ""))
    why, hint = (text.format(user=cluster.user or "admin", image=image) for text in known)
    return Failure(f"Ceph at {cluster} cannot {doing} {image}: {why}", hint, answer["error"])
