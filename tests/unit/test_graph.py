import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_cloud.graph import Cycle, closure, order


def test_each_comes_after_what_it_waits_for() -> None:
    assert order(["vm", "guest", "disk"], {"vm": ["disk", "guest"], "guest": ["disk"]}) == [
        "disk", "guest", "vm"]


def test_what_is_ready_together_stays_as_written() -> None:
    assert order(["c", "a", "b", "d"], {"a": ["d"]}) == ["c", "b", "d", "a"]


def test_edges_to_strangers_count_for_nothing() -> None:
    assert order(["a"], {"a": ["stranger"], "stranger": ["a"]}) == ["a"]


def test_a_circle_is_readable() -> None:
    with pytest.raises(Cycle) as caught:
        order(["x", "a", "b", "c"], {"a": ["b"], "b": ["c", "x"], "c": ["a"]})
    assert caught.value.path == ("a", "b", "c", "a")
    assert str(caught.value) == "a → b → c → a"


def test_a_long_circle_is_not_shown_whole() -> None:
    with pytest.raises(Cycle) as caught:
        order(range(500), {node: [(node + 1) % 500] for node in range(500)})
    assert len(caught.value.path) == 501
    assert str(caught.value) == " → ".join([*map(str, range(10)), "(490 more)", "0"])


def test_waiting_for_oneself_is_a_circle() -> None:
    with pytest.raises(Cycle, match="a → a"):
        order(["a"], {"a": ["a"]})


def test_closure() -> None:
    edges = {"a": ["b"], "b": ["c", "a"], "d": ["a"]}
    assert closure(["a"], edges) == {"a", "b", "c"}
    assert closure([], edges) == set()


def test_a_long_chain_needs_no_recursion() -> None:
    nodes = list(range(20_000))
    edges = {node: [node + 1] for node in nodes}
    assert order(nodes, edges) == nodes[::-1]
    assert len(closure([0], edges)) == 20_001


@given(st.dictionaries(st.integers(0, 20), st.lists(st.integers(0, 20), max_size=4)))
def test_ordered_or_a_true_circle(edges: dict[int, list[int]]) -> None:
    try:
        found = order(range(21), edges)
    except Cycle as cycle:
        steps = list(zip(cycle.path, cycle.path[1:], strict=False))
        assert steps and cycle.path[0] == cycle.path[-1]
        assert all(later in edges[earlier] for earlier, later in steps)
    else:
        assert sorted(found) == list(range(21))
        assert all(found.index(other) < found.index(node)
                   for node, others in edges.items() for other in others)
