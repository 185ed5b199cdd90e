"""Rankings and scores are those of an index of nothing but what the reader may read."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.qdrant_edge import shards
from connectors.sql import SqlConversations, SqlDocumentNames, SqlDocuments
from connectors.sql.knowledge import SqlKnowledge
from orchestrator import Question, Workflow, fuse, workflow
from orchestrator.application.workflow_files import load_workflow
from orchestrator.models.null import NullModel
from orchestrator.nodes import (
    GraphSearch,
    Interpolate,
    MaxSim,
    Mmr,
    Retrieve,
    RetrieveLate,
    Rm3,
    RocchioTerms,
    SemanticCompression,
    TitleMentionBoost,
    VectorFeedback,
    convex,
    rrf,
)
from orchestrator.ports import (
    Conversations,
    DocumentNames,
    DocumentRow,
    Documents,
    Embedder,
    KnowledgeStore,
    LanguageModel,
    Lexical,
    SparseEncoder,
    TokenEmbedder,
    VectorStore,
)
from orchestrator.testing.late_interaction import directions
from orchestrator.testing.vector_store import dense
from orchestrator.testing.vectors import DIMENSIONS, WordEmbedder, document
from orchestrator.types import Principal
from orchestrator.vector_stores.exact_products import passage_weights, query_weights
from tests.connectors.qdrant_edge.index import ENCODER, LATE, EdgeIndex

pytestmark = pytest.mark.slow

LABELS = ("public", "staff", "board")
WORDS = "otter river badger sett owl night About d1 d2 d3".split()
QUESTIONS = ("badger owl otter", "night sett About d1. otter river?")
READERS = tuple(Principal(grants=frozenset(one)) for one in ({"public"}, {"staff"}, {"public", "board"}))


class WordTokens:
    """The `TokenEmbedder` port by `directions`."""

    name = "words"
    dimensions = DIMENSIONS

    async def embed_tokens(self, texts: Sequence[str], *, kind: str) -> list[Any]:
        return [directions(text) for text in texts]


def workflows() -> list[Workflow]:
    """Every kind of ranking: each leg, each fusion, feedback, boosts, selection, shipped workflows."""
    bm25, meaning = Retrieve(k=6, pool=6, mode="bm25"), Retrieve(k=6, pool=6, mode="dense")
    terms, both = bm25.writing("sparse"), meaning.writing("dense")
    found = Retrieve(k=8, pool=8)
    plans: dict[str, Any] = {
        "bm25": bm25,
        "dense": meaning,
        **{fusion: Retrieve(k=6, pool=6, fusion=fusion) for fusion in ("anchored", "rrf", "convex", "dbsf")},
        "fused-rrf": fuse(bm25 | meaning, by=rrf(60)),
        "fused-convex": fuse(bm25 | meaning, by=convex()),
        "interpolated": terms >> both >> Interpolate(),
        "rm3": found >> Rm3(docs=3) >> bm25,
        "rocchio": found >> RocchioTerms(docs=3) >> bm25,
        "vector-feedback": found >> VectorFeedback(docs=3) >> meaning,
        "titles": found >> TitleMentionBoost(),
        "graph": found >> GraphSearch(sources=2),
        "mmr": found >> Mmr(k=5),
        "compression": found >> SemanticCompression(k=4, hops=1),
        "max-sim": found >> MaxSim(k=5),
        "late": RetrieveLate(k=5, first=None),
        "late-first": RetrieveLate(k=3, first=4),
    }
    shipped = [load_workflow(name) for name in ("search", "hybrid", "chat")]
    return [*(workflow(name, plan) for name, plan in plans.items()), *shipped]


def ports(index: EdgeIndex) -> dict[Any, Any]:
    return {
        VectorStore: index.store(),
        Documents: SqlDocuments(index.database, "default"),
        DocumentNames: SqlDocumentNames(index.database, "default"),
        KnowledgeStore: SqlKnowledge(index.database, "default"),
        Conversations: SqlConversations(index.database),
        Embedder: WordEmbedder(),
        TokenEmbedder: WordTokens(),
        SparseEncoder: ENCODER,
        LanguageModel: NullModel(),
    }


async def rankings(index: EdgeIndex, readers: Sequence[Principal]) -> dict[tuple[str, ...], Any]:
    """What every workflow gives every reader for every question."""
    given = ports(index)
    return {
        (flow.name, question, *sorted(reader.grants)): (
            await flow.run(Question(question, reader), ports=given)
        ).output
        for flow in workflows()
        for question in QUESTIONS
        for reader in readers
    }


def row(chance: random.Random, number: int) -> DocumentRow:
    """A document of random words and labels, now and then of a text that others have, too."""
    texts = [" ".join(chance.choices(WORDS, k=chance.randint(1, 6))) for _ in range(chance.randint(1, 2))]
    labels = chance.sample(LABELS, chance.choice([1, 1, 2]))
    return document(f"d{number}", *texts, labels=tuple(sorted(labels)))


def lived(index: EdgeIndex, chance: random.Random, steps: int) -> dict[str, DocumentRow]:
    """Publish, edit, relabel, remove and merge at random; the documents that are left."""
    alive: dict[str, DocumentRow] = {}
    for _ in range(steps):
        act = chance.choice(["publish", "publish", "publish", "relabel", "remove", "merge"])
        if act == "publish" or not alive:
            rows = [row(chance, number) for number in chance.sample(range(24), chance.randint(3, 8))]
            index.publish(*rows)
            alive |= {one.id: one for one in rows}
        elif act == "relabel":
            chosen = chance.sample(sorted(alive), min(2, len(alive)))
            rows = [alive[one] for one in chosen]
            labels = tuple(sorted(chance.sample(LABELS, chance.choice([1, 2]))))
            rows = [replace(one, labels=labels) for one in rows]
            index.relabel(*rows)
            alive |= {one.id: one for one in rows}
        elif act == "remove":
            gone = alive.pop(chance.choice(sorted(alive)))
            index.publish(removed=(gone,))
        else:
            index.merge()
    return alive


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 7))
def test_nothing_that_a_reader_may_not_read_changes_a_ranking_or_a_score(seed: int, steps: int) -> None:
    chance = random.Random(seed)
    with TemporaryDirectory() as folder, closing(EdgeIndex(Path(folder) / "whole", LATE)) as whole:
        alive = lived(whole, chance, steps)
        assert not [fault for fault in whole.registry.verify("default") if "statistics" in fault]
        for number, reader in enumerate(READERS):
            readable = [one for one in alive.values() if not reader.grants.isdisjoint(one.labels)]
            with closing(EdgeIndex(Path(folder) / str(number), LATE)) as alone:
                if readable:
                    alone.publish(*readable)
                expected = asyncio.run(rankings(alone, [reader]))
                assert asyncio.run(rankings(whole, [reader])) == expected


@pytest.mark.parametrize("merged", [False, True])
def test_a_graph_over_others_passages_changes_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, merged: bool
) -> None:
    monkeypatch.setattr(shards, "GRAPH_FROM", 100)
    monkeypatch.setattr(shards, "SCAN_UP_TO", 50)
    chance = random.Random(1)
    texts = [" ".join(chance.choices([*WORDS, f"w{n}"], k=5)) for n in range(600)]
    rows = [document(f"d{n}", text, labels=(LABELS[n % 3],)) for n, text in enumerate(texts)]
    reader = READERS[0]
    with closing(EdgeIndex(tmp_path / "whole")) as whole, closing(EdgeIndex(tmp_path / "alone")) as alone:
        whole.publish(*rows[:300])
        whole.publish(*rows[300:])
        if merged:
            whole.merge()
        alone.publish(*rows[::3])
        for question in QUESTIONS:
            searches = [Lexical(question), dense(question)]
            given = [
                asyncio.run(index.store().search(searches, principal=reader, limit=30))
                for index in (whole, alone)
            ]
            (terms, meaning), (own_terms, own_meaning) = given
            assert terms == own_terms
            scores = {hit.id: hit.score for hit in own_meaning}
            shared = [hit for hit in meaning if hit.id in scores]
            assert len(shared) > 15
            assert all(hit.score == scores[hit.id] for hit in shared)


def test_sums_are_exact_in_any_order() -> None:
    chance = np.random.default_rng(0)
    for _ in range(300):
        terms = int(chance.integers(1, 200))
        asked = query_weights(dict(enumerate(chance.gamma(1.0, 5.0, terms).tolist())))
        passage = passage_weights((chance.random(terms) * 2.2).tolist())
        products = np.array([asked[n] for n in range(terms)], np.float32) * np.array(passage, np.float32)
        exact = math.fsum(asked[n] * passage[n] for n in range(terms))
        for order in (np.arange(terms), chance.permutation(terms)):
            total = np.float32(0)
            for product in products[order]:
                total += product
            assert float(total) == exact
