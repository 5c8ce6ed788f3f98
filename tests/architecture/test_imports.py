"""What a command imports before it does anything: most of its time, where there is little to do."""

import json
import subprocess
import sys

import pytest

COUNTED = """
import dataclasses, json, sys
made, original = [], dataclasses._process_class

def counted(cls, *args):
    made.append(cls.__module__)
    return original(cls, *args)

dataclasses._process_class = counted
import {module}
print(json.dumps([sorted(sys.modules), sum(name.startswith("tiny_cloud") for name in made)]))
"""


def imported(module: str) -> tuple[list[str], int]:
    """Everything that it imports, and how many dataclasses of ours that makes."""
    code = COUNTED.format(module=module)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules, classes = json.loads(done.stdout)
    return modules, classes


@pytest.mark.parametrize(("module", "without"), [
    ("tiny_cloud", {"msgspec", "yaml", "click"}),
    ("tiny_cloud.cli", {"msgspec", "yaml", "rich", "lxml"}),
    ("tiny_cloud.reading",
     {"libvirt", "rich", "jsonschema", "urllib3", "oslo_utils", "tiny_cloud.guests.systems"}),
    ("tiny_cloud.api",
     {"rich", "jsonschema", "urllib3", "oslo_utils", "tiny_cloud.guests.systems"}),
    ("tiny_cloud.host.actions", {"rich", "jsonschema", "urllib3", "oslo_utils"}),
])
def test_nothing_is_imported_that_is_not_used(module: str, without: set[str]) -> None:
    modules, classes = imported(module)
    assert not without & set(modules)
    # A dataclass takes as long to make as fifty Structs (benchmarks/NOTES.md).
    assert classes <= 12
