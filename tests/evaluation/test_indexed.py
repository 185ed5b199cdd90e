"""A data set becomes an index of its own, once; on the real store."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from orchestrator import ANONYMOUS, Application, Question, workflow
from orchestrator.errors import BadInput
from orchestrator.evaluation import beir, experiment
from orchestrator.evaluation.indexed import index_of, indexed, write_corpus
from orchestrator.nodes import Retrieve
from orchestrator.ports import Documents, Embedder, Features, IndexRegistry, SparseEncoder
from orchestrator.settings import Settings
from orchestrator.types import NOBODY, Filter
from tests.evaluation import sets as s

pytestmark = pytest.mark.slow


@pytest_asyncio.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    """One in an empty home."""
    async with Application(Settings(home=tmp_path / "home")) as opened:
        yield opened


bm25 = workflow("bm25", Retrieve(mode="bm25", k=10))
hybrid = workflow("hybrid", Retrieve(k=10))


async def test_a_set_is_indexed_on_first_use_and_found_again(
    application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = beir(s.write_beir(tmp_path / "pets"))
    report = await experiment([bm25, hybrid], data=data, metrics=["recall@5"], application=application)
    assert report.arms["bm25"].scores["recall@5"] == {"q1": 1.0, "q2": 1.0, "q3": 1.0}
    assert not any(arm.failures for arm in report.arms.values())
    # Rankings are of the documents' own ids, whatever passages are called.
    assert set(report.arms["bm25"].rankings["q1"].ids) <= set(s.DOCUMENTS)
    name = index_of(
        data, application.container.get(Embedder).name, application.container.get(SparseEncoder).name
    )
    assert [each.index for each in application.container.get(IndexRegistry).indexes()] == [name]
    # The same content under another name and place is the same index: nothing is indexed any more.
    monkeypatch.setattr(Application, "indexer", None)
    again = beir(s.write_beir(tmp_path / "elsewhere", qrels=["q1\td1\t1"]), name="pets")
    report = await experiment([bm25], data=again, application=application)
    assert report.queries == 1


async def test_an_indexing_that_was_stopped_is_made_whole(application: Application, tmp_path: Path) -> None:
    data = beir(s.write_beir(tmp_path / "pets"))
    name = index_of(
        data, application.container.get(Embedder).name, application.container.get(SparseEncoder).name
    )
    # As a kill leaves it: some of the documents are there, and nothing says that it is complete.
    part = application.settings.home / "evaluation" / name / "part-00000.jsonl"
    part.parent.mkdir(parents=True)
    part.write_text(json.dumps({"_id": "d1", "text": s.DOCUMENTS["d1"]}) + "\n")
    await application.indexer(name).add(part.parent)
    async with indexed(data, application):
        current = application.container.get(IndexRegistry).current(name)
    assert current is not None
    assert current.documents == len(s.DOCUMENTS)


async def test_another_corpus_is_another_index(application: Application, tmp_path: Path) -> None:
    one = beir(s.write_beir(tmp_path / "Pets & Co."))
    other = beir(
        s.write_beir(tmp_path / "b", corpus=[{"_id": "d1", "text": "x"}], qrels=["q1\td1\t1"]), name=one.name
    )
    names = {
        index_of(one, "a", "t"),
        index_of(other, "a", "t"),
        index_of(one, "b", "t"),
        index_of(one, "a", "u"),
    }
    assert len(names) == 4
    assert all(name.startswith("eval-pets-co-") for name in names)


ODD = ["a\u2028b", "zwölf", "x" * 300, "a/b#c", "spaces  inside", "../up", "%20", "😀", "e\u0301", "\u00e9"]


async def test_documents_with_odd_ids_are_found_under_their_ids(
    application: Application, tmp_path: Path
) -> None:
    corpus = [{"_id": name, "text": f"unicorn\tnumber{number}\n"} for number, name in enumerate(ODD)]
    queries = [{"_id": f"q{number}", "text": f"\tnumber{number}\n"} for number in range(len(ODD))]
    qrels = [f"q{number}\t{name}\t1" for number, name in enumerate(ODD)]
    data = beir(s.write_beir(tmp_path / "odd", corpus=corpus, queries=queries, qrels=qrels))
    report = await experiment([bm25], data=data, metrics=["recall@1"], application=application)
    assert set(report.arms["bm25"].scores["recall@1"].values()) == {1.0}


async def test_a_query_of_a_hundred_thousand_words_is_searched(
    application: Application, tmp_path: Path
) -> None:
    queries = [{"_id": "q1", "text": "cat mat " * 50_000}]
    data = beir(s.write_beir(tmp_path / "long", queries=queries))
    report = await experiment([bm25, hybrid], data=data, metrics=["mrr"], application=application)
    assert [arm.failures for arm in report.arms.values()] == [{}, {}]
    assert report.arms["bm25"].metrics["mrr"].mean == 1.0
    assert "longer than" in report.notes[0]


async def test_documents_without_a_word_do_not_stop_the_indexing(
    application: Application, tmp_path: Path
) -> None:
    corpus: list[Any] = [
        {"_id": "d1", "text": "a cat"},
        {"_id": "empty", "title": "", "text": " \n"},
        {"_id": "title only", "title": "A cat again", "text": ""},
    ]
    data = beir(s.write_beir(tmp_path / "a", corpus=corpus, qrels=["q1\td1\t1", "q1\tempty\t1"]))
    report = await experiment([bm25], data=data, application=application)
    assert set(report.arms["bm25"].rankings["q1"].ids) == {"d1", "title only"}
    assert report.arms["bm25"].scores["recall@100"] == {"q1": 0.5}


def test_a_corpus_is_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.evaluation.indexed.PART", 2)
    data = beir(s.write_beir(tmp_path / "pets"))
    folder = tmp_path / "parts"
    folder.mkdir()
    write_corpus(data, folder)
    parts = [file.read_text().splitlines() for file in sorted(folder.iterdir())]
    assert [len(part) for part in parts] == [2, 2, 1]
    assert [json.loads(line)["_id"] for part in parts for line in part] == list(s.DOCUMENTS)


async def test_a_set_that_cannot_be_indexed_is_refused(
    application: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.evaluation.indexed.write_corpus", lambda data, folder: None)
    with pytest.raises(BadInput, match=r"No document of the corpus of .* has a word"):
        await experiment([bm25], data=beir(s.write_beir(tmp_path / "pets")), application=application)


async def test_triples_and_hierarchy_are_kept_with_the_index(
    application: Application, tmp_path: Path
) -> None:
    folder = s.write_beir(tmp_path / "pets")
    s.write_lines(
        folder / "triples.jsonl",
        [{"_id": "d2", "entities": ["dog", "cat"], "triples": [["dog", "chased", "cat"]]}],
    )
    s.write_lines(folder / "hierarchy.jsonl", [{"_id": "d2", "path": ["animals", "pets"]}])
    async with indexed(beir(folder), application) as ports:
        result = await bm25.run(Question("dog", ANONYMOUS), ports=ports)
        found = await ports[Documents].passages(result.output.ids, principal=ANONYMOUS)
        ids = {passage.document: passage.id for passage in found.values()}
        metadata = dict(found[ids["d2"]].metadata)
        assert (metadata["hierarchy"], metadata["level_1"], metadata["level_2"]) == (
            "animals > pets",
            "animals",
            "pets",
        )
        kept = ports[Features]
        triples = await kept.read([ids["d2"], ids["d4"]], "triples", principal=ANONYMOUS)
        assert {one: json.loads(text) for one, text in triples.items()} == {
            ids["d2"]: [["dog", "chased", "cat"]]
        }
        assert await kept.read([ids["d2"]], "entities", principal=ANONYMOUS) == {ids["d2"]: "dog, cat"}
        assert await kept.read([ids["d2"]], "triples", principal=NOBODY) == {}
        filtered = replace(Question("dog", ANONYMOUS), filters=(Filter("level_1", ("animals",)),))
        assert (await bm25.run(filtered, ports=ports)).output.ids == (ids["d2"],)
    # Other triples take their place, without indexing anything again.
    s.write_lines(folder / "triples.jsonl", [{"_id": "d2", "triples": [["cat", "fled", "dog"]]}])
    async with indexed(beir(folder), application) as ports:
        again = await ports[Features].read([ids["d2"]], "triples", principal=ANONYMOUS)
        assert json.loads(again[ids["d2"]]) == [["cat", "fled", "dog"]]
