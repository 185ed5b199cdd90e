"""Stored reformulations replay; what they lack, or hold too much of, is refused or counted."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import ANONYMOUS, Queries, Question, workflow
from orchestrator.application.application import Application
from orchestrator.errors import BadInput
from orchestrator.graph.run.result import RunResult
from orchestrator.nodes import Retrieve, StoredReformulations
from orchestrator.nodes.query.stored_reformulations import query_texts, stored_texts, without_repeats
from orchestrator.ports import Embedder
from orchestrator.types import Query
from tests.nodes.shelf import given_queries, names, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED = "old ships"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    async with shelf(tmp_path_factory.mktemp("recorded")) as application:
        yield application


def files(folder: Path, stored: str, queries: dict[str, str] | None = None) -> tuple[Path, Path]:
    asked = queries or {"1": ASKED, "2": "What do whales eat?"}
    (folder / "stored.tsv").write_bytes(stored.encode())
    (folder / "queries.jsonl").write_text(
        "\n".join(json.dumps({"_id": one, "text": text}) for one, text in asked.items())
    )
    return folder / "stored.tsv", folder / "queries.jsonl"


async def run(app: Application, steps: Any, text: str = ASKED) -> RunResult:
    return await workflow("recorded", steps).run(Question(text, ANONYMOUS), ports=app.ports())


async def test_a_stored_text_is_searched_with_its_repeated_terms(app: Application, tmp_path: Path) -> None:
    made = StoredReformulations(*files(tmp_path, f"1\t{ASKED} {ASKED} frigate guns frigate\n2\tkrill\n"))
    (query,) = (await run(app, made)).output.queries
    assert query == Query(ASKED, terms=(("old", 2.0), ("ships", 2.0), ("frigate", 2.0), ("guns", 1.0)))
    found = await run(app, made >> Retrieve(mode="bm25"))
    assert (await names(app, found.output))[0] == "frigates"


async def test_the_vector_is_the_mean_of_the_question_and_what_was_written(
    app: Application, tmp_path: Path
) -> None:
    stored = f"1\t{ASKED} {ASKED} A frigate carried guns. It had a crew.\n"
    made = StoredReformulations(*files(tmp_path, stored), vector=True)
    (query,) = (await run(app, made)).output.queries
    texts = [ASKED, "A frigate carried guns.", "It had a crew."]
    mean = (await app.container.get(Embedder).embed(texts, kind="query")).mean(axis=0)
    assert np.allclose(query.vector, mean / np.linalg.norm(mean), atol=1e-6)


async def test_other_queries_stay_behind_the_first(app: Application, tmp_path: Path) -> None:
    made = StoredReformulations(*files(tmp_path, "1\tfrigate\n"))
    asked = Queries((Query(ASKED, weight=2.0, vector=(1.0,)), Query("otters")))
    queries = (await run(app, given_queries(asked) >> made)).output.queries
    assert queries == (Query(ASKED, 2.0, (("frigate", 1.0),), (1.0,)), Query("otters"))


async def test_a_question_without_a_stored_text_is_refused(app: Application, tmp_path: Path) -> None:
    made = StoredReformulations(*files(tmp_path, "1\tfrigate\n"))
    with pytest.raises(
        BadInput, match=r"stored\.tsv has no reformulation of this query: 'What do whales eat"
    ):
        await run(app, made, "What do whales eat?")


async def test_or_it_is_asked_as_it_is_and_the_run_says_so(app: Application, tmp_path: Path) -> None:
    made = StoredReformulations(*files(tmp_path, "1\tfrigate\n"), unknown="keep")
    result = await run(app, made, "What do whales eat?")
    assert result.output == Queries((Query("What do whales eat?"),))
    assert result.degraded == ("stored.tsv has no reformulation of this query: it is asked as it is.",)


async def test_a_stored_text_of_no_query_is_refused_or_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored, queries = files(tmp_path, "1\tfrigate\n7\tkrill\n9\twhales\n")
    with pytest.raises(
        BadInput, match=r"has 2 reformulations of queries that .*queries.jsonl lacks \(7, 9\)"
    ):
        StoredReformulations(stored, queries)
    with caplog.at_level(logging.WARNING):
        StoredReformulations(stored, queries, unknown="keep")
    assert "has 2 reformulations" in caplog.text
    other = files(tmp_path, "7\tfrigate\n")
    with pytest.raises(BadInput, match="has 1 reformulations"):
        StoredReformulations(*other, unknown="keep")


async def test_equal_questions_need_equal_texts(tmp_path: Path) -> None:
    asked = {"1": ASKED, "2": ASKED}
    assert StoredReformulations(*files(tmp_path, "1\tfrigate\n2\tfrigate\n", asked)).written == {
        ASKED: "frigate"
    }
    with pytest.raises(BadInput, match="two reformulations of one question, the second under the id '2'"):
        StoredReformulations(*files(tmp_path, "1\tfrigate\n2\tkrill\n", asked))


async def test_nodes_over_other_texts_are_other_nodes(tmp_path: Path) -> None:
    first = StoredReformulations(*files(tmp_path, "1\tfrigate\n"))
    assert StoredReformulations(*files(tmp_path, "1\tfrigate\n")) == first
    assert StoredReformulations(*files(tmp_path, "1\tkrill\n")) != first
    with pytest.raises(BadInput, match="has changed since the node was made"):
        StoredReformulations(first.file, first.queries, digest=first.digest)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ("", "has no reformulation in it"),
        ("\n\n", "has no reformulation in it"),
        ("1 frigate\n", "line 1: has 1 fields, and a query id and a text were expected"),
        ("1\tfrigate\tguns\n", "line 1: has 3 fields"),
        ("1\tfrigate\n2\t \n", "line 2: the text is empty"),
        ("\tfrigate\n", "line 1: the query id is empty"),
        ("1\tfrigate\n1\tguns\n", "line 2: the query '1' is there twice"),
        ('1\t"frigate" guns\n', "is no table of a query id and a text a line"),
        ('1\t"frigate', "is no table of a query id and a text a line"),
    ],
)
async def test_a_file_that_is_no_table_is_refused_with_its_line(
    tmp_path: Path, stored: str, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        StoredReformulations(*files(tmp_path, stored))


async def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    stored, queries = files(tmp_path, "1\tfrigate\n")
    with pytest.raises(BadInput, match="There is no file"):
        StoredReformulations(tmp_path / "other.tsv", queries)
    with pytest.raises(BadInput, match="cannot be read"):
        StoredReformulations(tmp_path, queries)
    stored.write_bytes(b"1\t\xff\xfe\n")
    with pytest.raises(BadInput, match="byte 2 is not UTF-8"):
        StoredReformulations(stored, queries)


async def test_queries_are_read_from_a_table_as_well(tmp_path: Path) -> None:
    (tmp_path / "queries.tsv").write_text(f"1\t{ASKED}\n")
    assert query_texts(tmp_path / "queries.tsv") == {"1": ASKED}
    (tmp_path / "queries.jsonl").write_text('{"_id": "1", "text": "a"}\n{"_id": "1", "text": "b"}\n')
    with pytest.raises(BadInput, match="line 2: the query '1' is there twice"):
        query_texts(tmp_path / "queries.jsonl")


async def test_what_was_written_is_what_follows_the_copies_of_the_question() -> None:
    assert without_repeats("old ships", "old ships  old\nships frigates of old") == "frigates of old"
    assert without_repeats("old ships", "frigates old ships") == "frigates old ships"
    assert without_repeats("old ships", "old ships old ships") == ""
    assert without_repeats("", "anything") == "anything"


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(
    lambda text: bool(text.strip())
)


@given(st.dictionaries(st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), texts, min_size=1))
async def test_tables_that_are_written_are_read(
    tmp_path_factory: pytest.TempPathFactory, written: dict[str, str]
) -> None:
    made = io.StringIO(newline="")
    csv.writer(made, delimiter="\t").writerows(written.items())
    path = tmp_path_factory.mktemp("table") / "stored.tsv"
    path.write_bytes(made.getvalue().encode())
    assert stored_texts(path) == {one: text.strip() for one, text in written.items()}
