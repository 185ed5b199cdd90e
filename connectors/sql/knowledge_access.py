"""What of a graph a principal may read: the condition on names and facts, inside every query."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select

from connectors.sql.access import carrying, labels_of
from connectors.sql.database import Database
from connectors.sql.index_version import of_index
from connectors.sql.statements import CHUNK, chunks
from connectors.sql.tables import documents, entity_changes, indexes, knowledge_imports
from orchestrator.ports import Import
from orchestrator.types import Principal

#: Sets of labels that one statement names, at most.
_SETS = 10_000
#: Readers whose rights are kept while nobody changes anything.
_READERS = 64
#: Documents inside a condition, which a query may join for itself.
_said = documents.alias("said_in")


@dataclass(frozen=True, slots=True)
class Reader:
    """A principal: the sets of labels, in groups, and the imports that he may read.

    `changed` says whether an entity of his tenant was merged, split or given a name.
    """

    index_id: int
    tenant: str
    sets: tuple[tuple[str, ...], ...]
    imports: Mapping[int, Import]
    changed: bool

    @property
    def nothing(self) -> bool:
        """Whether there is nothing that he may read."""
        return not self.sets and not self.imports

    def conditions(self, table: Table) -> Iterator[ColumnElement[bool]]:
        """Conditions on rows of names or facts; what meets one of them may be read.

        There is one, unless there are more sets of labels than a statement should name. A row meets one at
        most, so that their rows can be counted.
        """
        imports = table.c.import_id.in_([0, *sorted(self.imports)])
        for number, group in enumerate(self.sets or ((),)):
            document = (
                select(_said.c.id)
                .where(
                    _said.c.index_id == self.index_id,
                    _said.c.id == table.c.document,
                    _said.c.tenant == self.tenant,
                    _said.c.labels.in_(group),
                    _said.c.retired.is_(None),
                )
                .correlate(table)
            )
            inside = or_(table.c.document == "", document.exists()) if number == 0 else document.exists()
            yield and_(table.c.index_id == self.index_id, imports, inside)


class Readers:
    """The readers of one index, kept as long as nobody commits anything."""

    def __init__(self, database: Database, index: str) -> None:
        self._database = database
        self._index = index
        self._lock = Lock()
        self._mark: tuple[int, int] | None = None
        self._known: dict[tuple[str, frozenset[str]], Reader] = {}

    def of(self, connection: Connection, principal: Principal, mark: tuple[int, int] | None) -> Reader | None:
        """The reader that a principal is; None if there is no such index.

        `mark` is the database's, from before the connection's transaction began.
        """
        who = principal.tenant, principal.grants
        with self._lock:
            if mark is not None and mark == self._mark and who in self._known:
                return self._known[who]
        index_id = connection.execute(of_index(self._index, select(indexes.c.id))).scalar()
        if index_id is None:
            return None
        found = reader(connection, index_id, principal.tenant, principal.grants)
        if mark is not None:
            with self._lock:
                if mark != self._mark or len(self._known) >= _READERS:
                    self._mark, self._known = mark, {}
                self._known[who] = found
        return found


def reader(connection: Connection, index_id: int, tenant: str, grants: Collection[str]) -> Reader:
    """The reader of a tenant with grants, as the database says now."""
    sets: set[str] = set()
    for part in chunks(sorted(grants), CHUNK):
        sets.update(connection.execute(carrying(part)).scalars())
    mine = select(knowledge_imports).where(
        knowledge_imports.c.index_id == index_id, knowledge_imports.c.tenant == tenant
    )
    rows = [row for row in connection.execute(mine) if row.labels in sets]
    labels = labels_of(connection, {row.labels for row in rows})
    imports = {row.id: Import(row.name, row.tenant, labels[row.labels]) for row in rows}
    changes = select(entity_changes.c.kind).where(
        entity_changes.c.index_id == index_id, entity_changes.c.tenant == tenant
    )
    changed = connection.execute(changes.limit(1)).first() is not None
    groups = tuple(tuple(part) for part in chunks(sorted(sets), _SETS))
    return Reader(index_id, tenant, groups, imports, changed)
