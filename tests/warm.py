"""Loads what a run of tinycloud loads: imported once, where runs are forked from."""

from importlib import import_module

import libvirt
import rich.console
import rich.live
import rich.progress

import tiny_cloud.api
import tiny_cloud.render.json
import tiny_cloud.render.live
import tiny_cloud.render.text
from tiny_cloud import cli

VERBS = [import_module(f"tiny_cloud.verbs.{verb}") for verb in cli.VERBS]

__all__ = ["VERBS", "libvirt", "rich", "tiny_cloud"]
