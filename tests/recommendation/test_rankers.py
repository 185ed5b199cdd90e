"""The rankers: each held to the port, and to the definition of what it computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadInput
from orchestrator.interactions.items import Item, Items
from orchestrator.interactions.protocol import Asked, leave_two_out
from orchestrator.interactions.sequences import Sequences
from orchestrator.ports import Ranker, Ranking, Refresh, Trainer, Training
from orchestrator.recommendation.hit_metrics import ranks
from orchestrator.recommendation.rankers import cooccurrence, ease
from orchestrator.recommendation.rankers.attributes import read_attributes, similar_items
from orchestrator.recommendation.rankers.borrowing import borrowed, likeness
from orchestrator.recommendation.rankers.candidates import SIGNALS, candidates, floor_of
from orchestrator.recommendation.rankers.classics import TRAINING_FREE
from orchestrator.recommendation.rankers.conditional_logit import conditional_logit
from orchestrator.recommendation.rankers.cooccurrence import Counting, pair_counts
from orchestrator.recommendation.rankers.dense_vectors import Vectors, mutual_information
from orchestrator.recommendation.rankers.item_content import content_vectors, leading, weighted_terms
from orchestrator.recommendation.rankers.item_to_item import ItemToItem, strongest
from orchestrator.recommendation.rankers.registry import RANKERS, fit, load, refresh_rankers
from orchestrator.recommendation.rankers.walks import Walks
from orchestrator.recommendation.selection import best_of_dense, best_of_sparse
from orchestrator.testing.classic_rankers import classic_rankers
from orchestrator.testing.ranker import RankerConformance
from orchestrator.testing.shop import made_up_log

sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed: the extra `recommend` has it")
REGISTRY = classic_rankers()


def trained(names: tuple[str, ...], folder: Path, seed: int = 0) -> dict[str, Ranker]:
    log = made_up_log()
    split = leave_two_out(log.interactions.sequences)
    rankers, left_out = fit(
        REGISTRY, names, Training(log.items, split.train, split.validation, folder, seed=seed)
    )
    assert left_out == {}
    return rankers


class TestPopularity(RankerConformance):
    learns = 0.1

    @pytest.fixture(scope="class")
    @classmethod
    def trainer(cls) -> Trainer:
        return REGISTRY.trainers["popularity"]


class TestItemKnn(RankerConformance):
    reads = True

    @pytest.fixture(scope="class")
    @classmethod
    def trainer(cls) -> Trainer:
        return REGISTRY.trainers["itemknn"]


class TestRules(RankerConformance):
    learns = 0.6
    reads = True

    @pytest.fixture(scope="class")
    @classmethod
    def trainer(cls) -> Trainer:
        return REGISTRY.trainers["rules"]


class TestAttributes(RankerConformance):
    learns = 0.2
    reads = True

    @pytest.fixture(scope="class")
    @classmethod
    def trainer(cls) -> Trainer:
        return REGISTRY.trainers["attributes"]


class TestEase(RankerConformance):
    reads = True

    @pytest.fixture(scope="class")
    @classmethod
    def trainer(cls) -> Trainer:
        return REGISTRY.trainers["ease"]


class TestComplements(RankerConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def trainer(cls) -> Trainer:
        return REGISTRY.trainers["complements"]


class TestInterests(RankerConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def trainer(cls) -> Trainer:
        return REGISTRY.trainers["interests"]


class TestPaths(RankerConformance):
    reads = True

    @pytest.fixture(scope="class")
    @classmethod
    def trainer(cls) -> Trainer:
        return REGISTRY.trainers["paths"]


class TestFusion(RankerConformance):
    learns = 0.6
    reads = True

    @pytest.fixture(scope="class")
    @classmethod
    def trainer(cls) -> Trainer:
        return REGISTRY.trainers["fusion"]

    @pytest.fixture(scope="class")
    @classmethod
    def parts_folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return tmp_path_factory.mktemp("parts")

    @pytest.fixture(scope="class")
    @classmethod
    def parts(cls, parts_folder: Path) -> dict[str, Ranker]:
        rankers = trained(TRAINING_FREE, parts_folder)
        return {name: rankers[name] for name in TRAINING_FREE}

    @pytest.fixture(scope="class")
    @classmethod
    def carry_parts(cls, parts_folder: Path) -> Callable[[Refresh], dict[str, Ranker]]:
        def carry(given: Refresh) -> dict[str, Ranker]:
            rankers, left_out = refresh_rankers(
                REGISTRY, parts_folder, given.before, given.items, given.interactions, given.folder
            )
            assert left_out == {}
            return {name: rankers[name] for name in TRAINING_FREE}

        return carry


scores = st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=5, max_size=5), max_size=4)


@given(scores, st.integers(1, 7), st.lists(st.booleans(), min_size=5, max_size=5), st.data())
def test_the_best_k_are_those_of_a_full_sort(
    rows: list[list[float]], k: int, allowed: list[bool], data: st.DataObject
) -> None:
    matrix = np.asarray(rows, dtype=np.float32).reshape(len(rows), 5)
    gone = [data.draw(st.lists(st.integers(0, 4), max_size=3)) for _ in rows]
    mask, removed = np.asarray(allowed), Sequences.of(gone)
    dense = best_of_dense(matrix.copy(), k=k, allowed=mask, removed=removed)
    few = best_of_sparse(sparse.csr_matrix(matrix), k=k, allowed=mask, removed=removed)
    for row, values in enumerate(rows):
        left = [at for at in range(5) if allowed[at] and at not in gone[row]]
        order = sorted(left, key=lambda at: (-values[at], at))
        assert [at for at in dense.items[row] if at >= 0] == order[:k]
        assert [at for at in few.items[row] if at >= 0] == [at for at in order if values[at] > 0][:k]


@given(
    st.lists(st.lists(st.integers(0, 5), max_size=6), min_size=1, max_size=5),
    st.sampled_from([0.0, 0.5]),
    st.sampled_from([0.0, 1.0]),
)
def test_pairs_are_counted_as_they_are_defined(rows: list[list[int]], back: float, gap: float) -> None:
    how = Counting(window=3, gap=gap, back=back)
    expected = np.zeros((6, 6))
    for row in rows:
        for at, before in enumerate(row):
            for distance in range(1, 4):
                if at + distance < len(row) and row[at + distance] != before:
                    expected[before, row[at + distance]] += distance**-gap
                    expected[row[at + distance], before] += back * distance**-gap
    np.testing.assert_allclose(pair_counts(Sequences.of(rows), 6, how).toarray(), expected, rtol=1e-5)


def test_pairs_that_do_not_fit_at_once_are_summed_up_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = made_up_log().interactions.sequences
    how = Counting(window=5, gap=0.5, back=0.25)
    whole = pair_counts(sequences, 60, how).toarray()
    for at_once in (1, 1_500):
        monkeypatch.setattr(cooccurrence, "_AT_ONCE", at_once)
        np.testing.assert_allclose(pair_counts(sequences, 60, how).toarray(), whole, rtol=1e-6)


def test_the_newest_item_speaks_loudest_and_its_word_is_the_reason() -> None:
    matrix = sparse.csr_matrix(np.asarray([[0, 0, 3, 0], [0, 0, 0, 2], [0] * 4, [0] * 4], dtype=np.float32))
    ranker = ItemToItem("rules", matrix, decay=1.0)
    histories = Sequences.of([[0, 1], [1, 0]])
    ranking = ranker.top(histories, k=2)
    assert ranking.items.tolist() == [[3, 2], [2, 3]]
    assert ranking.scores.tolist() == [[2.0, 1.5], [3.0, 1.0]]
    assert ranker.reasons(histories, ranking).tolist() == [[1, 0], [0, 1]]


def test_an_item_that_nobody_had_borrows_from_the_one_that_reads_most_like_it() -> None:
    texts = ("rose soap", "mint soap", "oak comb", "ash comb", "rose soap", "zzz")
    items = Items.of(Item(f"{at}", text) for at, text in enumerate(texts))
    had = Sequences.of([[0, 2], [1, 3], [0, 3]])
    counts = np.zeros((6, 6), dtype=np.float32)
    counts[0, 2], counts[1, 3], counts[2, 0] = 3.0, 2.0, 1.0
    lent = borrowed(ItemToItem("rules", sparse.csr_matrix(counts)), items, had, count=1).matrix.toarray()
    np.testing.assert_array_equal(lent[:4, :4], counts[:4, :4])
    assert lent[4, 2] == pytest.approx(3.0), "it speaks as its like does"
    assert lent[2, 4] == pytest.approx(1.0), "and is spoken for as its like is"
    assert not lent[5].any()
    assert not lent[:, 5].any(), "of which nothing can be read nothing is said"
    assert not lent.diagonal().any()
    near = likeness(items, np.asarray([True, True, True, True, False, False]), 2)
    assert near[4].toarray()[0, :2] == pytest.approx([0.5, 0.5 * float(near[4, 1] / near[4, 0])])
    assert near[4, 0] > near[4, 1] > 0
    known = ItemToItem("rules", sparse.csr_matrix(counts))
    assert borrowed(known, items, Sequences.of([[0, 1]])) is known, "of two nothing is lent to four"
    assert borrowed(known, items, Sequences.of([list(range(6))])) is known


def test_ease_is_the_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    items, strength = 700, 50.0
    rows = [random.choice(items, size=5, replace=False) for _ in range(900)]
    had = np.zeros((900, items))
    for row, chosen in enumerate(rows):
        had[row, chosen] = 1.0
    inverse = np.linalg.inv(had.T @ had + strength * np.eye(items))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0.0)
    monkeypatch.setattr(ease, "NEIGHBOURS", items)
    found = ease.weights(Sequences.of(rows), items, np.arange(items), strength).toarray()
    np.testing.assert_allclose(found, np.maximum(expected, 0), atol=1e-6)


def test_similar_items_are_those_of_the_full_product() -> None:
    items = made_up_log().items
    terms = weighted_terms(items).toarray()
    np.testing.assert_allclose(np.linalg.norm(terms, axis=1), 1.0, rtol=1e-5)
    cosines = terms @ terms.T
    np.fill_diagonal(cosines, 0.0)
    found = similar_items(items, count=len(items)).toarray()
    np.testing.assert_allclose(found, cosines, atol=1e-6)
    few = strongest(sparse.csr_matrix(cosines), 3)
    assert (np.diff(few.indptr) == 3).all()


def test_content_vectors_keep_the_cosines_and_know_what_says_nothing() -> None:
    items = Items.of([*made_up_log().items.rows, Item("zzz")])
    vectors = content_vectors(items, 40)
    terms = weighted_terms(items).toarray()
    lengths = np.linalg.norm(vectors, axis=1)
    assert lengths[:-1] == pytest.approx(1.0, abs=1e-4)
    assert lengths[-1] == 0.0
    np.testing.assert_allclose(vectors @ vectors.T, terms @ terms.T, atol=0.05)
    np.testing.assert_array_equal(vectors, content_vectors(items, 40))
    assert content_vectors(Items.of([Item("a"), Item("b")]), 8).shape == (2, 8)


def test_complements_know_their_direction() -> None:
    rows = [[0, 1], [0, 1], [2, 3], [2, 3], [4, 5], [4, 5]] * 10
    counts = pair_counts(Sequences.of(rows), 6, Counting(window=5, gap=1.0, back=0.0))
    left, right = leading(mutual_information(counts), 5)
    ranker = Vectors("complements", left, right)
    scores = ranker.scores(Sequences.of([[0], [1]]))
    assert scores[0].argmax() == 1
    assert scores[0, 1] > 1.0
    assert abs(scores[1, 0]) < 1e-3, "the lamp is not bought for its bulb"
    assert left[0] @ left[1] == pytest.approx(0.0, abs=1e-3), "in with in finds no complement"


def test_a_user_of_two_interests_is_offered_both() -> None:
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 0, 1, 1, 1, 2, 2]]
    mixed = Sequences.of([[0, 3]])
    several = Vectors("interests", vectors, vectors, decay=0.5, interests=4)
    means, shares = several.groups(mixed[0])
    assert len(means) == 2
    assert shares.sum() == pytest.approx(1.0)
    assert shares[0] > shares[1], "the newest first"
    ranking = several.top(mixed, k=4, removed=mixed)
    assert set(ranking.items[0].tolist()) == {1, 2, 4, 5}


def test_walks_go_through_attributes_and_what_is_had_next() -> None:
    edges = sparse.csr_matrix(
        np.asarray([[0, 0.5, 0, 0.5], [0, 0, 0, 1], [0, 0, 0, 1], [1 / 3, 1 / 3, 1 / 3, 0]], dtype=np.float32)
    )
    ranker = Walks(edges, 3, restart=0.0)
    seen = ranker.scores(Sequences.of([[0]]))[0]
    assert seen[2] > 0, "by the attribute alone"
    assert seen[1] > seen[2], "by both"
    steps = [np.linalg.matrix_power(edges.toarray(), step)[0, :3] for step in (1, 2, 3, 4)]
    np.testing.assert_allclose(seen, np.sum(steps, axis=0), rtol=1e-5)
    assert (ranker.top(Sequences.of([[]]), k=2).items == -1).all()


def test_the_logit_finds_the_weights_that_made_the_choices() -> None:
    random = np.random.default_rng(4)
    signals = random.standard_normal((4_000, 10, 3)).astype(np.float32)
    truth = np.asarray([1.5, 0.0, -0.7])
    noise = random.gumbel(size=(4_000, 10))
    chosen = np.zeros((4_000, 10), dtype=bool)
    chosen[np.arange(4_000), (signals @ truth + noise).argmax(axis=1)] = True
    rows = np.repeat(np.arange(4_000), 10)
    found = conditional_logit(rows, signals.reshape(-1, 3), chosen.ravel())
    np.testing.assert_allclose(found, truth, atol=0.1)
    assert not conditional_logit(rows, signals.reshape(-1, 3), np.zeros(40_000, dtype=bool)).any()


def test_an_item_that_nobody_had_changes_nothing_that_is_said_of_others() -> None:
    def said(scores: list[list[float]]) -> np.ndarray:
        given = np.asarray(scores, dtype=np.float32)
        items = np.broadcast_to(np.arange(given.shape[1], dtype=np.int32), given.shape)
        ranking = Ranking(items, given)
        assert np.isfinite(floor_of(ranking))
        return candidates([ranking], (0.5,), 9).signals[:2, 0]

    without, beside = said([[8.0, 4.0]]), said([[8.0, 4.0, 0.0], [1.0, 0.0, 0.0]])
    for signal in ("ranked", "ratio", "reciprocal", "level"):
        at = SIGNALS.index(signal)
        np.testing.assert_array_equal(without[:, at], beside[:, at])
    assert np.isfinite(said([[0.0, 0.0]])).all()
    logarithmic = said([[-0.1, -2.0]])
    assert logarithmic[1, SIGNALS.index("ratio")] == pytest.approx(np.exp(-1.9), rel=1e-5)


@pytest.mark.slow
def test_arms_are_trained_in_order_and_found_again(tmp_path: Path) -> None:
    first = trained(("fusion", "rules"), tmp_path)
    assert list(first) == ["rules", "popularity", "itemknn", "attributes", "fusion"]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    again = trained(("fusion",), tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before
    histories = Sequences.of([[1, 2, 3]])
    assert (
        again["fusion"].top(histories, k=5).items.tolist()
        == first["fusion"].top(histories, k=5).items.tolist()
    )


def test_an_interrupted_training_is_done_again(tmp_path: Path) -> None:
    trained(("rules",), tmp_path)
    (tmp_path / "rules" / "ranker.json").unlink()
    (tmp_path / "rules" / "matrix.npz").write_bytes(b"half")
    assert len(trained(("rules",), tmp_path)["rules"].top(Sequences.of([[1]]), k=3).items) == 1


def test_an_arm_of_another_catalogue_is_refused(tmp_path: Path) -> None:
    trained(("rules",), tmp_path)
    log = made_up_log()
    assert set(load(REGISTRY, tmp_path, log.items)) == {"rules"}
    other = Items.of([*log.items.rows, Item("zzz")])
    with pytest.raises(BadInput, match="rules was trained for another catalogue") as caught:
        load(REGISTRY, tmp_path, other)
    assert "recommend train" in caught.value.hint


def test_unknown_and_absent_arms_are_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no ranker 'magic'"):
        REGISTRY.order(["magic"])
    log = made_up_log()
    split = leave_two_out(log.interactions.sequences)
    rankers, left_out = fit(
        REGISTRY, ["atomic"], Training(log.items, split.train, split.validation, tmp_path)
    )
    assert rankers == {}
    assert "not part of this installation" in left_out["atomic"]
    assert len(set(RANKERS)) == 10


@pytest.mark.slow
def test_an_arm_that_is_not_wanted_is_no_part_of_another(tmp_path: Path) -> None:
    log = made_up_log()
    split = leave_two_out(log.interactions.sequences)
    training = Training(log.items, split.train, split.validation, tmp_path)
    rankers, left_out = fit(REGISTRY.without(["attributes"]), ["fusion", "attributes"], training)
    assert list(rankers) == ["popularity", "itemknn", "rules", "fusion"]
    assert left_out == {"attributes": "The ranker attributes was not wanted."}
    with pytest.raises(BadInput, match="no ranker 'magic'"):
        REGISTRY.without(["magic"])


def test_of_items_that_read_alike_the_popular_come_first_and_none_is_lost_by_its_id() -> None:
    alike = [Item(f"book-{at:03}", "Weekly crossword puzzles", (("genre", "puzzle"),)) for at in range(300)]
    items = Items.of([*alike, Item("comb", "Oak comb")])
    popular = [items.numbers[f"book-{at:03}"] for at in range(180, 299)]
    had = Sequences.of([[number] for number in popular for _ in range(2)] + [[popular[50]]] * 3)
    ranker = read_attributes(items, had, {"decay": 1.0})
    found = ranker.top(Sequences.of([[items.numbers["book-299"]]]), k=100).items[0].tolist()
    assert found[0] == popular[50]
    assert set(found) <= set(popular)
    none = read_attributes(items, Sequences.of([]), {"decay": 1.0}).top(Sequences.of([[5]]), k=3)
    assert none.items[0].tolist() == [0, 1, 2], "nobody had any: by number"


def test_ties_of_a_cut_and_of_a_ranking_go_by_the_signal_that_is_given() -> None:
    matrix = sparse.csr_matrix(
        np.asarray([[0, 1, 1, 1], [2, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 0]], np.float32)
    )
    ties = np.asarray([3, 2, 1, 0], dtype=np.int32)
    kept = strongest(matrix, 2, ties).toarray()
    assert kept.tolist() == [[0, 0, 1, 1], [2, 0, 0, 1], [0, 0, 0, 0], [0, 1, 1, 0]]
    ranker = ItemToItem("rules", matrix, ties=ties)
    assert ranker.top(Sequences.of([[0], [3]]), k=2).items.tolist() == [[3, 2], [2, 1]]


def test_a_ranker_keeps_how_it_breaks_ties(tmp_path: Path) -> None:
    trained(("rules",), tmp_path)
    ranker = load(REGISTRY, tmp_path, made_up_log().items)["rules"]
    assert isinstance(ranker, ItemToItem)
    assert ranker.ties is not None
    assert sorted(ranker.ties.tolist()) == list(range(60))


@given(
    st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=5), min_size=1, max_size=6), st.integers(1, 6)
)
def test_places_are_counted_as_they_are_ranked(rows: list[list[int]], k: int) -> None:
    random = np.random.default_rng(len(rows))
    matrix = sparse.csr_matrix(random.integers(0, 3, size=(8, 8)).astype(np.float32))
    matrix.setdiag(0)
    asked = Asked(Sequences.of(rows), random.integers(0, 8, size=len(rows)).astype(np.int32))
    for ties in (None, random.permutation(8).astype(np.int32)):
        ranker = ItemToItem("rules", matrix, ties=ties)
        ranking = ranker.top(asked.histories, k=k, removed=asked.histories)
        np.testing.assert_array_equal(ranker.places(asked, k), ranks(ranking, asked.targets))
