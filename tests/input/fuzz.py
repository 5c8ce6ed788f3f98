"""A fuzzer that is led by coverage (atheris): ``make fuzz``, or this with libFuzzer's options.

Half of what it tries is bytes as they come, which is what a file may hold; the other half becomes
manifests made from the schemas, as hypothesis makes them. What it finds is a file ``crash-…``.
"""

from __future__ import annotations

import io
import sys

import atheris

with atheris.instrument_imports(include=["tiny_cloud", "yaml"]):
    from tests.input.test_generated import require_readable, through
    from tiny_cloud import manifest


def one_input(data: bytes) -> None:
    if data[:1] > b"\x7f":
        through.hypothesis.fuzz_one_input(data[1:])
        return
    _, problems = manifest.read(["-"], io.TextIOWrapper(io.BytesIO(data[1:])))
    if problems:
        require_readable(tuple(problems))


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
