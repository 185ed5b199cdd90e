"""A checkpoint is a Llama that others read, speaks of one catalogue, and learns of new items untrained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from connectors.torch_decoder.checkpoint import CATALOGUE, Checkpoint  # noqa: E402
from connectors.torch_decoder.ranker import MODEL, GenerativeRanker  # noqa: E402
from connectors.torch_decoder.words import token_rows  # noqa: E402
from orchestrator.errors import BadInput  # noqa: E402
from orchestrator.interactions.items import Item, Items  # noqa: E402
from orchestrator.interactions.sequences import Sequences  # noqa: E402
from orchestrator.ports.recommend import Refresh  # noqa: E402
from orchestrator.recommendation.generative.beam import Ask  # noqa: E402
from tests.connectors.torch_decoder.worlds import catalogue, trainer, training, walks  # noqa: E402

pytestmark = pytest.mark.slow

COUNT = 20


@pytest.fixture(scope="module", params=["hybrid", "tree", "semantic", "atomic"])
def saved(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, Items]:
    """A trained ranker's folder."""
    folder, items = tmp_path_factory.mktemp(request.param), catalogue(COUNT)
    name = "atomic" if request.param == "atomic" else "generative"
    settings = {} if name == "atomic" else {"ids": request.param}
    trainer(name).fit(training(folder, items, walks(COUNT, 150), epochs=4, **settings))
    return name, folder, items


def test_what_is_loaded_ranks_as_what_was_saved(saved: tuple[str, Path, Items]) -> None:
    name, folder, items = saved
    ranker = trainer(name).load(folder, items, {})
    again = trainer(name).load(folder, items, {})
    histories = Sequences.of([[1, 2], [5], []])
    assert np.array_equal(ranker.top(histories, k=5).items, again.top(histories, k=5).items)
    assert ranker.name == name


def test_a_loaded_arm_searches_with_the_beam_that_it_was_trained_for(tmp_path: Path) -> None:
    """A narrow beam finds fewer items than the usual one would."""
    items, sequences = catalogue(COUNT), walks(COUNT, 60)
    fit = trainer().fit(training(tmp_path / "one", items, sequences, epochs=1, ids="tree", beam=1))
    histories = Sequences.of([[1, 2], [5], []])
    expected = fit.top(histories, k=8).items
    assert (expected < 0).any()
    loaded = trainer().load(tmp_path / "one", items, {})
    assert np.array_equal(loaded.top(histories, k=8).items, expected)
    same = Refresh(items, sequences, items, tmp_path / "one", tmp_path / "same")
    assert np.array_equal(trainer().refresh(same).top(histories, k=8).items, expected)
    changed = Items.of([*items.rows, Item("new", "soap number 99", (("kind", "soap"),))])
    trainer().adapt(tmp_path / "one", changed, tmp_path / "two")
    assert Checkpoint.load(tmp_path / "two" / MODEL, changed).beam == 1


def test_a_checkpoint_that_names_no_beam_is_searched_with_the_usual_one(
    saved: tuple[str, Path, Items], tmp_path: Path
) -> None:
    _, folder, items = saved
    copied = shutil.copytree(folder / MODEL, tmp_path / MODEL)
    said = json.loads((copied / CATALOGUE).read_text())
    assert said.pop("beam") == 20
    (copied / CATALOGUE).write_text(json.dumps(said))
    assert Checkpoint.load(copied, items).beam == 20


def test_each_step_of_a_beam_scores_as_reading_the_whole_row_does(saved: tuple[str, Path, Items]) -> None:
    _, folder, items = saved
    decoder = Checkpoint.load(folder / MODEL, items).decoder
    histories = Sequences.of([[1, 2, 3], [], [7]])
    prefixes = decoder.begin(histories)
    rows, lengths = token_rows(histories, decoder.ids)
    whole = [rows[r, : lengths[r]].tolist() for r in range(3)]
    every = np.arange(decoder.ids.vocabulary, dtype=np.int32)
    rng = np.random.default_rng(0)
    # A number of rows for each user that differs from step to step, one user left behind.
    for picked in ([0, 2], [0, 0, 1], [0, 0, 2, 2, 2]):
        picked_rows = np.array(picked)
        tokens = rng.integers(0, decoder.ids.spare, len(picked)).astype(np.int32)
        prefixes = prefixes.extend(picked_rows, tokens)
        whole = [[*whole[row], int(token) + 2] for row, token in zip(picked, tokens, strict=True)]
        ask = Ask(
            picked_rows,
            tokens,
            np.arange(len(picked)),
            np.full(len(picked), len(every)),
            np.tile(every, len(picked)),
        )
        found = prefixes.logits(ask).reshape(len(picked), -1)
        with torch.no_grad():
            for at, row in enumerate(whole):
                state = decoder.body(decoder.read[torch.tensor([row])])[0, -1]
                expected = (state @ decoder.chosen.T)[2:].numpy()
                assert np.allclose(found[at], expected, atol=1e-4)


