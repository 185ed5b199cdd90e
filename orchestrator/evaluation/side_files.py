"""Optional files beside a corpus: a hierarchy of documents, extracted triples, and concepts.

`hierarchy.jsonl` has `_id` and `path`, from the widest field down; `triples.jsonl` has `_id`, `entities`
(names) and `triples` (subject, predicate, object). The former becomes metadata of the documents, the
latter features of their passages, so that filters, trees and graphs can read them. Triples and the names
of `concepts.jsonl` are imported into the knowledge graph of the index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from orchestrator.evaluation.datasets import Remark, Remarks
from orchestrator.text.numbered_lines import Line, identifier, objects

HIERARCHY, TRIPLES, CONCEPTS = "hierarchy.jsonl", "triples.jsonl", "concepts.jsonl"
#: Levels of a hierarchy, at most.
DEEPEST = 20

Triple = tuple[str, str, str]


class Extracted(NamedTuple):
    """The triples of one document. `faulty` counts invalid triples, which were skipped."""

    document: str
    entities: tuple[str, ...]
    triples: tuple[Triple, ...]
    faulty: int = 0


def read_hierarchy(path: Path) -> dict[str, tuple[str, ...]]:
    """The path of each document, empty for one that has no place.

    BadInput for a line that says nothing of it, or a document that is there twice.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line, entry in objects(path):
        document = identifier(line, entry.get("_id"), "_id")
        levels = _strings(line, entry.get("path"), "path")
        if len(levels) < len(entry["path"]):
            line.fault("has an empty level in its path", "Give each level a name.")
        if len(levels) > DEEPEST:
            line.fault(
                f"has a path of {len(levels)} levels", f"Give up to {DEEPEST}, from the widest field down."
            )
        if found.setdefault(document, levels) != levels:
            line.fault(f"places the document {document!r} a second time, elsewhere", "Keep one of them.")
    return found


def read_triples(path: Path) -> Iterator[Extracted]:
    """The extracted triples of each document; BadInput for an invalid line.

    Models that extract triples write some with two parts or an empty one: these are counted.
    """
    seen: set[str] = set()
    for line, entry in objects(path):
        document = identifier(line, entry.get("_id"), "_id")
        if document in seen:
            line.fault(f"has the document {document!r} a second time", "Put all of its triples in one line.")
        seen.add(document)
        given = entry.get("triples")
        if not isinstance(given, list):
            line.fault(
                f"has no usable triples (found {given!r:.80})", "Give a list of [subject, predicate, object]."
            )
        everything = cast("list[Any]", given)
        triples = [found for each in everything if (found := _triple(each)) is not None]
        yield Extracted(
            document,
            _strings(line, entry.get("entities", []), "entities"),
            tuple(triples),
            len(everything) - len(triples),
        )


def _triple(value: Any) -> Triple | None:
    if not isinstance(value, list):
        return None
    match [part.strip() for part in cast("list[Any]", value) if isinstance(part, str)]:
        case [str(subject), str(predicate), str(obj)] if (
            len(cast("list[Any]", value)) == 3 and subject and predicate and obj
        ):
            return subject, predicate, obj
        case _:
            return None


def remarks_on(
    folder: Path, hierarchy: Mapping[str, tuple[str, ...]], ids: Collection[str]
) -> tuple[Remark, ...]:
    """Remarks on the side files of a folder; BadInput if they are invalid."""
    remarks = Remarks()
    for document in sorted(hierarchy):
        if document not in ids:
            remarks.add(f"{HIERARCHY} places a document that is not in the corpus: it is left out", document)
        elif not hierarchy[document]:
            remarks.add(f"{HIERARCHY} has an empty path: the document has no place", document)
    if (folder / TRIPLES).is_file():
        for each in read_triples(folder / TRIPLES):
            if each.document not in ids:
                remarks.add(
                    f"{TRIPLES} has triples of a document that is not in the corpus: they are left out",
                    each.document,
                )
            for _ in range(each.faulty):
                remarks.add(
                    f"{TRIPLES} has a triple that is not [subject, predicate, object]: it is left out",
                    each.document,
                )
    return remarks.all()


def fingerprint(folder: Path | None, name: str = TRIPLES) -> str:
    """Identifies the triples of a folder, or another file, by their bytes; empty if there are none."""
    path = folder / name if folder is not None else None
    if path is None or not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _strings(line: Line, value: Any, what: str) -> tuple[str, ...]:
    items = cast("list[Any]", value) if isinstance(value, list) else None
    if items is None or not all(isinstance(item, str) for item in items):
        line.fault(f"has no usable {what} (found {value!r:.80})", "Give a list of texts.")
    return tuple(item.strip() for item in items if item.strip())
