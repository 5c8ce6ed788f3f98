"""Logical volumes of a recorded report, as lvs(8) and vgs(8) tell of them after an apply: where no
device-mapper is, none can be made."""

from __future__ import annotations

import json
from pathlib import Path

import tiny_cloud
from benchmarks.scene import GROUP, Scene
from tiny_cloud.host import records
from tiny_cloud.volumes import tags

GIB = 1 << 30


def record(scene: Scene) -> str:
    """The folder with an lvs and a vgs that say that all are there, to be put into PATH."""
    workspace = tiny_cloud.load(str(scene.manifests))
    rows = []
    for number, item in enumerate(workspace.resources):
        if item.address.kind == "logicalvolume":
            uuid = f"recorded-{number:04}"
            records.write(scene.storage, item.address, item.remembered())
            marks = tags.complete(workspace.cloud.name, str(item.address), uuid, {})
            rows.append({
                "vg_name": GROUP, "lv_name": str(item.provides()["volume"]), "lv_uuid": uuid,
                "lv_size": str(GIB), "segtype": "linear", "stripes": "1", "lv_attr": "-wi-a-----",
                "pool_lv": "", "origin": "", "origin_size": "", "lv_tags": ",".join(marks),
                "data_percent": "", "lv_kernel_minor": str(number)})
    group = {"vg_name": GROUP, "vg_extent_size": str(4 << 20), "vg_extent_count": "512000",
             "vg_free_count": "256000", "pv_count": "1", "vg_missing_pv_count": "0"}
    place = scene.folder / "lvm"
    place.mkdir(exist_ok=True)
    _say(place / "lvs", {"report": [{"lv": rows}]})
    _say(place / "vgs", {"report": [{"vg": [group]}]})
    return str(place)


def _say(program: Path, report: object) -> None:
    file = program.with_suffix(".json")
    file.write_text(json.dumps(report))
    program.write_text(f"#!/bin/sh\nexec cat {file}\n")
    program.chmod(0o755)
