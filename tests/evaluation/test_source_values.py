"""Data importance: exact expectations and gradients, and a planted bad source that is found."""

from __future__ import annotations

import json
from itertools import product
from math import log2, prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator import ANONYMOUS, Question, workflow
from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.errors import BadInput
from orchestrator.evaluation import beir
from orchestrator.evaluation.multilinear import Ranked, ascended, expected_ndcg
from orchestrator.evaluation.reweighting import STEPS, descent, reweighted, weighed_ndcg
from orchestrator.evaluation.source_values import Method, learned_weights, value_sources
from orchestrator.indexing.indexer import Indexer
from orchestrator.nodes import Retrieve, WeighSources
from orchestrator.settings import Settings
from tests.evaluation.sets import write_beir, write_lines


def ndcg(one: Ranked, kept: tuple[int, ...], k: int) -> float:
    """By its definition, of what is left of a ranking."""
    left = [gain for source, gain in zip(one.sources, one.gains, strict=True) if kept[source]]
    return sum(gain / log2(place + 2) for place, gain in enumerate(left[:k])) / one.ideal


_DOCUMENTS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.0, 1.0, 2.0])), max_size=9)
_WEIGHTS = st.lists(st.floats(0, 1), min_size=4, max_size=4)


@settings(deadline=None)
@given(_DOCUMENTS, _WEIGHTS, st.integers(1, 5))
def test_the_expectation_is_that_over_all_choices_of_sources(
    documents: list[tuple[int, float]], weights: list[float], k: int
) -> None:
    one = Ranked(tuple(s for s, _ in documents), tuple(g for _, g in documents), 3.0)
    at = np.array(weights)
    chance = {
        kept: prod(w if keep else 1 - w for w, keep in zip(weights, kept, strict=True))
        for kept in product((0, 1), repeat=4)
    }
    values, slopes = expected_ndcg([one], at, k=k)
    assert values[0] == pytest.approx(sum(p * ndcg(one, kept, k) for kept, p in chance.items()), abs=1e-12)
    for source in range(4):
        with_it, without = at.copy(), at.copy()
        with_it[source], without[source] = 1.0, 0.0
        # Linear in each weight: the gradient is the difference between having and not having it.
        difference = expected_ndcg([one], with_it, k=k)[0][0] - expected_ndcg([one], without, k=k)[0][0]
        assert slopes[0, source] == pytest.approx(difference, abs=1e-12)


def test_ascent_ends_where_the_harmful_source_is_out() -> None:
    # Source 1 pushes the relevant documents of source 0 down; source 2 neither helps nor harms.
    rankings = [Ranked((1, 1, 0, 2), (0.0, 0.0, 1.0, 0.0), 1.0)] * 3
    weights, _ = ascended(rankings, 3, k=10)
    assert weights[:2].tolist() == [1.0, 0.0]
    assert expected_ndcg(rankings, weights)[0].tolist() == [1.0] * 3


@pytest.mark.slow
@pytest.mark.parametrize("method", ["prune", "reweight"])
def test_chance_alone_lowers_no_weight(method: Method) -> None:
    random = np.random.default_rng(1)
    rankings = [
        Ranked(
            tuple(random.integers(0, 6, 20).tolist()),
            tuple((random.random(20) < 0.1).astype(float)),
            1.0,
            tuple(sorted(random.random(20), reverse=True)),
        )
        for _ in range(60)
    ]
    weights, values = learned_weights(rankings, [f"s{n}" for n in range(6)], method=method)
    assert weights.min() == 1.0
    assert [one.value.mean for one in values] == sorted(one.value.mean for one in values)


@given(_DOCUMENTS, st.lists(st.sampled_from([0.0, 1.0]), min_size=4, max_size=4), st.integers(1, 5))
def test_weights_of_nought_and_one_are_leaving_out_and_keeping(
    documents: list[tuple[int, float]], weights: list[float], k: int
) -> None:
    falling = tuple(float(len(documents) - place) for place in range(len(documents)))
    one = Ranked(tuple(s for s, _ in documents), tuple(g for _, g in documents), 3.0, falling)
    at = np.array(weights)
    assert weighed_ndcg([one], at, k=k) == pytest.approx(expected_ndcg([one], at, k=k)[0])


def test_a_weight_scales_the_scores_of_its_source() -> None:
    one = Ranked((0, 1, 1), (0.0, 1.0, 0.0), 1.0, (1.0, 0.9, 0.8))
    assert weighed_ndcg([one], np.array([0.95, 1.0])).tolist() == [1 / log2(3)]
    assert weighed_ndcg([one], np.array([0.85, 1.0])).tolist() == [1.0]


@pytest.mark.slow
def test_a_source_with_good_and_bad_in_it_is_lowered_and_not_left_out() -> None:
    # Three questions of four are answered below source 1's junk, the fourth by source 1 alone.
    junk = Ranked((1, 1, 0, 0), (0.0, 0.0, 1.0, 0.0), 1.0, (1.0, 0.99, 0.9, 0.1))
    good = Ranked((1, 0, 0, 0), (1.0, 0.0, 0.0, 0.0), 1.0, (1.0, 0.4, 0.2, 0.1))
    rankings = [junk, junk, junk, good] * 10
    weights = reweighted(rankings, 2)
    assert 0.4 < weights[1] < 0.9
    assert weights[0] == 1.0
    assert weighed_ndcg(rankings, weights).tolist() == [1.0] * 40
    assert expected_ndcg(rankings, np.array([1.0, 0.0]))[0].mean() == 0.75


