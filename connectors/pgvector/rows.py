"""The rows of vectors in PostgreSQL: `VersionedRows` over the tables of spaces."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

from pgvector import HalfVector
from pgvector import SparseVector as PgSparse
from psycopg import Connection, sql

from connectors.pgvector.database import FOREVER, TERM_SPACE, VectorDatabase, one, table
from orchestrator.errors import StoreError
from orchestrator.ports import DocumentRow, PassageVectors, SparseVector, StoredPassage
from orchestrator.ranking.late_interaction import stored_encoder
from orchestrator.vector_stores.access_tokens import access_tokens, metadata_tokens
from orchestrator.vector_stores.exact_products import passage_weights
from orchestrator.vector_stores.versioned_rows import Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_COLUMNS: LiteralString = (
    "passage, document, name, staged, born, tenant, labels, access, metadata, dense, terms, sparse, tokens,"
    " encoded"
)
_TYPES: tuple[LiteralString, ...] = (
    "uuid", "text", "text", "bool", "int8", "text", "text[]", "text[]", "text[]", "vector", "int4[]",
    "sparsevec", "bytea", "halfvec",
)  # fmt: skip
_COLLECT: LiteralString = """
DELETE FROM {} WHERE died <= %(number)s AND died_at <= now() - make_interval(secs => %(seconds)s)
"""
#: What conditions are about. Vectors are large, and no plan depends on them.
_ANALYSE: LiteralString = (
    "ANALYZE {} (passage, document, name, staged, born, died, tenant, access, metadata, terms)"
)
ALIVE: LiteralString = "born <= %(number)s AND died > %(number)s"
_READ = 1000
#: Terms are unsigned, and integers of the database are signed.
_SIGNED = 2**31


class PgRows:
    """The `VersionedRows` of a database."""

    def __init__(self, database: VectorDatabase) -> None:
        self.database = database

    @property
    def name(self) -> str:
        """The server and the database."""
        return self.database.name

    @contextmanager
    def writing(self, index: str) -> Generator[PgRowWriter]:
        """A connection that has the index to itself."""
        with self.database.writing(index) as connection:
            yield PgRowWriter(self.database, connection, index)

    def count(self, space: Space, number: int) -> int:
        """How many rows are part of a version."""
        with self.database.reading() as connection:
            if not self.database.has(connection, space):
                return 0
            query = _alive(space, "count(*)")
            (count,) = one(connection.execute(query, {"number": number}))
            return int(count)

    def stored(self, space: Space, number: int) -> Iterator[tuple[str, StoredPassage]]:
        """All rows of a version, read some at a time."""
        with self.database.reading() as connection:
            if not self.database.has(connection, space):
                return
            query = _alive(space, "passage, tenant, labels")
            with connection.cursor("stored") as cursor:
                cursor.itersize = _READ
                for passage, tenant, labels in cursor.execute(query, {"number": number}):
                    yield str(passage), StoredPassage(tenant, tuple(sorted(labels)), self.name)

    def among(self, space: Space, number: int, passages: Sequence[str]) -> set[str]:
        """Those of some passages that a version has."""
        with self.database.reading() as connection:
            if not self.database.has(connection, space):
                return set()
            query = _alive(space, "passage") + sql.SQL(" AND passage = ANY(%(ids)s::uuid[])")
            given = {"ids": list(passages), "number": number}
            return {str(row[0]) for row in connection.execute(query, given)}

    def parts(self, space: Space) -> Mapping[str, int]:
        """Nothing to tell."""
        return {}


class PgRowWriter:
    """The `RowWriter` of an index, over a connection that has its lock."""

    def __init__(self, database: VectorDatabase, connection: Connection[Any], index: str) -> None:
        self._database = database
        self._connection = connection
        self._index = index

    def undo(self, number: int) -> None:
        """Take back what was meant for versions after `number`."""
        given = {"number": number, "forever": FOREVER}
        self._each("DELETE FROM {} WHERE born > %(number)s AND NOT staged", given)
        self._each("UPDATE {} SET born = NULL WHERE born > %(number)s", given)
        self._each(
            "UPDATE {} SET died = %(forever)s, died_at = NULL WHERE died > %(number)s AND died < %(forever)s",
            given,
        )

    def insert(
        self,
        space: Space,
        name: str,
        documents: Sequence[DocumentRow],
        vectors: PassageVectors,
        *,
        born: int | None,
    ) -> None:
        """Copy the rows in, in one transaction."""
        self._database.create(self._connection, space)
        rows = _rows(name, documents, vectors, born)
        expected = sum(len(row.passages) for row in documents)
        copying = sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT BINARY)")
        with self._connection.transaction(), self._connection.cursor() as cursor:
            with cursor.copy(copying.format(table(space), sql.SQL(_COLUMNS))) as copy:
                copy.set_types(_TYPES)
                for row in rows:
                    copy.write_row(row)
            self._confirm(cursor.rowcount, expected)

    def copy(self, space: Space, name: str, documents: Sequence[DocumentRow], *, born: int) -> None:
        """Rows with the same vectors, for other readers."""
        self._database.create(self._connection, space)
        query = sql.SQL(
            "INSERT INTO {table} ({columns}) SELECT passage, document, %(name)s, false, %(born)s, tenant, "
            "%(labels)s, %(access)s, %(metadata)s, dense, terms, sparse, tokens, encoded FROM {table} "
            "WHERE document = %(document)s AND passage = ANY(%(ids)s::uuid[]) "
            "AND born < %(born)s AND died >= %(born)s"
        ).format(table=table(space), columns=sql.SQL(_COLUMNS))
        copied = 0
        with self._connection.transaction():
            for row in documents:
                given = {
                    "name": name,
                    "born": born,
                    "document": row.id,
                    "ids": [passage.id for passage in row.passages],
                    "labels": sorted(set(row.labels)),
                    "access": access_tokens(row),
                    "metadata": metadata_tokens(row),
                }
                copied += self._connection.execute(query, given).rowcount
            self._confirm(copied, sum(len(row.passages) for row in documents))

    def end(self, documents: Sequence[str], *, died: int) -> None:
        """Let the rows of these documents end with a version."""
        if documents:
            self._end(" AND document = ANY(%(documents)s)", {"died": died, "documents": list(documents)})

    def end_all(self, *, died: int) -> None:
        """Let all rows end with a version."""
        self._end("", {"died": died})

    def begin(self, names: Collection[str], *, born: int) -> None:
        """Let what was staged begin with a version."""
        query: LiteralString = "UPDATE {} SET born = %(born)s WHERE staged AND name = ANY(%(names)s)"
        self._each(query, {"born": born, "names": sorted(names)})

    def collect(self, number: int, *, seconds: float) -> list[str]:
        """Delete what ended long ago and what is staged, and tables without a row; count what is left.

        The server would count by itself after a while, and until then search a new table without a plan.
        """
        self._each(_COLLECT, {"number": number, "seconds": seconds})
        names: set[str] = set()
        for space in self._database.spaces(self._connection, self._index):
            gone = sql.SQL("DELETE FROM {} WHERE staged AND born IS NULL RETURNING name").format(table(space))
            names |= {row[0] for row in self._connection.execute(gone)}
            left = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(table(space))
            if one(self._connection.execute(left))[0]:
                self._connection.execute(sql.SQL(_ANALYSE).format(table(space)))
            else:
                self._database.drop(self._connection, space)
        return sorted(names)

    def delete(self) -> None:
        """Delete the tables of the index."""
        for space in self._database.spaces(self._connection, self._index):
            self._database.drop(self._connection, space)

    def _end(self, where: LiteralString, given: Mapping[str, Any]) -> None:
        query: LiteralString = (
            "UPDATE {} SET died = %(died)s, died_at = now() WHERE born < %(died)s AND died > %(died)s"
        )
        self._each(query + where, given)

    def _each(self, query: LiteralString, given: Mapping[str, Any]) -> None:
        """Execute a statement on each table of the index."""
        for space in self._database.spaces(self._connection, self._index):
            self._connection.execute(sql.SQL(query).format(table(space)), given)

    def _confirm(self, written: int, expected: int) -> None:
        if written != expected:
            raise StoreError(
                f"The vector store {self._database.name} has {written} of {expected} passages that were to "
                f"be written to the index {self._index!r}.",
                hint=f"Run `orchestrator index verify --index {self._index}`.",
            )


def _alive(space: Space, columns: LiteralString) -> sql.Composed:
    """The rows of a version."""
    return sql.SQL("SELECT {} FROM {} WHERE {}").format(sql.SQL(columns), table(space), sql.SQL(ALIVE))


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of length one; a row of zeros stays as it is."""
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0), np.float32)


