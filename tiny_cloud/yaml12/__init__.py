"""YAML text to plain values with a position for each: YAML 1.2 core rules, within limits.

PyYAML's parser supplies the events; values are built here, because its constructors know YAML
1.1 only (``no`` is false, ``0755`` is 493, ``12:30`` is 750), keep the last of two equal keys, and
recurse as deep as the text says.
"""

from tiny_cloud.yaml12.text import MOST_PROBLEMS, Source
from tiny_cloud.yaml12.values import Path, Tree, resolve, trees

__all__ = ["MOST_PROBLEMS", "Path", "Source", "Tree", "resolve", "trees"]
