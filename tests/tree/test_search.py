"""A walk expands the best first, compares across slates by anchors, and has a ranking at any time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from orchestrator.ports.tree import Tree, TreeNode
from orchestrator.tree.anchors import leaf_anchors, threshold
from orchestrator.tree.search import Slate, TreeWalk, WalkSettings
from orchestrator.tree.spread import effective_dimensions, expected_best

LEAVES = 27


def tree() -> Tree:
    """Three levels of three: `n`, `n0`…`n2`, `n00`…`n22`, leaves `000`…`222`."""
    nodes: dict[str, TreeNode] = {}

    def add(name: str, depth: int) -> None:
        below = tuple(f"{name}{at}" for at in range(3))
        if depth == 2:
            nodes[name] = TreeNode(name, "topic", name, passages=tuple(each[1:] for each in below), leaves=3)
        else:
            nodes[name] = TreeNode(name, "topic", name, children=below, leaves=27 // 3**depth)
            for each in below:
                add(each, depth + 1)

    add("n", 0)
    return Tree("n", nodes)


Score = Callable[[Slate, str], float]


def walked(score: Score, rounds: int = 20, walk: TreeWalk | None = None, **settings: object) -> TreeWalk:
    shelf = tree()
    walk = walk or TreeWalk("n", WalkSettings(**settings))  # type: ignore[arg-type]
    for _ in range(rounds):
        nodes = [shelf.nodes[name] for name in walk.beam()]
        if not nodes:
            break
        slates = walk.slates(nodes)
        walk.take(nodes, slates, [{name: score(slate, name) for name in slate.entries} for slate in slates])
    return walk


def towards(goal: str) -> Score:
    """The share of a name that agrees with the goal's beginning."""

    def score(_: Slate, name: str) -> float:
        digits = name.removeprefix("n")
        agreed = next((at for at, digit in enumerate(digits) if digit != goal[at]), len(digits))
        return agreed / max(1, len(digits)) * 0.8 + 0.1

    return score


@pytest.mark.parametrize("goal", ["000", "121", "222"])
def test_the_goal_is_found_in_as_many_rounds_as_the_tree_is_high(goal: str) -> None:
    walk = walked(towards(goal), rounds=3, beam=1)
    assert walk.ranking()[0][0] == goal
    assert walk.calls == 3
    assert walk.judged() == 3


def test_enough_rounds_judge_everything_and_then_end() -> None:
    walk = walked(towards("121"), rounds=100)
    assert walk.judged() == LEAVES
    assert walk.beam() == []
    assert sorted(name for name, _ in walk.ranking()) == sorted(tree().passages())


def test_path_relevance_is_a_share_of_the_parents() -> None:
    walk = walked(lambda slate, name: 0.5, rounds=1, solver="none", alpha=0.5)
    assert walk.scores()["n1"] == (0.5, 0.75)
    walk = walked(lambda slate, name: 0.5, rounds=1, solver="none", alpha=0.0)
    assert walk.scores()["n1"] == (0.5, 0.5)


def test_slates_show_anchors_beside_children() -> None:
    shown: list[Slate] = []

    def score(slate: Slate, name: str) -> float:
        if slate not in shown:
            shown.append(slate)
        return towards("121")(slate, name)

    walked(score, rounds=4, beam=1, anchors=2)
    first, second, third, fourth = shown
    assert first.anchors == ()
    # The sibling, never the node itself, which the released code may take.
    assert second.node == "n1"
    assert second.anchors[0] in ("n0", "n2")
    assert third.kind == "leaves"
    # Nothing was judged before the first slate of leaves.
    assert third.anchors == ()
    assert fourth.kind != "leaves" or (
        len(fourth.anchors) == 2 and not set(fourth.anchors) & set(fourth.children)
    )


def test_a_lenient_slate_does_not_win() -> None:
    """The leaves of one node are all scored higher by 0.4; anchors tell."""
    goal = towards("121")

    def score(slate: Slate, name: str) -> float:
        lenient = slate.node == "n00"
        return min(1.0, goal(slate, name) + (0.4 if lenient else 0.0))

    def first(solver: str) -> str:
        walk = walked(score, rounds=40, solver=solver, alpha=0.0)
        return walk.ranking()[0][0]

    assert first("effects") == "121"


def test_what_a_reply_left_out_is_as_low_as_its_slate() -> None:
    shelf = tree()
    walk = TreeWalk("n")
    nodes = [shelf.nodes["n"]]
    slates = walk.slates(nodes)
    walk.take(nodes, slates, [{"n0": 0.9, "n1": 0.3, "stranger": 1.0}])
    assert "stranger" not in walk.scores()
    assert walk.beam()[0] == "n0"
    assert walk.scores()["n2"][1] == pytest.approx(walk.scores()["n1"][1])


