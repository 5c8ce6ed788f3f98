"""One visit to a Ceph cluster: look at images, or change one.

Runs as ``/usr/bin/python3 -I``, for Debian's bindings exist only there, and apart from us: librados
writes to stderr whatever it likes, a key that it cannot read among it, and while it is connecting
no option silences it. Standard library, rados and rbd alone; one job as JSON on stdin, one answer
as JSON on stdout.

A job: ``conf`` (options of Ceph, the key among them), ``file`` (a configuration file; empty: the
usual one, if there is one), ``user``, ``do`` (one of the functions in JOBS) and ``with`` (its
arguments). Images are POOL/IMAGE. The answer: ``done``, or ``at`` (connect, pool or image),
``errno`` and ``error``; so says ``look`` of the images of a pool that cannot be looked into.
"""

import json
import os
import sys
from contextlib import suppress
from typing import Any

try:
    import rados
    import rbd
except ImportError:
    sys.exit("Ceph has no Python bindings here: apt install python3-rados python3-rbd")

USUAL = "/etc/ceph/ceph.conf"
ID, PART = "tinycloud.id", ".part"


def look(cluster: Any, places: list[str]) -> dict[str, Any]:
    """By the pool's directory, and by ID: of a renaming that was cut off, a name may be left that
    is in no directory."""
    found: dict[str, Any] = {}
    for pool in sorted({place.partition("/")[0] for place in places}):
        wanted = [place for place in places if place.startswith(f"{pool}/")]
        try:
            with cluster.open_ioctx(pool) as ioctx:
                there = {f"{pool}/{one['name']}": one["id"] for one in rbd.RBD().list2(ioctx)}
                found |= {place: _facts(ioctx, there[place]) for place in wanted if place in there}
        except (rados.Error, rbd.Error) as error:
            found |= dict.fromkeys(wanted, _said("pool", error))
    return found


def _facts(ioctx: Any, identity: str) -> dict[str, Any]:
    """Of one whose making was cut off in the middle, the ID alone."""
    with suppress(rbd.ImageNotFound), rbd.Image(ioctx, image_id=identity, read_only=True) as image:
        return {
            "id": identity,
            "size": image.size(),
            "parent": _parent(image),
            "snapshots": {one["name"]: one["size"] for one in image.list_snaps()},
            "clones": [f"{one['pool']}/{one['image'] or one['id']}"
                       for one in image.list_children2()],
            "watchers": [one["addr"] for one in image.watchers_list()],
            "metadata": dict(image.metadata_list()),
        }
    return {"id": identity, "size": 0}


def _parent(image: Any) -> list[str]:
    with suppress(rbd.ImageNotFound):
        spec = image.get_parent_image_spec()
        return [spec["pool_name"], spec["image_name"], spec["snap_name"]]
    return []


def create(
    cluster: Any, place: str, size: int | None, parent: list[str], marks: dict[str, str]
) -> None:
    """What has the name already was left by an apply that was cut off: it goes to the trash."""
    pool, _, name = place.partition("/")
    with cluster.open_ioctx(pool) as ioctx:
        try:
            _make(cluster, ioctx, name, size, parent)
        except rbd.ImageExists:
            if not _is_left(ioctx, name):
                try:
                    rbd.RBD().trash_move(ioctx, name, 0)
                except rbd.ImageNotFound:
                    # Nothing was ever in it: it was killed while it came to be.
                    rbd.RBD().remove(ioctx, name)
            _make(cluster, ioctx, name, size, parent)
        with rbd.Image(ioctx, name) as image:
            for key, word in marks.items():
                image.metadata_set(key, word)
            if size is not None and image.size() < size:
                image.resize(size)


def _is_left(ioctx: Any, name: str) -> bool:
    """Whether a name was in no directory, and so only what a kill in the midst of a renaming left:
    then it is free now. The image itself has the one or the other name."""
    if name in {one["name"] for one in rbd.RBD().list2(ioctx)}:
        return False
    ioctx.remove_object(f"rbd_id.{name}")
    return True


def _make(cluster: Any, ioctx: Any, name: str, size: int | None, parent: list[str]) -> None:
    if not parent:
        rbd.RBD().create(ioctx, name, size)
        return
    pool, image, snapshot = parent
    with cluster.open_ioctx(pool) as theirs:
        rbd.RBD().clone(theirs, image, snapshot, ioctx, name)


def grow(cluster: Any, place: str, size: int) -> None:
    pool, _, name = place.partition("/")
    with cluster.open_ioctx(pool) as ioctx, rbd.Image(ioctx, name) as image:
        if image.size() < size:
            image.resize(size)


def stamp(cluster: Any, place: str, marks: dict[str, str]) -> None:
    """The ID comes last: it says that the rest is there."""
    pool, _, name = place.partition("/")
    with cluster.open_ioctx(pool) as ioctx, rbd.Image(ioctx, name) as image:
        for key, word in (*marks.items(), (ID, image.id())):
            image.metadata_set(key, word)


def rename(cluster: Any, place: str, to: str) -> None:
    (pool, _, name), target = place.partition("/"), to.partition("/")[2]
    with cluster.open_ioctx(pool) as ioctx:
        try:
            rbd.RBD().rename(ioctx, name, target)
        except rbd.ImageExists:
            if not _is_left(ioctx, target):
                raise
            rbd.RBD().rename(ioctx, name, target)


def trash(cluster: Any, place: str) -> None:
    pool, _, name = place.partition("/")
    with cluster.open_ioctx(pool) as ioctx, suppress(rbd.ImageNotFound):
        rbd.RBD().trash_move(ioctx, name, 0)


def trashed(cluster: Any, pools: list[str], owner: dict[str, str]) -> list[dict[str, Any]]:
    """What its own stamp, or that of an unfinished one, says to be the owner's."""
    found = []
    for pool in pools:
        with cluster.open_ioctx(pool) as ioctx:
            for one in rbd.RBD().trash_list(ioctx):
                with suppress(rbd.ImageNotFound), rbd.Image(
                        ioctx, image_id=one["id"], read_only=True) as image:
                    marks = dict(image.metadata_list())
                    ours = marks.get(ID) == one["id"] or one["name"].endswith(PART)
                    if ours and owner.items() <= marks.items():
                        found.append({"pool": pool, "name": one["name"], "id": one["id"],
                                      "size": image.size()})
    return found


def purge(cluster: Any, place: str, identity: str) -> None:
    with cluster.open_ioctx(place.partition("/")[0]) as ioctx, suppress(rbd.ImageNotFound):
        rbd.RBD().trash_remove(ioctx, identity)


JOBS = {job.__name__: job
        for job in (look, create, grow, stamp, rename, trash, trashed, purge)}


def answer(job: dict[str, Any]) -> dict[str, Any]:
    at = "connect"
    try:
        file = job["file"] or (USUAL if os.path.exists(USUAL) else None)
        cluster = rados.Rados(rados_id=job["user"], conffile=file, conf=job["conf"])
        with cluster:
            at = "pool"
            return {"done": JOBS[job["do"]](cluster, *job["with"])}
    except rados.Error as error:
        return _said(at, error)
    except rbd.Error as error:
        return _said("image", error)


def _said(at: str, error: Exception) -> dict[str, Any]:
    return {"at": at, "errno": getattr(error, "errno", 0), "error": str(error)}


if __name__ == "__main__":
    print(json.dumps(answer(json.load(sys.stdin))))
