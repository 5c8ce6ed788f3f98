"""YAML for people who look: a field a line, and nothing in it that a terminal would obey."""

from __future__ import annotations

from typing import Any

import yaml

from tiny_cloud.writing import Dumper


def dumps(value: Any) -> str:
    """Plain data; whatever is not ASCII is escaped, as in our JSON (CVE-2021-25743)."""
    text: str = yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=False,
                          default_flow_style=False, width=float("inf"))
    return text