def test_a_node_without_any_score_does_not_stop_the_search() -> None:
    shelf = tree()
    walk = TreeWalk("n")
    nodes = [shelf.nodes["n"]]
    walk.take(nodes, walk.slates(nodes), [{}])
    assert set(walk.beam()) <= {"n0", "n1", "n2"}
    assert walked(towards("000"), walk=walk, rounds=30).judged() == LEAVES


def path(leaf: str) -> tuple[str, ...]:
    return ("n", f"n{leaf[0]}", f"n{leaf[:2]}")


def test_seeds_are_in_every_ranking_and_their_nodes_come_first() -> None:
    walk = TreeWalk("n", WalkSettings(beam=2))
    for leaf, score in (("210", 1.0), ("001", 0.2)):
        walk.seed(leaf, path(leaf), score)
    assert [name for name, _ in walk.ranking()] == ["210", "001"]
    assert set(walk.beam()) == {"n", "n21"}
    found = {name for name, _ in walked(towards("211"), rounds=1, walk=walk).ranking()}
    assert {"210", "211", "212", "001"} <= found


@pytest.mark.parametrize("rounds", range(6))
def test_what_was_found_is_never_lost_again(rounds: int) -> None:
    def seeded(number: int) -> set[str]:
        walk = TreeWalk("n", WalkSettings())
        for leaf in ("210", "001", "110"):
            walk.seed(leaf, path(leaf), 0.5)
        return {name for name, _ in walked(towards("022"), number, walk).ranking()}

    assert {"210", "001", "110"} <= seeded(rounds) <= seeded(rounds + 1)


def test_seeds_without_a_score_follow_those_that_have_one() -> None:
    walk = TreeWalk("n", WalkSettings(beam=1, alpha=0.0, solver="none"))
    for at, leaf in enumerate(("210", "211", "212", "001")):
        walk.seed(leaf, path(leaf), (1.0, 0.9, 0.8, 0.1)[at])
    walk.forget(["n"])
    scores = {"210": 0.5, "211": 0.45, "212": 0.4}
    walked(lambda slate, name: scores.get(name, 0.0), rounds=1, walk=walk)
    relevance = dict(walk.ranking())
    assert relevance["001"] == pytest.approx(0.05)


def test_a_stable_ranking_ends_the_search() -> None:
    score = towards("121")
    assert (
        walked(score, rounds=50, beam=1, stable=3, patience=2).rounds
        < walked(score, rounds=50, beam=1).rounds
    )


def test_equal_scores_are_told_apart_by_id() -> None:
    assert walked(lambda slate, name: 0.5).ranking() == walked(lambda slate, name: 0.5).ranking()
    names = [name for name, _ in walked(lambda slate, name: 0.5, rounds=50).ranking()]
    assert names == sorted(names)


@pytest.mark.parametrize("how", ["softmax", "mixture"])
def test_anchors_are_drawn_without_replacement_and_by_their_seed(how: str) -> None:
    relevance: Mapping[str, float] = {f"p{at}": at / 50 for at in range(50)}
    drawn = leaf_anchors(relevance, 10, "s", how)  # type: ignore[arg-type]
    assert len(set(drawn)) == 10
    assert drawn == leaf_anchors(dict(reversed(relevance.items())), 10, "s", how)  # type: ignore[arg-type]
    assert drawn != leaf_anchors(relevance, 10, "t", how)  # type: ignore[arg-type]
    assert leaf_anchors({"b": 0.1, "a": 0.2}, 10, "s", how) == ("a", "b")  # type: ignore[arg-type]


def test_the_mixture_draws_from_its_better_part() -> None:
    values = [0.1, 0.12, 0.11, 0.13, 0.09, 0.8, 0.82, 0.79]
    assert 0.13 < threshold(values) <= 0.8
    relevance = {f"p{at}": value for at, value in enumerate(values)}
    assert set(leaf_anchors(relevance, 3, "s", "mixture")) == {"p5", "p6", "p7"}


def test_the_expected_best_bounds_what_lies_beneath() -> None:
    rng = np.random.default_rng(0)
    centre = rng.normal(size=64)
    points = (centre + rng.normal(size=(500, 64))).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    query = rng.normal(size=64).astype(np.float32)
    query /= np.linalg.norm(query)
    directions = effective_dimensions(list(points))
    assert 40 < directions <= 64
    best = expected_best(query, points.mean(axis=0), len(points), directions)
    true = float((points @ query).max())
    assert abs(best - true) < 0.15
    assert expected_best(query, points[0], 1, directions) == pytest.approx(float(points[0] @ query), abs=1e-4)


def test_directions_of_alike_vectors_are_one() -> None:
    one = np.array([1.0, 0.0], dtype=np.float32)
    assert effective_dimensions([]) == effective_dimensions([one]) == effective_dimensions([one, one]) == 1.0
