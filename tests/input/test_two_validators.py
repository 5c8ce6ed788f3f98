"""jsonschema-rs says which documents are right, jsonschema what is wrong with the others: what one
takes for right the other has nothing against."""

from __future__ import annotations

import io

import pytest
from hypothesis import HealthCheck, given, settings

from tests.goals import scaled, seen
from tests.input.manifests import clouds
from tiny_cloud import manifest, schema
from tiny_cloud.document import Document
from tiny_cloud.schema.errors import problems_of
from tiny_cloud.schema.quick import is_right

EXAMPLES = scaled(200, 10_000)
met: dict[bool, int] = {}


@pytest.mark.goal(13)
def test_they_agree() -> None:
    met.clear()
    compared()
    assert all(met[right] > EXAMPLES // 10 for right in (True, False)), met
    seen(13, f"documents that two validators agree on, right and wrong: {met}", sum(met.values()))


@settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
@given(clouds())
def compared(text: str) -> None:
    documents, _ = manifest.read(["-"], io.StringIO(text))
    for document in documents:
        if document.kind in schema.kinds():
            right = is_right(document.kind, document.body)
            assert right is (not problems_of(document)), document.body
            met[right] = met.get(right, 0) + 1


@pytest.mark.parametrize("size", [
    0, -1, 1, 512, 512.0, 1e300, True, None, "1GiB", "1GiB\n", "1 GiB", "", "\ud800", [], {},
    {"a": 1}, {1: 1}, 10 ** 40, float("nan"), float("inf"),
])
@pytest.mark.parametrize("field", ["size", "format", "labels", "cluster"])
def test_they_agree_on_odd_values(field: str, size: object) -> None:
    document = Document("Disk", "a", {"name": "a"}, {"size": "1GiB", field: size})
    assert is_right("Disk", document.body) is (not problems_of(document))
