"""Passages with their vectors in a Parquet file, as any engine can write it: checked, and read in parts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from orchestrator.errors import BadInput, SettingsError
from orchestrator.indexing.file_documents import Place, clean, digest, document_id, identified_passages
from orchestrator.ports import DocumentRow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Columns that must be there, and that may be.
DOCUMENT, TEXT, VECTOR = "document", "text", "vector"
TITLE, LABELS, METADATA = "title", "labels", "metadata"
_KNOWN = (DOCUMENT, TEXT, VECTOR, TITLE, LABELS, METADATA)


@dataclass(frozen=True, slots=True, eq=False)
class ImportedDocument:
    """A document of a file, with a vector for each of its passages, shape (passages, dimensions)."""

    row: DocumentRow
    vectors: NDArray[np.float32]


class PassageFile:
    """A Parquet file with a row for each passage; the rows of a document are together, in their order.

    BadInput if it cannot be read, or lacks a column; SettingsError if pyarrow is not installed.
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
        try:
            self._file: Any = parquet.ParquetFile(path)
        except (OSError, arrow.ArrowException) as error:
            reason = " ".join(str(error).split())[:200].rstrip(".")
            raise BadInput(
                f"{path} cannot be read as Parquet: {reason}.", hint="Write it again, or name another file."
            ) from error
        self.columns = [name for name in _KNOWN if name in self._file.schema_arrow.names]
        if missing := [name for name in (DOCUMENT, TEXT, VECTOR) if name not in self.columns]:
            raise BadInput(
                f"{path} has no column {', '.join(map(repr, missing))}; it has "
                f"{', '.join(self._file.schema_arrow.names)}.",
                hint="Columns are document, text, vector, and if you like title, labels and metadata.",
            )

    @property
    def passages(self) -> int:
        """How many rows there are."""
        return int(self._file.metadata.num_rows)

    def parts(self, passages: int) -> list[tuple[int, int]]:
        """Row groups from and to, of about so many passages together."""
        found: list[tuple[int, int]] = []
        begun = held = 0
        for group in range(self._file.num_row_groups):
            held += self._file.metadata.row_group(group).num_rows
            if held >= passages:
                found.append((begun, group + 1))
                begun, held = group + 1, 0
        if held or not found:
            found.append((begun, self._file.num_row_groups))
        return found

    def names(self) -> set[str]:
        """The names of all documents."""
        found: set[str] = set()
        for group in range(self._file.num_row_groups):
            found |= {clean(str(one)) for one in self._column(group)}
        return found

    def documents(self, place: Place, begin: int, end: int, dimensions: int) -> Iterator[ImportedDocument]:
        """The documents that begin in row groups `begin` to `end`, with all of their passages."""
        before = self._column(begin - 1)[-1:] if begin else []
        seen: set[str] = set()
        for name, rows in groupby(self._rows(begin, end), key=lambda row: row[DOCUMENT]):
            if before == [name] and not seen:
                seen.add(name)
                continue
            if name in seen:
                raise BadInput(
                    f"{self.path}: the passages of the document {name!r} are not together.",
                    hint="Sort the rows by document.",
                )
            seen.add(name)
            yield self._document(place, list(rows), dimensions)

    def _rows(self, begin: int, end: int) -> Iterator[dict[str, Any]]:
        last = None
        for group in range(begin, self._file.num_row_groups):
            for row in self._file.read_row_group(group, columns=self.columns).to_pylist():
                if group >= end and row[DOCUMENT] != last:
                    return
                last = row[DOCUMENT]
                yield row

    def _column(self, group: int) -> list[Any]:
        return self._file.read_row_group(group, columns=[DOCUMENT]).column(0).to_pylist()

    def _document(self, place: Place, rows: Sequence[Mapping[str, Any]], dimensions: int) -> ImportedDocument:
        first = rows[0]
        name = clean(str(first[DOCUMENT]))
        if not name or first[DOCUMENT] is None:
            raise BadInput(f"{self.path}: a passage has no document.", hint="Name the document of each row.")
        texts = [clean(str(row[TEXT] or "")) for row in rows]
        vectors = self._vectors(name, rows, dimensions)
        title = clean(str(first.get(TITLE) or ""))
        labels = tuple(sorted({clean(str(one)) for one in first.get(LABELS) or ()})) or place.labels
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

    def _vectors(self, name: str, rows: Sequence[Mapping[str, Any]], dimensions: int) -> NDArray[np.float32]:
        """Unit vectors of a document's passages."""
        import numpy as np

        sizes = {len(row[VECTOR] or ()) for row in rows}
        if sizes != {dimensions}:
            raise BadInput(
                f"{self.path}: a vector of the document {name!r} has {min(sizes - {dimensions})} numbers; "
                f"the index has vectors of {dimensions}.",
                hint="Embed the passages with the embedder of the index.",
            )
        vectors = np.array([row[VECTOR] for row in rows], np.float32)
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
        told = cast("dict[Any, Any]", read)
        return {clean(str(key)): clean(value) for key, value in told.items() if value is not None}
