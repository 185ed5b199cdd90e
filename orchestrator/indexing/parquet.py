"""Passages with their vectors in a Parquet file, as any engine can write it: checked, and read in parts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import BadInput, SettingsError
from orchestrator.indexing.file_documents import Place, clean, digest, document_id, identified_passages
from orchestrator.indexing.index_plan import canonical
from orchestrator.ports import DocumentRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Columns that must be there, and that may be.
DOCUMENT, TEXT, VECTOR = "document", "text", "vector"
TITLE, LABELS, METADATA = "title", "labels", "metadata"
#: All of them, and what each holds.
KINDS = {
    DOCUMENT: "a string or a whole number",
    TEXT: "a string",
    VECTOR: "a list of numbers",
    TITLE: "a string",
    LABELS: "a list of strings",
    METADATA: "a struct, or JSON as a string",
}


#: Rows that are in memory at once, beside those of the document that they are part of.
_BATCH = 1024


@dataclass(frozen=True, slots=True, eq=False)
class ImportedDocument:
    """A document of a file, with a vector for each of its passages, shape (passages, dimensions)."""

    row: DocumentRow
    vectors: NDArray[np.float32]


class PassageFile:
    """A Parquet file with a row for each passage; the rows of a document are together, in their order.

    BadInput if it cannot be read, lacks a column or has one of another type; SettingsError if pyarrow is not
    installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow  # pyright: ignore[reportMissingTypeStubs]
            from pyarrow import parquet  # pyright: ignore[reportMissingTypeStubs]
        except ImportError as error:
            raise SettingsError(
                "Reading Parquet files needs pyarrow, which is not installed.",
                hint="Install it: pip install 'orchestrator-rag[parquet]'.",
            ) from error
        self.path = path
        arrow: Any = pyarrow
        self._errors = (OSError, arrow.ArrowException)
        with self._reading():
            self._file: Any = parquet.ParquetFile(path)
        schema = self._file.schema_arrow
        self.columns = [name for name in KINDS if name in schema.names]
        if missing := [name for name in (DOCUMENT, TEXT, VECTOR) if name not in self.columns]:
            raise BadInput(
                f"{path} has no column {', '.join(map(repr, missing))}; it has {', '.join(schema.names)}.",
                hint="Columns are document, text, vector, and if you like title, labels and metadata.",
            )
        for name in self.columns:
            kind = schema.field(name).type
            if not is_of(kind, name):
                raise BadInput(
                    f"{path}: the column {name!r} is of the type {kind}; it must be {KINDS[name]}.",
                    hint="Write the file again with this type.",
                )

    @property
    def passages(self) -> int:
        """How many rows there are."""
        return int(self._file.metadata.num_rows)

    def parts(self, passages: int) -> list[tuple[int, int]]:
        """Rows from and to, so many together."""
        starts = range(0, max(1, self.passages), passages)
        return [(begin, min(begin + passages, self.passages)) for begin in starts]

    def names(self) -> set[str]:
        """The names of all documents; BadInput if the rows of one are not together."""
        found: set[str] = set()
        for name, _ in groupby(self._rows(0, [DOCUMENT]), key=_name):
            if name in found:
                raise BadInput(
                    f"{self.path}: the passages of the document {name!r} are not together.",
                    hint="Sort the rows by document.",
                )
            found.add(name)
        return found

    def documents(self, place: Place, begin: int, end: int, dimensions: int) -> Iterator[ImportedDocument]:
        """The documents that begin in the rows `begin` to `end`, with all of their passages."""
        number = max(0, begin - 1)
        for name, rows in groupby(self._rows(number, self.columns), key=_name):
            if number >= end:
                return
            held = list(rows)
            # One that began before is another part's.
            if number >= begin:
                yield self._document(place, name, held, dimensions)
            number += len(held)

    def _rows(self, begin: int, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The rows from one on, with vectors as arrays."""
        first, number = self._group_of(begin)
        groups = list(range(first, self._file.num_row_groups))
        with self._reading():
            for batch in self._file.iter_batches(_BATCH, row_groups=groups, columns=list(columns)):
                wanted = batch.slice(max(0, begin - number))
                number += batch.num_rows
                yield from _as_rows(wanted)

    def _group_of(self, row: int) -> tuple[int, int]:
        """The row group that a row is in, and the number of its first row."""
        first = 0
        for group in range(self._file.num_row_groups):
            rows = int(self._file.metadata.row_group(group).num_rows)
            if row < first + rows:
                return group, first
            first += rows
        return self._file.num_row_groups, first

    @contextmanager
    def _reading(self) -> Generator[None]:
        try:
            yield
        except self._errors as error:
            reason = " ".join(str(error).split())[:200].rstrip(".")
            raise BadInput(
                f"{self.path} cannot be read as Parquet: {reason}.",
                hint="Write it again, or name another file.",
            ) from error

    def _document(
        self, place: Place, name: str, rows: Sequence[Mapping[str, Any]], dimensions: int
    ) -> ImportedDocument:
        first = rows[0]
        if not name:
            raise BadInput(f"{self.path}: a passage has no document.", hint="Name the document of each row.")
        texts = [clean(str(row[TEXT] or "")) for row in rows]
        vectors = self._vectors(name, rows, dimensions)
        title = clean(str(first.get(TITLE) or ""))
        labels = self._labels(name, rows, place)
        metadata = self._metadata(name, first.get(METADATA))
        source = f"{self.path}#{name}"
        told = json.dumps([title, texts, metadata, labels], sort_keys=True, ensure_ascii=False)
        content = digest(told + hashlib.sha256(vectors.tobytes()).hexdigest())
        unique = document_id(place, source)
        row = DocumentRow(
            unique,
            place.tenant,
            place.root,
            self.path.name,
            name,
            title,
            source,
            content,
            labels,
            metadata,
            identified_passages(place.index, unique, content, texts),
        )
        return ImportedDocument(row, vectors)

    def _labels(self, name: str, rows: Sequence[Mapping[str, Any]], place: Place) -> tuple[str, ...]:
        """Who may read a document; those of the import if its rows say nothing."""
        several = {None if row.get(LABELS) is None else tuple(row[LABELS]) for row in rows}
        if len(several) > 1:
            raise BadInput(
                f"{self.path}: the rows of the document {name!r} have different labels.",
                hint="Give all rows of a document the same, or make documents of them.",
            )
        (given,) = several
        return place.labels if given is None else canonical([clean(label or "") for label in given])

    def _vectors(self, name: str, rows: Sequence[Mapping[str, Any]], dimensions: int) -> NDArray[np.float32]:
        """Unit vectors of a document's passages."""
        import numpy as np

        sizes = {len(row[VECTOR]) for row in rows}
        if sizes != {dimensions}:
            raise BadInput(
                f"{self.path}: a vector of the document {name!r} has {min(sizes - {dimensions})} numbers; "
                f"the index has vectors of {dimensions}.",
                hint="Embed the passages with the embedder of the index.",
            )
        vectors = np.stack([row[VECTOR] for row in rows])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all():
            raise BadInput(
                f"{self.path}: a vector of the document {name!r} is not finite.", hint="Embed it again."
            )
        return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0), np.float32)

    def _metadata(self, name: str, given: Any) -> dict[str, Any]:
        """What filters match: a struct, or a JSON object as text."""
        try:
            read: Any = json.loads(given) if isinstance(given, str) and given else given or {}
        except ValueError:
            read = None
        if not isinstance(read, dict):
            raise BadInput(
                f"{self.path}: the metadata of the document {name!r} is no object.",
                hint='Write it as a struct, or as JSON: {"year": 2026}.',
            )
        # A struct may hold dates and other things that JSON has not.
        told: dict[str, Any] = json.loads(json.dumps(read, default=str))
        return {clean(key): clean(value) for key, value in told.items() if value is not None}


