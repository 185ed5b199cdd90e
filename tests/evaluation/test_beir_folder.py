"""Data sets in BEIR's layout: what is wrong with one is refused, or counted and said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadInput
from orchestrator.evaluation import beir
from orchestrator.evaluation.datasets import LONG_QUERY
from tests.evaluation.sets import DOCUMENTS, QUERIES, write_beir, write_lines


def remarks(folder: Path, **named: Any) -> dict[str, int]:
    """How often each remark was made."""
    return {remark.what: remark.count for remark in beir(folder, **named).remarks}


def test_a_sound_set_is_read_without_a_remark(tmp_path: Path) -> None:
    data = beir(write_beir(tmp_path / "pets"))
    assert data.name == "pets"
    assert data.queries == QUERIES
    assert data.qrels["q3"] == {"d4": 1, "d 5": 0}
    assert data.corpus.ids == set(DOCUMENTS)
    assert [record.text for record in data.corpus.records()] == list(DOCUMENTS.values())
    assert data.remarks == ()


def test_the_fingerprint_changes_with_corpus_queries_and_judgements(tmp_path: Path) -> None:
    same = beir(write_beir(tmp_path / "a")).fingerprint
    assert beir(write_beir(tmp_path / "b")).fingerprint == same
    changed = [
        write_beir(tmp_path / "c", corpus=[{"_id": name, "text": "new"} for name in DOCUMENTS]),
        write_beir(tmp_path / "d", queries=[{"_id": "q1", "text": "other"}], qrels=["q1\td1\t2"]),
        write_beir(tmp_path / "e", qrels=["q1\td1\t1"]),
    ]
    assert len({same, *(beir(folder).fingerprint for folder in changed)}) == 4


def test_tabs_and_line_breaks_in_a_text_are_text(tmp_path: Path) -> None:
    corpus = [{"_id": "d1", "title": "a\tb", "text": "c\td\ne"}]
    queries = [{"_id": "q1", "text": "what\tis\nthis"}]
    data = beir(write_beir(tmp_path, corpus=corpus, queries=queries, qrels=["q1\td1\t1"]))
    assert next(data.corpus.records()) == ("d1", "a\tb", "c\td\ne")
    assert data.queries == {"q1": "what\tis\nthis"}
    assert data.remarks == ()


@pytest.mark.parametrize(
    ("parts", "remark", "count"),
    [
        ({"qrels": ["q1\td1\t1", "q1\tnowhere\t1"]}, "a judged document is not in the corpus", 1),
        ({"qrels": ["q1\td1\t1"]}, "a query has no judgement", 2),
        ({"qrels": ["q1\td1\t1", "q9\td1\t1"]}, "judgements name a query that does not exist", 1),
        ({"qrels": ["q1\td1\t1", "q1\td1\t1"]}, "a judgement is there twice", 1),
        ({"qrels": ["q1\td1\t0"]}, "a query has no relevant document", 1),
        ({"queries": [{"_id": "q1", "text": " "}]}, "a judged query is empty", 1),
        ({"queries": [{"_id": "q1", "text": "a"}, {"_id": "q1", "text": "a"}]}, "a query is there twice", 1),
        ({"queries": [{"_id": "q1", "text": "a " * 100_000}]}, f"a query is longer than {LONG_QUERY}", 1),
        (
            {"corpus": [{"_id": "d1", "text": "a"}, {"_id": "d1", "text": "a"}], "qrels": ["q1\td1\t1"]},
            "a document is there twice",
            1,
        ),
        (
            {"corpus": [{"_id": "d1", "text": "a"}, {"_id": "d2", "text": ""}], "qrels": ["q1\td1\t1"]},
            "a document is empty",
            1,
        ),
    ],
)
def test_what_can_move_a_score_is_counted(
    tmp_path: Path, parts: dict[str, Any], remark: str, count: int
) -> None:
    found = remarks(write_beir(tmp_path, **parts))
    assert {what: number for what, number in found.items() if what.startswith(remark)} != {}
    assert next(number for what, number in found.items() if what.startswith(remark)) == count


def test_a_document_that_is_there_twice_is_read_once(tmp_path: Path) -> None:
    corpus = [{"_id": "d1", "text": "a"}, {"_id": "d1", "text": "a"}, {"_id": "d2", "text": "b"}]
    data = beir(write_beir(tmp_path, corpus=corpus, qrels=["q1\td1\t1"]))
    assert [record.id for record in data.corpus.records()] == ["d1", "d2"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"corpus": ["{"]}, "corpus.jsonl line 1: is not JSON"),
        ({"corpus": ["[]"]}, "line 1: is a JSON list, not an object"),
        ({"corpus": ["[" * 100_000]}, "line 1: is not JSON"),
        ({"corpus": [{"text": "a"}]}, "line 1: has no usable _id (found None)"),
        ({"corpus": [{"_id": "", "text": "a"}]}, "line 1: has the _id '', which is empty"),
        (
            {"corpus": [{"_id": "a\tb", "text": "a"}]},
            "which is empty or has a tab, line break or half a character",
        ),
        ({"corpus": [{"_id": "a\0", "text": "a"}]}, "has a tab, line break or half a character"),
        ({"corpus": [{"_id": "\ud800", "text": "a"}]}, "has a tab, line break or half a character"),
        ({"corpus": [{"_id": True, "text": "a"}]}, "has no usable _id (found True)"),
        ({"corpus": [{"_id": "d1"}]}, "line 1: 'text' is missing"),
        ({"corpus": [{"_id": "d1", "text": 5}]}, "line 1: 'text' is a int"),
        ({"corpus": []}, "its corpus has no documents"),
        (
            {"corpus": [{"_id": "d1", "text": "a"}, {"_id": "d1", "text": "b"}]},
            "two different documents have the id 'd1'",
        ),
        (
            {"queries": [{"_id": "q1", "text": "a"}, {"_id": "q1", "text": "b"}]},
            "two different queries have the id 'q1'",
        ),
        ({"qrels": ["q1\td1\tgood"]}, "test.tsv line 2: has the grade 'good'"),
        ({"qrels": ["q1\td1\t0.5"]}, "has the grade '0.5'"),
        ({"qrels": ["q1\td1\tnan"]}, "has the grade 'nan'"),
        ({"qrels": ["q1 d1 1 1 1"]}, "line 2: has 5 fields"),
        ({"qrels": ["q1\td1\t1", "q1\td1\t2"]}, "line 3: grades document 'd1' of query 'q1' 2"),
        ({"qrels": ["other\td1\t1"]}, "none of its 3 queries has a judgement"),
        ({"qrels": ["q1\tnowhere\t1"]}, "none of the 1 judged documents is in the corpus"),
    ],
)
def test_what_makes_scores_meaningless_is_refused(
    tmp_path: Path, parts: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput) as raised:
        beir(write_beir(tmp_path, **parts))
    assert message in str(raised.value)


def test_bytes_that_are_no_text_are_refused_by_their_place(tmp_path: Path) -> None:
    write_beir(tmp_path)
    (tmp_path / "corpus.jsonl").write_bytes(b'{"_id": "d1", "text": "a"}\n{"_id": "\xff"}\n')
    with pytest.raises(BadInput, match=r"corpus.jsonl line 2: byte 9 is not UTF-8"):
        beir(tmp_path)


def test_a_folder_that_is_no_data_set_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"it has no corpus.jsonl and no queries.jsonl"):
        beir(tmp_path)


def test_the_split_is_test_or_the_only_one_or_the_named_one(tmp_path: Path) -> None:
    folder = write_beir(tmp_path, qrels=["q1\td1\t1"], split="dev")
    assert set(beir(folder).queries) == {"q1"}
    write_lines(folder / "qrels" / "train.tsv", ["q2\td3\t1"])
    with pytest.raises(BadInput, match=r"splits there: dev, train"):
        beir(folder)
    assert set(beir(folder, split="train").queries) == {"q2"}
    write_lines(folder / "qrels" / "test.tsv", ["q3\td4\t1"])
    assert set(beir(folder).queries) == {"q3"}


def test_judgements_without_a_heading_lose_no_line(tmp_path: Path) -> None:
    folder = write_beir(tmp_path)
    write_lines(folder / "qrels" / "test.tsv", ["q1\td1\t1", "q2\td3\t1"])
    assert set(beir(folder).qrels) == {"q1", "q2"}


def test_blanks_around_an_id_are_no_part_of_it(tmp_path: Path) -> None:
    corpus = [{"_id": " d1", "text": "a"}, {"_id": 2, "text": "b"}]
    data = beir(
        write_beir(tmp_path, corpus=corpus, queries=[{"_id": "q1 ", "text": "a"}], qrels=["q1\td1 \t1"])
    )
    assert data.corpus.ids == {"d1", "2"}
    assert data.qrels == {"q1": {"d1": 1}}
    assert data.remarks == ()


def test_aspects_are_read_from_their_own_file(tmp_path: Path) -> None:
    folder = write_beir(tmp_path)
    write_lines(folder / "aspects" / "test.tsv", ["q1\tpet\td1\t1", "q1\tplace\td1\t1", "q1\tpet\td2\t1"])
    assert beir(folder).aspects == {"q1": {"pet": {"d1": 1, "d2": 1}, "place": {"d1": 1}}}


def test_a_part_of_the_queries_keeps_their_judgements(tmp_path: Path) -> None:
    data = beir(write_beir(tmp_path)).only(lambda query: query != "q2")
    assert set(data.queries) == set(data.qrels) == {"q1", "q3"}


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1, max_size=5))
def test_any_text_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    usable = {
        name: text
        for name, text in texts.items()
        if name and name == name.strip() and not any(mark in name for mark in "\t\n\r\0")
    }
    corpus = [{"_id": name, "text": text} for name, text in usable.items()]
    if corpus:
        data = beir(
            write_beir(
                folder,
                corpus=corpus,
                queries=[{"_id": "q", "text": "t"}],
                qrels=[f"q\t{next(iter(usable))}\t1"],
            )
        )
        assert {record.id: record.text for record in data.corpus.records()} == usable
