"""Files beside a corpus: hierarchies and triples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadInput
from orchestrator.evaluation import beir
from orchestrator.evaluation.side_files import Extracted, read_hierarchy, read_triples
from tests.evaluation.sets import write_beir, write_lines


def test_a_hierarchy_is_read_for_the_documents_there_are(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "pets")
    write_lines(
        folder / "hierarchy.jsonl",
        [{"_id": "d1", "path": ["pets", " cats "]}, {"_id": "d99", "path": ["pets"]}],
    )
    data = beir(folder)
    assert data.hierarchy == {"d1": ("pets", "cats")}
    assert [str(remark) for remark in data.remarks] == [
        "1 × hierarchy.jsonl places a document that is not in the corpus: it is left out (d99)"
    ]
    assert data.only(lambda query: query == "q1").hierarchy == data.hierarchy


def test_triples_are_read_a_document_a_line(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "triples.jsonl",
        [
            {"_id": 7, "entities": ["cat"], "triples": [["cat", "sat on", "mat"]]},
            {"_id": "e", "triples": []},
        ],
    )
    assert list(read_triples(tmp_path / "triples.jsonl")) == [
        Extracted("7", ("cat",), (("cat", "sat on", "mat"),)),
        Extracted("e", (), ()),
    ]


def test_a_document_without_a_place_is_counted(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "pets")
    write_lines(folder / "hierarchy.jsonl", [{"_id": "d1", "path": ["pets"]}, {"_id": "d2", "path": []}])
    data = beir(folder)
    assert data.hierarchy == {"d1": ("pets",)}
    assert [str(remark) for remark in data.remarks] == [
        "1 × hierarchy.jsonl has an empty path: the document has no place (d2)"
    ]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"path": ["a"]}, "has no usable _id"),
        ({"_id": "d"}, "has no usable path"),
        ({"_id": "d", "path": "a > b"}, "has no usable path"),
        ({"_id": "d", "path": ["a", ""]}, "has an empty level in its path"),
        ({"_id": "d", "path": ["a"] * 21}, "has a path of 21 levels"),
        ("[]", "is a JSON list, not an object"),
    ],
)
def test_a_line_that_is_no_place_is_refused(tmp_path: Path, entry: Any, message: str) -> None:
    write_lines(tmp_path / "hierarchy.jsonl", [entry])
    with pytest.raises(BadInput, match=rf"hierarchy\.jsonl line 1: {message}"):
        read_hierarchy(tmp_path / "hierarchy.jsonl")


def test_a_document_stands_in_one_place(tmp_path: Path) -> None:
    entries = [{"_id": "d", "path": ["a"]}, {"_id": "d", "path": ["a"]}, {"_id": "d", "path": ["b"]}]
    write_lines(tmp_path / "h.jsonl", entries[:2])
    assert read_hierarchy(tmp_path / "h.jsonl") == {"d": ("a",)}
    write_lines(tmp_path / "h.jsonl", entries)
    with pytest.raises(BadInput, match="line 3: places the document 'd' a second time"):
        read_hierarchy(tmp_path / "h.jsonl")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"_id": "d"}, "has no usable triples"),
        ({"_id": "d", "triples": "a"}, "has no usable triples"),
        ({"_id": "d", "triples": [], "entities": "a"}, "has no usable entities"),
        ({"_id": "one", "triples": []}, "has the document 'one' a second time"),
    ],
)
def test_a_line_without_triples_is_refused(tmp_path: Path, entry: Any, message: str) -> None:
    write_lines(tmp_path / "triples.jsonl", [{"_id": "one", "triples": []}, entry])
    with pytest.raises(BadInput, match=rf"triples\.jsonl line 2: {message}"):
        list(read_triples(tmp_path / "triples.jsonl"))


def test_triples_that_are_none_are_counted(tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "pets")
    none: list[Any] = [["a", "b"], ["a", "b", 3], ["a", "", "c"], "abc", ["a", "b", "c", "d"]]
    write_lines(folder / "triples.jsonl", [{"_id": "d1", "triples": [["cat", "sat on", "mat"], *none]}])
    (found,) = read_triples(folder / "triples.jsonl")
    assert found == Extracted("d1", (), (("cat", "sat on", "mat"),), 5)
    (remark,) = beir(folder).remarks
    assert str(remark).startswith("5 × triples.jsonl has a triple that is not [subject, predicate, object]")


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: bool(text.strip()))


@given(st.lists(st.tuples(words, words, words)), st.lists(words))
def test_triples_that_are_written_are_read(
    tmp_path_factory: pytest.TempPathFactory, triples: list[tuple[str, str, str]], entities: list[str]
) -> None:
    path = tmp_path_factory.mktemp("triples") / "triples.jsonl"
    write_lines(path, [{"_id": "d", "entities": entities, "triples": triples}])
    (found,) = read_triples(path)
    assert found.triples == tuple(tuple(part.strip() for part in triple) for triple in triples)
    assert found.entities == tuple(entity.strip() for entity in entities)
