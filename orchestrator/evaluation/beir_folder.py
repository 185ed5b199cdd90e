"""Data sets in BEIR's layout: corpus.jsonl, queries.jsonl, qrels/<split>.tsv.

Source: Thakur et al., "BEIR: A Heterogenous Benchmark for Zero-shot Evaluation" (arXiv 2104.08663).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from orchestrator.errors import BadInput
from orchestrator.evaluation.datasets import Dataset, Record, assembled
from orchestrator.evaluation.qrels import read_aspects, read_qrels
from orchestrator.evaluation.side_files import HIERARCHY, read_hierarchy, remarks_on
from orchestrator.text.numbered_lines import identifier, objects, wording


def beir(path: str | Path, *, split: str | None = None, name: str | None = None) -> Dataset:
    """The data set in a folder. `split` is the file of judgements: `test`, or the only one there is.

    `aspects/<split>.tsv`, where present, has judgements of aspects: query, aspect, document, grade.
    `hierarchy.jsonl` and `triples.jsonl`, where present, are read and checked; see `side_files`.
    """
    folder = Path(path)
    corpus, queries = folder / "corpus.jsonl", folder / "queries.jsonl"
    missing = [file.name for file in (corpus, queries) if not file.is_file()]
    if missing:
        raise BadInput(
            f"{folder} is no data set in BEIR's layout: it has no {' and no '.join(missing)}.",
            hint="A set is a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv.",
        )
    qrels = _judged(folder, split)
    aspects = folder / "aspects" / qrels.name
    found = assembled(
        name or folder.resolve().name,
        str(path),
        records=lambda: records(corpus),
        queries=texts(queries),
        judgements=read_qrels(qrels),
        aspects=read_aspects(aspects) if aspects.is_file() else (),
        folder=folder,
    )
    placed = read_hierarchy(folder / HIERARCHY) if (folder / HIERARCHY).is_file() else {}
    remarks = remarks_on(folder, placed, found.corpus.ids)
    known = {document: path for document, path in placed.items() if path and document in found.corpus.ids}
    return replace(found, hierarchy=known, remarks=(*found.remarks, *remarks))


def records(path: Path) -> Iterator[Record]:
    """The documents of a corpus.jsonl: `_id`, `title` (may be missing), `text`."""
    for line, entry in objects(path):
        yield Record(
            identifier(line, entry.get("_id"), "_id"),
            wording(line, entry, "title"),
            wording(line, entry, "text", required=True),
        )


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """The queries of a queries.jsonl: `_id`, `text`."""
    for line, entry in objects(path):
        yield identifier(line, entry.get("_id"), "_id"), wording(line, entry, "text", required=True)


def _judged(folder: Path, split: str | None) -> Path:
    there = sorted((folder / "qrels").glob("*.tsv"))
    chosen = folder / "qrels" / f"{split or 'test'}.tsv"
    if chosen in there:
        return chosen
    if split is None and len(there) == 1:
        return there[0]
    names = ", ".join(file.stem for file in there) or "none"
    raise BadInput(
        f"{folder} has no judgements in qrels/{chosen.name} (splits there: {names}).",
        hint="Name one with split=…, at the command line --split." if there else "Add the file.",
    )