def sparse_of(indices: Sequence[int], values: Sequence[float]) -> PgSparse:
    """Terms and weights as the database compares them: two terms in 10^9 may fall together, and then sum."""
    weights: dict[int, float] = {}
    for term, value in zip(indices, values, strict=True):
        place = term % TERM_SPACE
        weights[place] = weights.get(place, 0.0) + value
    return PgSparse(weights, TERM_SPACE)


def signed(terms: Sequence[int]) -> list[int]:
    """Terms as the database looks them up."""
    return [term - _SIGNED for term in terms]


def _rows(
    name: str, documents: Sequence[DocumentRow], vectors: PassageVectors, born: int | None
) -> Iterator[tuple[Any, ...]]:
    import numpy as np

    if not np.isfinite(vectors.dense).all():
        raise StoreError("The vector store is given vectors that are not finite.", hint="Check the embedder.")
    dense = unit(vectors.dense)
    place = 0
    for document in documents:
        readers = (document.tenant, sorted(set(document.labels)), access_tokens(document))
        metadata = metadata_tokens(document)
        for passage in document.passages:
            terms: SparseVector = vectors.sparse[place]
            sparse = sparse_of(terms.indices, passage_weights(terms.values))
            tokens, encoded = _late(vectors.tokens, place)
            given = (UUID(passage.id), document.id, name, born is None, born, *readers, metadata)
            yield (*given, dense[place], signed(terms.indices), sparse, tokens, encoded)
            place += 1


def _late(tokens: Sequence[NDArray[np.float32]] | None, place: int) -> tuple[bytes | None, HalfVector | None]:
    """The token vectors of a passage, in half precision, and one vector for all of them."""
    import numpy as np

    if tokens is None:
        return None, None
    matrix = tokens[place]
    encoded = stored_encoder(matrix.shape[1]).passage(matrix)
    return np.asarray(matrix, np.float16).tobytes(), HalfVector(encoded)
