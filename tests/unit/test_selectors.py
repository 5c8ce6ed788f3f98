"""Label selectors as Kubernetes reads them (cases of apimachinery's labels/selector_test.go)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_cloud import selectors
from tiny_cloud.selectors import Requirement, Selector

words = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=4)
values = st.frozensets(st.one_of(words, st.just("")), min_size=1, max_size=3)
requirements = st.one_of(
    st.builds(Requirement, words, st.sampled_from(("exists", "!"))),
    st.builds(Requirement, words, st.sampled_from(("in", "notin")), values),
    st.builds(Requirement, words, st.sampled_from("<>"),
              st.integers(-99, 99).map(lambda number: frozenset({str(number)}))))
labels = st.dictionaries(words, st.one_of(words, st.just("")), max_size=3)


@given(st.lists(requirements, min_size=1, max_size=4).map(tuple).map(Selector))
def test_what_is_written_is_read_again(selector: Selector) -> None:
    assert selectors.parse(str(selector)) == selector


@given(requirements.filter(lambda one: one.operator in ("in", "exists")), labels)
def test_opposites(one: Requirement, there: dict[str, str]) -> None:
    """Nothing satisfies both, and everything one of the two."""
    opposite = {"in": "notin", "exists": "!"}[one.operator]
    other = Requirement(one.key, opposite, one.values)
    assert one.matches(there) != other.matches(there)


@given(st.lists(requirements, min_size=1, max_size=3), labels)
def test_all_must_hold(found: list[Requirement], there: dict[str, str]) -> None:
    together = selectors.parse(",".join(map(str, found)))
    assert together.matches(there) == all(
        selectors.parse(str(one)).matches(there) for one in found)


@given(st.text(st.sampled_from("ab=!(),<>1 \t"), max_size=12), labels)
def test_any_text_is_read_or_refused_with_a_sentence(text: str, there: dict[str, str]) -> None:
    try:
        selectors.parse(text).matches(there)
    except ValueError as error:
        assert "should" in str(error) or "takes a whole number" in str(error)


@pytest.mark.parametrize(("text", "yes", "no"), [
    ("x=a", {"x": "a"}, {"x": "b"}),
    ("x==a,y!=b", {"x": "a"}, {"x": "a", "y": "b"}),
    ("x=", {"x": ""}, {}),
    ("x!=a", {}, {"x": "a"}),
    ("x in (a,b)", {"x": "b"}, {"x": "c"}),
    ("x notin (a,b)", {}, {"x": "a"}),
    ("x in (a,)", {"x": ""}, {"x": "b"}),
    ("x in ()", {"x": ""}, {"x": "b"}),
    ("x", {"x": ""}, {"y": ""}),
    ("!x", {"y": ""}, {"x": ""}),
    (" x\tin ( a , b ) , ! y ", {"x": "a"}, {"x": "a", "y": "b"}),
    ("example.org/tier=front,notin in (in)", {"example.org/tier": "front", "notin": "in"}, {}),
    ("x>1", {"x": "2"}, {"x": "1"}),
    ("x<7", {"x": "-1"}, {"x": "a"}),
    ("x<7", {"x": "6"}, {}),
])
def test_who_is_meant(text: str, yes: dict[str, str], no: dict[str, str]) -> None:
    assert selectors.parse(text).matches(yes)
    assert not selectors.parse(text).matches(no)


@pytest.mark.parametrize(("text", "sentence"), [
    ("", "the end stands where a label's name should"),
    ("x,", "the end stands where a label's name should"),
    ("x,,y", ", stands where a label's name should"),
    ("=a", "= stands where a label's name should"),
    ("!x=a", "= stands where , should"),
    ("x in a", "a stands where ( should"),
    ("x in (a", "the end stands where ) should"),
    ("x in (a b)", "b stands where ) should"),
    ("x=a b", "b stands where , should"),
    ("x a", "a stands where =, !=, in, notin or a comma should"),
    ("x>a", "x> takes a whole number, not a"),
    ("x<", "x< takes a whole number, not nothing"),
])
def test_what_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as error:
        selectors.parse(text)
    assert str(error.value) == sentence
