"""YAML for people who look: a field a line, and nothing in it that a terminal would obey."""

from __future__ import annotations

from typing import Any

import yaml

from tiny_cloud.yaml12 import resolve


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Items of a list stand below its key."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def words(self, data: str) -> yaml.Node:
        """PyYAML quotes what YAML 1.1 would take for something else; this is for 1.2."""
        style = "|" if "\n" in data else '"' if resolve(data) != data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)


_Dumper.add_representer(str, _Dumper.words)


def dumps(value: Any) -> str:
    """Plain data; whatever is not ASCII is escaped, as in our JSON (CVE-2021-25743)."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=False,
                          default_flow_style=False, width=float("inf"))
    return text
