"""A real training of seconds: it learns a rule, goes on where it was killed, and ranks under constraints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from connectors.torch_decoder.cross_entropy import summed_cross_entropy  # noqa: E402
from connectors.torch_decoder.settings import DecoderSettings  # noqa: E402
from connectors.torch_decoder.training import STATE  # noqa: E402
from connectors.torch_decoder.words import BEGIN, PAD, SPECIAL, batches, token_rows, windows  # noqa: E402
from orchestrator.errors import BadInput  # noqa: E402
from orchestrator.interactions.items import Item, Items  # noqa: E402
from orchestrator.interactions.protocol import leave_two_out  # noqa: E402
from orchestrator.interactions.sequences import Sequences  # noqa: E402
from orchestrator.ports.recommend import Ranker, Trainer  # noqa: E402
from orchestrator.recommendation.generative.item_ids import category_paths, semantic  # noqa: E402
from tests.connectors.torch_decoder.worlds import catalogue, trainer, training, walks  # noqa: E402

pytestmark = pytest.mark.slow

COUNT = 24


@pytest.mark.parametrize("ids", ["hybrid", "tree", "semantic", "atomic"])
def test_it_learns_what_follows_what(tmp_path: Path, ids: str) -> None:
    sequences = walks(COUNT, 400)
    name = "atomic" if ids == "atomic" else "generative"
    settings = {} if ids == "atomic" else {"ids": ids}
    made = trainer(name)
    assert isinstance(made, Trainer)
    ranker = made.fit(training(tmp_path, catalogue(COUNT), sequences, **settings))
    assert isinstance(ranker, Ranker)
    assert ranker.name == name
    test = leave_two_out(sequences).test
    first = ranker.top(test.histories, k=1).items[:, 0]
    assert (first == test.targets).mean() > 0.8


def test_a_training_that_was_killed_goes_on_to_the_same_model(tmp_path: Path) -> None:
    items, sequences = catalogue(COUNT), walks(COUNT, 120)
    whole = trainer().fit(training(tmp_path / "whole", items, sequences))
    told = 0

    def dies(done: int, total: int, doing: str) -> None:
        nonlocal told
        told += "NDCG" in doing
        if told == 2:
            raise KeyboardInterrupt

    broken = training(tmp_path / "broken", items, sequences)
    with pytest.raises(KeyboardInterrupt):
        trainer().fit(type(broken)(**{**broken.__dict__, "progress": dies}))
    assert (tmp_path / "broken" / STATE).exists()
    epochs: list[str] = []
    resumed = type(broken)(**{**broken.__dict__, "progress": lambda done, total, doing: epochs.append(doing)})
    again = trainer().fit(resumed)
    assert not any(doing.startswith(("epoch 1:", "epoch 4:")) for doing in epochs)
    assert not (tmp_path / "broken" / STATE).exists()
    histories = Sequences.of([[1, 2, 3], [9], []])
    assert np.array_equal(whole.top(histories, k=9).items, again.top(histories, k=9).items)
    assert np.allclose(whole.top(histories, k=9).scores, again.top(histories, k=9).scores, atol=1e-5)


@pytest.mark.parametrize("torn", [b"PK\x03\x04 torn", b"torn", b""])
def test_half_a_state_is_begun_anew(tmp_path: Path, torn: bytes) -> None:
    (tmp_path / STATE).write_bytes(torn)
    ranker = trainer().fit(training(tmp_path, catalogue(8), walks(8, 30), epochs=2))
    assert ranker.top(Sequences.of([[1]]), k=3).items.shape == (1, 3)


def test_constraints_hold_before_the_best_are_taken(tmp_path: Path) -> None:
    ranker = trainer().fit(training(tmp_path, catalogue(COUNT), walks(COUNT, 100), epochs=2))
    histories = Sequences.of([[3, 4, 5], [], [7] * 500, list(range(COUNT))])
    allowed = np.arange(COUNT) % 2 == 0
    found = ranker.top(histories, k=5, allowed=allowed, removed=histories).items
    for row, history in zip(found, histories, strict=True):
        got = [int(item) for item in row if item >= 0]
        left = set(range(0, COUNT, 2)) - set(history.tolist())
        assert len(got) == len(set(got)) == min(5, len(left))
        assert set(got) <= left
    none = ranker.top(histories, k=5, allowed=np.zeros(COUNT, dtype=np.bool_))
    assert (none.items == -1).all()


def test_scores_do_not_depend_on_who_else_is_asked_about(tmp_path: Path) -> None:
    ranker = trainer().fit(training(tmp_path, catalogue(COUNT), walks(COUNT, 100), epochs=2, ids="tree"))
    rows = [[3], [4, 5, 6, 7, 8], [], [9, 10]]
    together = ranker.top(Sequences.of(rows), k=6)
    for at, row in enumerate(rows):
        alone = ranker.top(Sequences.of([row]), k=6)
        assert np.allclose(together.scores[at], alone.scores[0], atol=1e-4)


def test_a_scheme_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BadInput, match="no scheme of identifiers 'runes'"):
        DecoderSettings.named("generative", {"ids": "runes"})
    assert DecoderSettings.named("atomic", {"ids": "tree"}).ids == "atomic"


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_and_its_gradients_are_those_of_torch(smoothing: float) -> None:
    generator = torch.Generator().manual_seed(1)
    state = torch.randn(70, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    table = torch.randn(40_000, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    wanted = torch.randint(40_000, (70,), generator=generator)
    plain = torch.nn.functional.cross_entropy(
        state @ table.T, wanted, reduction="sum", label_smoothing=smoothing
    )
    ours = summed_cross_entropy(state, table, wanted, smoothing=smoothing)
    assert torch.allclose(plain, ours)
    expected = torch.autograd.grad(plain * 3, (state, table))
    for mine, theirs in zip(torch.autograd.grad(ours * 3, (state, table)), expected, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-9)


def test_a_large_catalogue_is_compared_with_a_sample(tmp_path: Path) -> None:
    sequences = walks(COUNT, 400)
    ranker = trainer().fit(
        training(tmp_path, catalogue(COUNT), sequences, everything=8, negatives=12, batch=64)
    )
    test = leave_two_out(sequences).test
    assert (ranker.top(test.histories, k=1).items[:, 0] == test.targets).mean() > 0.8


def test_histories_become_rows_of_tokens() -> None:
    ids = semantic(category_paths([["a", "b"], ["a"], ["a", "b"], []], depth=2))
    rows, lengths = token_rows(Sequences.of([[0, 1], [], [3, 3, 3]]), ids)
    assert rows[:, 0].tolist() == [BEGIN] * 3
    for row, items in zip(rows, [[0, 1], [], [3, 3, 3]], strict=True):
        expected = [BEGIN, *(token + SPECIAL for item in items for token in ids.of(item))]
        assert row.tolist() == expected + [PAD] * (rows.shape[1] - len(expected))
    assert lengths.tolist() == [1 + 3 + 2, 1, 1 + 3]


def test_long_histories_are_cut_from_the_end() -> None:
    cut = windows(Sequences.of([[1, 2, 3, 4, 5], [], [6, 7]]), 2)
    assert [row.tolist() for row in cut] == [[1], [2, 3], [4, 5], [6, 7]]
    assert [row.tolist() for row in windows(Sequences.of([[], []]), 2)] == []


def test_batches_hold_every_row_once_within_their_budget() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, 500)
    cuts = list(batches(lengths, 256, np.random.default_rng(1)))
    assert sorted(np.concatenate(cuts).tolist()) == list(range(500))
    assert all(len(cut) * lengths[cut].max() <= 256 + 60 for cut in cuts)


@pytest.mark.parametrize("rows", [[], [[]], [[0]], [[0, 0, 0, 0]]])
@pytest.mark.parametrize("count", [1, 3])
def test_next_to_nothing_to_learn_from_is_legal(tmp_path: Path, rows: list[list[int]], count: int) -> None:
    bare = Items.of([Item(f"i{n}") for n in range(count)])
    ranker = trainer().fit(training(tmp_path, bare, Sequences.of(rows), epochs=2))
    assert sorted(ranker.top(Sequences.of([[0]]), k=count).items[0].tolist()) == list(range(count))