def test_transformers_reads_it_as_a_llama_with_its_tokenizer(saved: tuple[str, Path, Items]) -> None:
    transformers = pytest.importorskip("transformers")
    _, folder, items = saved
    decoder = Checkpoint.load(folder / MODEL, items).decoder
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder / MODEL)
    assert type(theirs).__name__ == "LlamaForCausalLM"
    rows, _ = token_rows(Sequences.of([[4, 5, 6]]), decoder.ids)
    with torch.no_grad():
        logits = theirs(torch.from_numpy(rows)).logits[0]
        ours = decoder.body(decoder.read[torch.from_numpy(rows)])[0] @ decoder.chosen.T
    assert torch.allclose(logits, ours, atol=1e-4)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / MODEL)
    said = "<s> " + " ".join(f"t{token}" for item in (4, 5, 6) for token in decoder.ids.of(item))
    assert tokenizer(said, add_special_tokens=False)["input_ids"] == rows[0].tolist()


def test_a_checkpoint_of_another_catalogue_is_refused(saved: tuple[str, Path, Items]) -> None:
    name, folder, _ = saved
    with pytest.raises(BadInput, match=r"speaks of another catalogue: 20 items, hash \w+; this one has 21"):
        trainer(name).load(folder, catalogue(COUNT + 1), {})


def test_a_checkpoint_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no whole checkpoint"):
        Checkpoint.load(tmp_path)
    (tmp_path / CATALOGUE).write_text("{")
    with pytest.raises(BadInput, match="cannot be read"):
        Checkpoint.load(tmp_path)
    (tmp_path / CATALOGUE).write_text(json.dumps({"format": 99}))
    with pytest.raises(BadInput, match="has format 99; this version reads 1"):
        Checkpoint.load(tmp_path)


def test_a_changed_catalogue_needs_no_training(saved: tuple[str, Path, Items]) -> None:
    name, folder, items = saved
    before = GenerativeRanker(Checkpoint.load(folder / MODEL, items), name)
    new = Item("a new one", "soap number 4", (("kind", "soap"),))
    changed = Items.of([*(item for item in items.rows if item.id != "i07"), new])
    vectors = before.checkpoint.text
    place = {one: row for row, one in enumerate(items.ids)}
    text = np.stack([vectors[place.get(one, place["i04"])] for one in changed.ids])
    after = GenerativeRanker(before.checkpoint.adapted(changed, text), name)
    numbers = changed.numbers
    assert {after.checkpoint.ids.item(after.checkpoint.ids.of(n)) for n in range(COUNT)} == set(range(COUNT))
    # Nobody has had the new item, yet it is found where its like is; what left is not.
    old = before.top(Sequences.of([[items.numbers["i02"], items.numbers["i03"]]]), k=COUNT)
    found = after.top(Sequences.of([[numbers["i02"], numbers["i03"]]]), k=COUNT)
    assert sorted(found.items[0].tolist()) == list(range(COUNT))
    assert "i07" in {items.ids[n] for n in old.items[0]}
    assert "i07" not in {changed.ids[n] for n in found.items[0]}
    if after.checkpoint.ids.own:
        scores = dict(zip(found.items[0].tolist(), found.scores[0].tolist(), strict=True))
        # All soaps have the same letters: it stands beside one of them.
        near = min(
            abs(scores[numbers["a new one"]] - scores[numbers[f"i{n:02}"]]) for n in range(0, COUNT, 4)
        )
        assert near < 1e-3


def test_an_adapted_checkpoint_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    items = catalogue(8)
    trainer().fit(training(tmp_path, items, walks(8, 40), epochs=2))
    changed = Items.of([*items.rows[1:], Item("zz", "brush number 9")])
    trainer().adapt(tmp_path, changed, tmp_path)
    with pytest.raises(BadInput, match="another catalogue"):
        trainer().load(tmp_path, items, {})
    assert trainer().load(tmp_path, changed, {}).top(Sequences.of([[0]]), k=8).items.min() == 0
    assert [each.name for each in tmp_path.iterdir()] == [MODEL]


@pytest.mark.parametrize("name", ["generative", "atomic"])
def test_a_catalogue_may_double_where_items_have_tokens_of_their_own(tmp_path: Path, name: str) -> None:
    items = catalogue(8)
    settings = {"ids": "hybrid"} if name == "generative" else {}
    trainer(name).fit(training(tmp_path, items, walks(8, 40), epochs=2, **settings))
    more = Items.of([*items.rows, *(Item(f"x{n:02}", f"brush number {n}") for n in range(20))])
    trainer(name).adapt(tmp_path, more, tmp_path)
    ranker = trainer(name).load(tmp_path, more, {})
    assert sorted(ranker.top(Sequences.of([[0]]), k=28).items[0].tolist()) == list(range(28))
    config = json.loads((tmp_path / MODEL / "config.json").read_text())
    decoder = Checkpoint.load(tmp_path / MODEL, more).decoder
    assert config["vocab_size"] == len(decoder.read) == len(decoder.chosen)