def is_of(kind: Any, column: str) -> bool:
    """Whether a column may be of a type of Arrow's; `KINDS` says in words which it may."""
    from pyarrow import types  # pyright: ignore[reportMissingTypeStubs]

    is_: Any = types
    if is_.is_dictionary(kind):
        kind = kind.value_type
    is_list = is_.is_list(kind) or is_.is_large_list(kind) or is_.is_fixed_size_list(kind)
    is_text = is_.is_string(kind) or is_.is_large_string(kind)
    if column == VECTOR:
        return is_list and (is_.is_floating(kind.value_type) or is_.is_integer(kind.value_type))
    if column == DOCUMENT:
        return is_text or is_.is_integer(kind)
    if column == TEXT:
        return is_text
    if is_.is_null(kind):
        return True
    if column == LABELS:
        return is_list and is_of(kind.value_type, TEXT)
    return is_text or (column == METADATA and is_.is_struct(kind))


def _as_rows(batch: Any) -> Iterator[dict[str, Any]]:
    """The rows of a batch, with vectors as arrays of single precision; that of a row without one is empty."""
    import numpy as np
    from pyarrow import compute  # pyright: ignore[reportMissingTypeStubs]

    columns = {name: batch.column(name) for name in batch.schema.names}
    vectors = columns.pop(VECTOR, None)
    split: Iterator[Any] = repeat(None)
    if vectors is not None:
        how: Any = compute
        lengths = how.fill_null(how.list_value_length(vectors), 0).to_numpy()
        values: NDArray[np.float32] = vectors.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
        split = iter(np.split(values, np.cumsum(lengths)[:-1]))
    told = {name: column.to_pylist() for name, column in columns.items()}
    for number, vector in zip(range(batch.num_rows), split, strict=False):
        yield {**{name: values[number] for name, values in told.items()}, VECTOR: vector}


def _name(row: Mapping[str, Any]) -> str:
    """The name of a row's document; empty if it has none."""
    return "" if row[DOCUMENT] is None else clean(str(row[DOCUMENT]))
