"""Passages with vectors from Parquet: as good as what was embedded here, and refused if they are not."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

from orchestrator.application.application import Application  # noqa: E402
from orchestrator.application.indexing import indexing_context  # noqa: E402
from orchestrator.errors import BadInput, OrchestratorError  # noqa: E402
from orchestrator.indexing import import_job  # noqa: E402
from orchestrator.indexing.file_documents import Place, embedded_text  # noqa: E402
from orchestrator.indexing.indexer import Indexer  # noqa: E402
from orchestrator.indexing.isolated_reading import Reader  # noqa: E402
from orchestrator.indexing.parquet import PassageFile  # noqa: E402
from orchestrator.indexing.upkeep import pages  # noqa: E402
from orchestrator.ports import Embedder, IndexRegistry  # noqa: E402
from orchestrator.settings import Settings  # noqa: E402
from tests.indexing.contents import EVERYBODY, found  # noqa: E402

NOBODY_ELSE = Place("default", "default", "/x", ("public",))


def write(path: Path, rows: list[dict[str, Any]], *, group: int = 1000) -> Path:
    """A Parquet file of these rows."""
    parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=group)
    return path


def row(document: str, text: str, **more: Any) -> dict[str, Any]:
    return {"document": document, "text": text, "vector": [1.0, 0.0], **more}


@pytest.mark.slow
async def test_an_import_gives_the_rankings_of_an_addition(
    tmp_path: Path, docs: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_job, "JOB_PASSAGES", 2)
    async with Application(Settings(home=tmp_path / "home")) as application:

        def indexer(name: str) -> Indexer:
            context = indexing_context(application.container, reader)
            return Indexer(context, name, settings=None, store_grace=0.0, passage_grace=0.0)

        await indexer("added").add(docs, labels=["public"])
        embedder = application.container.get(Embedder)
        rows: list[dict[str, Any]] = []
        for page in pages(application.container.get(IndexRegistry), "added"):
            for document in page:
                texts = [embedded_text(document, passage) for passage in document.passages]
                vectors = await embedder.embed(texts, kind="passage")
                rows += [
                    {
                        "document": document.document,
                        "title": document.title,
                        "text": passage.text,
                        "vector": vector.tolist(),
                        "labels": list(document.labels),
                    }
                    for passage, vector in zip(document.passages, vectors, strict=True)
                ]
        file = write(tmp_path / "passages.parquet", rows, group=2)
        importing = indexer("imported")
        report = await importing.import_vectors(file)
        assert (report.imported, report.removed, report.passages) == (4, 0, len(rows))
        assert (await importing.verify()).faults == ()

        async def named(index: str, question: str) -> list[list[tuple[str, int, float]]]:
            registry = application.container.get(IndexRegistry)
            names = {
                passage.id: (document.document, passage.position)
                for page in pages(registry, index)
                for document in page
                for passage in document.passages
            }
            rankings = await found(application, question, EVERYBODY, index)
            return [[(*names[name], round(score, 5)) for name, score in each] for each in rankings]

        for question in ("who sleeps while they fly", "otters", "what do badgers dig?"):
            assert await named("imported", question) == await named("added", question)

        again = await importing.import_vectors(file)
        assert (again.imported, again.removed) == (0, 0)
        gone = rows[0]["document"]
        kept = [each for each in rows if each["document"] != gone]
        text = kept[-1]["text"] + " And otters."
        title = kept[-1]["title"]
        (vector,) = await embedder.embed([f"{title}\n{text}" if title else text], kind="passage")
        kept[-1] = {**kept[-1], "text": text, "vector": vector.tolist()}
        third = await importing.import_vectors(write(file, kept))
        assert (third.imported, third.removed, third.documents) == (1, 1, 3)
        assert (await importing.verify()).faults == ()

        wrong = [{**each, "vector": each["vector"][::-1]} for each in rows]
        write(tmp_path / "wrong.parquet", wrong)
        with pytest.raises(OrchestratorError, match="not those of the embedder"):
            await importing.import_vectors(tmp_path / "wrong.parquet")
        assert (await importing.verify()).faults == ()
        # Its texts are stored; the file itself is none of those that are read.
        assert (await importing.repair()).faults == ()
        assert (await importing.status()).documents == 3
        await importing.remove(str(file))
        assert (await importing.status()).documents == 0


@pytest.mark.parametrize("group", [1, 2, 3, 100])
def test_documents_are_whole_wherever_row_groups_end(tmp_path: Path, group: int) -> None:
    names = "aaabccddddde"
    file = PassageFile(
        write(tmp_path / "f.parquet", [row(name, f"{name}{n}") for n, name in enumerate(names)], group=group)
    )
    read: list[tuple[str, list[str]]] = []
    for begin, end in file.parts(2):
        for each in file.documents(NOBODY_ELSE, begin, end, 2):
            read.append((each.row.document, [passage.text for passage in each.row.passages]))
            assert each.vectors.shape == (len(each.row.passages), 2)
    assert read == [
        (name, [f"{name}{n}" for n, other in enumerate(names) if other == name]) for name in "abcde"
    ]
    assert file.names() == set("abcde")
    assert file.passages == len(names)


def test_titles_labels_and_metadata_are_read(tmp_path: Path) -> None:
    rows = [
        row("a", "otter", title="Otters", labels=["staff ", "hr"], metadata='{"year": 2026}'),
        row("b", "owl\x00", title=None, labels=None, metadata=None),
    ]
    a, b = PassageFile(write(tmp_path / "f.parquet", rows)).documents(NOBODY_ELSE, 0, 2, 2)
    assert (a.row.title, a.row.labels, a.row.metadata) == ("Otters", ("hr", "staff"), {"year": 2026})
    assert (b.row.title, b.row.labels, b.row.metadata) == ("", ("public",), {})
    assert b.row.passages[0].text == "owl"
    assert np.linalg.norm(a.vectors) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"document": "a", "vector": [1.0, 0.0]}], "has no column 'text'"),
        ([row("a", "x"), {**row("a", "y"), "vector": [1.0]}], "has 1 numbers; the index has vectors of 2"),
        ([{**row("a", "x"), "vector": [float("nan"), 0.0]}], "is not finite"),
        ([{**row("a", "x"), "metadata": "[1]"}], "is no object"),
        ([row("", "x")], "has no document"),
        ([row("a", "x", labels="staff")], "column 'labels' is of the type string; it must be a list of str"),
        ([{**row("a", "x"), "vector": "1.0"}], "column 'vector' is of the type string"),
        ([{**row("a", "x"), "vector": None}, row("a", "y")], "has 0 numbers"),
        ([{**row("a", "x"), "vector": [None, 1.0]}], "is not finite"),
        ([row("a", "x", labels=["hr"]), row("a", "y", labels=["public"])], "have different labels"),
        ([row("a", "x", labels=[]), row("b", "y", labels=["hr"])], "let nobody read"),
        ([row("a", "x", labels=["hr", None])], "let nobody read"),
        ([{**row("a", "x"), "text": 1}], "column 'text' is of the type int64; it must be a string"),
    ],
)
def test_what_cannot_be_imported_is_refused_with_its_reason(
    tmp_path: Path, rows: list[dict[str, Any]], said: str
) -> None:
    def read() -> None:
        list(PassageFile(write(tmp_path / "f.parquet", rows)).documents(NOBODY_ELSE, 0, 2, 2))

    _refused(read, said)


def test_rows_of_a_document_that_are_far_apart_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    rows = [row("a", "x"), *(row(f"b{n}", "y") for n in range(5)), row("a\x00", "z")]
    file = write(tmp_path / "f.parquet", rows, group=1)
    _refused(lambda: import_job.import_jobs(file, ("public",), "default"), "'a' are not together")


def test_dates_of_a_struct_are_metadata(tmp_path: Path) -> None:
    rows = [row("a", "x", metadata={"on": date(2026, 12, 1), "year": 2026})]
    (a,) = PassageFile(write(tmp_path / "f.parquet", rows)).documents(NOBODY_ELSE, 0, 1, 2)
    assert a.row.metadata == {"on": "2026-12-01", "year": 2026}


def test_a_file_that_breaks_off_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "f.parquet", [row(f"d{n}", f"text {n}" * 50) for n in range(2000)])
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes(2000) + whole[2100:])
    _refused(lambda: list(PassageFile(path).documents(NOBODY_ELSE, 0, 2000, 2)), "cannot be read as Parquet")


def test_one_large_row_group_is_read_in_parts_of_little_memory(tmp_path: Path) -> None:
    numbers = np.random.default_rng(7).normal(size=(20_000, 64)).astype(np.float32)
    columns = {
        "document": pa.array([f"d{n // 3}" for n in range(20_000)]),
        "text": pa.array([f"text {n}" for n in range(20_000)]),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(numbers.ravel()), 64),
    }
    path = tmp_path / "f.parquet"
    parquet.write_table(pa.table(columns), path, row_group_size=20_000)
    file = PassageFile(path)
    begin, end = file.parts(1000)[11]
    tracemalloc.start()
    found = list(file.documents(NOBODY_ELSE, begin, end, 64))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [each.row.document for each in found] == [f"d{n}" for n in range(3667, 4000)]
    assert np.allclose(found[0].vectors[0] * np.linalg.norm(numbers[11_001]), numbers[11_001], atol=1e-5)
    # All of the file's numbers as objects would be 40 MB.
    assert peak < 8e6


def test_what_is_no_parquet_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f.parquet").write_text("not one")
    _refused(lambda: PassageFile(tmp_path / "f.parquet"), "cannot be read as Parquet")


def _refused(read: Callable[[], object], said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        read()
    assert caught.value.hint
