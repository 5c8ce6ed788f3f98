"""Run as a folder: it makes itself a package, so that its files import each other by name."""

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

NAME = "guest_worker"

folder = str(Path(__file__).parent)
spec = spec_from_file_location(NAME, f"{folder}/__init__.py", submodule_search_locations=[folder])
assert spec is not None
sys.modules[NAME] = module_from_spec(spec)

sys.exit(import_module(f"{NAME}.lines").main())