def test_the_way_down_ends_where_nothing_is_to_be_gained() -> None:
    harmless = [Ranked((0, 1), (1.0, 0.0), 1.0, (2.0, 1.0))] * 3
    assert descent(harmless, 2).tolist() == [[1.0, 1.0]] * (STEPS + 1)
    harmful = [Ranked((1, 0), (0.0, 1.0), 1.0, (2.0, 1.0))] * 3
    assert descent(harmful, 2)[-1].tolist() == [1.0, 0.0]
    assert descent(harmful, 2)[3].tolist() == pytest.approx([1.0, 0.7])


ANIMALS = (
    "otter badger heron trout newt viper lynx wolf mole stoat hare kite crane toad eel pike seal shrew adder"
    " boar goat deer swan carp raven robin finch ibex moose bison tapir llama"
).split()


@pytest.mark.slow
async def test_a_corrupted_source_is_found_and_left_out(tmp_path: Path) -> None:
    """Planted noise: a folder of copies whose titles are right and whose texts are of other animals."""
    data = beir(
        write_beir(
            tmp_path / "set",
            corpus=[{"_id": name, "title": name, "text": "x"} for name in ANIMALS],
            queries=[{"_id": f"q-{name}", "text": f"What does the {name} eat?"} for name in ANIMALS],
            qrels=[f"q-{name}\t{name}\t1" for name in ANIMALS],
        )
    )
    for folder in range(3):
        mine = [name for place, name in enumerate(ANIMALS) if place % 3 == folder]
        rows = [{"_id": n, "text": f"Notes from a field trip. The {n} eats what it finds."} for n in mine]
        write_lines(tmp_path / "docs" / f"good{folder}" / "a.jsonl", rows)
    wrong = [{"_id": f"copy-{n}", "text": f"What does the {n} eat? The {n} eats."} for n in ANIMALS]
    write_lines(tmp_path / "docs" / "bad" / "a.jsonl", wrong)
    async with Application(Settings(home=tmp_path / "home")) as app:
        await Indexer(indexing_context(app.container), settings=None).add(
            tmp_path / "docs", labels=["public"]
        )
        search = workflow("search", Retrieve(k=30, mode="bm25"))
        report = await value_sources(search, data, by="folder", ports=app.ports())
        assert [Path(name).name for name, _ in report.weights.weights] == ["bad"]
        assert Path(report.values[0].source).name == "bad"
        assert report.values[0].value.high < 0
        assert report.gain.low > 0.1
        assert report.learned + report.held_out == len(ANIMALS)
        assert "held out" in str(report)
        # What the weights say is what the node does.
        weighed = workflow("weighed", Retrieve(k=30, mode="bm25") >> WeighSources(report.weights, k=5))
        result = await weighed.run(Question("What does the otter eat?", ANONYMOUS), ports=app.ports())
        best = await app.ports()[_documents()].passages(result.output.ids, principal=ANONYMOUS)
        assert next(iter(best.values())).document == "otter"
        assert not any(passage.document.startswith("copy-") for passage in best.values())
        lowered = await value_sources(search, data, by="folder", method="reweight", ports=app.ports())
        assert [Path(name).name for name, _ in lowered.weights.weights] == ["bad"]
        assert lowered.gain.low > 0.1
        with pytest.raises(BadInput, match="By 'team', everything that is found is of one source"):
            await value_sources(search, data, by="team", ports=app.ports())
        few = data.only(lambda query: query in {"q-otter", "q-wolf"})
        with pytest.raises(BadInput, match="at least 10 queries"):
            await value_sources(search, few, by="folder", ports=app.ports())
        other = beir(
            write_beir(
                tmp_path / "other",
                corpus=[{"_id": f"other-{name}", "text": "x"} for name in ANIMALS],
                queries=[{"_id": f"q-{name}", "text": name} for name in ANIMALS],
                qrels=[f"q-{name}\tother-{name}\t1" for name in ANIMALS],
            )
        )
        with pytest.raises(BadInput, match="Nothing that other judges relevant is among the first 100 hits"):
            await value_sources(search, other, by="folder", ports=app.ports())


def _documents():
    from orchestrator.ports import Documents

    return Documents


def test_weights_are_kept_as_json(tmp_path: Path) -> None:
    from orchestrator.ranking.source_weights import SourceWeights

    given_ = SourceWeights("folder", (("a", 0.0), ("b", 0.5)))
    given_.save(tmp_path / "w.json")
    assert SourceWeights.load(tmp_path / "w.json") == given_
    (tmp_path / "w.json").write_text(json.dumps({"by": "folder", "weights": [["a", 3]]}))
    with pytest.raises(BadInput, match="'a' is 3"):
        SourceWeights.load(tmp_path / "w.json")
    with pytest.raises(BadInput, match="cannot be read"):
        SourceWeights.load(tmp_path / "absent.json")
