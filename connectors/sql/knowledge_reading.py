"""Names, entities and facts as a reader may read them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, or_, select

from connectors.sql.knowledge_access import Reader
from connectors.sql.knowledge_groups import groups
from connectors.sql.statements import chunks
from connectors.sql.tables import entity_changes, entity_names, facts
from orchestrator.ports import Entity, Fact, KnowledgeCounts, NamedEntity

#: Columns by which names are summed up.
_SUMMED = (
    entity_names.c.entity,
    entity_names.c.folded,
    entity_names.c.name,
    entity_names.c.alias,
    entity_names.c.type,
)


def hexadecimal(number: int) -> str:
    """The id of an entity or fact from its number."""
    return f"{number:016x}"


def numbers(ids: Iterable[str]) -> dict[str, int]:
    """The numbers of ids; what is none is left out."""
    found: dict[str, int] = {}
    for one in ids:
        if len(one) == 16 and all(mark in "0123456789abcdef" for mark in one):
            found[one] = int(one, 16)
    return {one: number for one, number in found.items() if number < 2**63}


def named(
    connection: Connection, reader: Reader, names: Sequence[str] | None
) -> dict[str, tuple[NamedEntity, ...]]:
    """What folded names may stand for, or all names there are; the likeliest first."""
    query = select(*_SUMMED, func.sum(entity_names.c.weight).label("weight")).group_by(*_SUMMED)
    rows: list[Row[Any]] = []
    for part in chunks(names) if names is not None else (None,):
        inside = [] if part is None else [entity_names.c.folded.in_(part)]
        rows += _rows(connection, reader, query.where(*inside), entity_names)
    group = groups(connection, reader, {row.entity for row in rows})
    heard: dict[str, dict[int, list[Row[Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        heard[row.folded][group[row.entity][0]].append(row)
    if names is None:
        shown = _shown_names(connection, reader, rows, group)
    else:
        standing = {each[0]: each for each in group.values()}
        shown = {one: entity.name for one, entity in _entities(connection, reader, standing).items()}
    return {
        lookup: _likeliest(heard[lookup], shown)
        for lookup in (dict.fromkeys(names) if names is not None else sorted(heard))
        if lookup in heard
    }


def _likeliest(heard: Mapping[int, Sequence[Row[Any]]], shown: Mapping[int, str]) -> tuple[NamedEntity, ...]:
    """What a name may stand for, from the rows of each entity that have it."""
    # Rounded, so that no order of additions decides.
    weights = {one: round(sum(row.weight for row in rows), 9) for one, rows in heard.items()}
    total = sum(weights[one] for one in sorted(weights))
    return tuple(
        NamedEntity(
            hexadecimal(one),
            shown.get(one, ""),
            round(weights[one] / total, 6) if total > 0 else round(1.0 / len(weights), 6),
            all(row.alias for row in heard[one]),
            min(heard[one], key=lambda row: (bool(row.alias), -row.weight, row.name)).name,
        )
        for one in sorted(weights, key=lambda one: (-weights[one], one))
    )


def _shown_names(
    connection: Connection, reader: Reader, rows: Sequence[Row[Any]], group: Mapping[int, tuple[int, ...]]
) -> dict[int, str]:
    """The shown name of every entity, from all rows of the graph."""
    counted: dict[int, Counter[tuple[bool, str]]] = defaultdict(Counter)
    for row in rows:
        stands = group[row.entity][0]
        counted[stands][row.entity != stands or bool(row.alias), row.name] += row.weight
    new = new_names(connection, reader, counted) if reader.changed else {}
    return {one: new.get(one) or _best(names) for one, names in counted.items()}


def _best(names: Mapping[tuple[bool, str], float]) -> str:
    """The name to show: no alias if there is another, the most frequent, the first in the alphabet."""
    return min(names, key=lambda each: (each[0], -names[each], each[1]))[1]


def entities(connection: Connection, reader: Reader, ids: Sequence[int]) -> dict[int, Entity]:
    """The entities that there are, by the ids that were asked for; merged ones are the one they became."""
    group = groups(connection, reader, ids)
    found = _entities(connection, reader, {each[0]: each for each in group.values()})
    return {one: found[group[one][0]] for one in ids if group[one][0] in found}


def _entities(
    connection: Connection, reader: Reader, group: Mapping[int, tuple[int, ...]]
) -> dict[int, Entity]:
    """The entities that stand for these groups."""
    stands = {member: one for one, members in group.items() for member in members}
    query = select(
        *_SUMMED,
        entity_names.c.definition,
        func.sum(entity_names.c.weight).label("weight"),
        func.count().label("support"),
    ).group_by(*_SUMMED, entity_names.c.definition)
    rows: dict[int, list[Row[Any]]] = defaultdict(list)
    for part in chunks(sorted(stands)):
        for row in _rows(connection, reader, query.where(entity_names.c.entity.in_(part)), entity_names):
            rows[stands[row.entity]].append(row)
    new = new_names(connection, reader, rows) if reader.changed else {}
    return {one: _entity(one, each, new.get(one, "")) for one, each in rows.items()}


def _entity(number: int, rows: Sequence[Row[Any]], name: str) -> Entity:
    names: Counter[tuple[bool, str]] = Counter()
    types: Counter[str] = Counter()
    for row in rows:
        names[row.entity != number or bool(row.alias), row.name] += row.weight
        if row.type:
            types[row.type] += row.support
    shown = name or _best(names)
    definitions = sorted({row.definition for row in rows if row.definition}, key=lambda one: (-len(one), one))
    aliases = sorted({each for _, each in names if each != shown})
    kind = min(types, key=lambda one: (-types[one], one)) if types else ""
    definition = definitions[0] if definitions else ""
    return Entity(
        hexadecimal(number), shown, kind, definition, tuple(aliases), sum(row.support for row in rows)
    )


def new_names(connection: Connection, reader: Reader, ids: Iterable[int]) -> dict[int, str]:
    """The names that entities were given by hand, the last one of each."""
    found: dict[int, str] = {}
    for part in chunks(sorted(ids)):
        query = select(entity_changes.c.entity, entity_changes.c.name).where(
            entity_changes.c.index_id == reader.index_id,
            entity_changes.c.tenant == reader.tenant,
            entity_changes.c.kind == "rename",
            entity_changes.c.entity.in_(part),
        )
        found.update(
            (row.entity, row.name) for row in connection.execute(query.order_by(entity_changes.c.number))
        )
    return found


def one_hop(connection: Connection, reader: Reader, entity: int, limit: int) -> tuple[Fact, ...]:
    """The facts that begin or end in an entity, by id; ends that were merged are what they became."""
    (mine,) = groups(connection, reader, [entity]).values()
    ends = or_(facts.c.head.in_(mine), facts.c.tail.in_(mine))
    rows = _rows(connection, reader, select(facts).where(ends).order_by(facts.c.id).limit(limit), facts)
    first = sorted({row.id: row for row in rows}.values(), key=lambda row: row.id)[:limit]
    return facts_of(connection, reader, first)


def facts_of(connection: Connection, reader: Reader, rows: Sequence[Row[Any]]) -> tuple[Fact, ...]:
    """Rows as facts between the entities that stand for their ends."""
    ends = {end for row in rows for end in (row.head, row.tail)}
    stands = {one: each[0] for one, each in groups(connection, reader, ends).items()}
    return tuple(
        Fact(
            hexadecimal(row.id),
            hexadecimal(stands[row.head]),
            row.head_name,
            row.relation,
            hexadecimal(stands[row.tail]),
            row.tail_name,
            row.passage,
            reader.imports[row.import_id].name if row.import_id else "",
            reader.imports[row.import_id].labels if row.import_id else (),
            row.valid_from,
            row.valid_until,
            row.weight,
        )
        for row in rows
    )


def said(connection: Connection, reader: Reader, passages: Sequence[str]) -> dict[str, tuple[Fact, ...]]:
    """The facts that each of these passages says, by id."""
    rows: dict[int, Row[Any]] = {}
    for part in chunks(passages):
        query = select(facts).where(facts.c.passage.in_(part))
        rows.update((row.id, row) for row in _rows(connection, reader, query, facts))
    found: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts_of(connection, reader, [rows[number] for number in sorted(rows)]):
        found[fact.passage].append(fact)
    return {one: tuple(found[one]) for one in passages if one in found}


def naming(
    connection: Connection, reader: Reader, ids: Sequence[int], most: int | None
) -> dict[int, tuple[str, ...]]:
    """The passages that name each of these entities, none of those that more than `most` name."""
    group = groups(connection, reader, ids)
    owner = {member: each[0] for each in group.values() for member in each}
    inside = entity_names.c.passage != ""
    held: Counter[int] = Counter()
    if most is not None:
        # A hub is counted, and not read.
        number = func.count(entity_names.c.passage.distinct()).label("number")
        for part in chunks(sorted(owner)):
            query = select(entity_names.c.entity, number).group_by(entity_names.c.entity)
            mine = query.where(entity_names.c.entity.in_(part), inside)
            for row in _rows(connection, reader, mine, entity_names):
                held[row.entity] += row.number
    crowded = {stands for one, stands in owner.items() if most is not None and held[one] > most}
    few = [one for one, stands in sorted(owner.items()) if stands not in crowded]
    found: dict[int, set[str]] = defaultdict(set)
    for part in chunks(few):
        query = select(entity_names.c.entity, entity_names.c.passage).distinct()
        mine = query.where(entity_names.c.entity.in_(part), inside)
        for row in _rows(connection, reader, mine, entity_names):
            found[owner[row.entity]].add(row.passage)
    return {
        one: tuple(sorted(passages))
        for one in ids
        if (passages := found.get(group[one][0])) and (most is None or len(passages) <= most)
    }


def counts(connection: Connection, reader: Reader) -> KnowledgeCounts:
    """How much there is for the reader; merged entities count as one."""
    ids: set[int] = set()
    names: set[str] = set()
    passages: set[str] = set()
    query = select(entity_names.c.entity, entity_names.c.folded, entity_names.c.passage).distinct()
    for row in _rows(connection, reader, query, entity_names):
        ids.add(row.entity)
        names.add(row.folded)
        passages.add(row.passage)
    said = {row.id for row in _rows(connection, reader, select(facts.c.id), facts)}
    standing = {each[0] for each in groups(connection, reader, ids).values()}
    return KnowledgeCounts(len(standing), len(names), len(said), len(passages - {""}))


def everything(connection: Connection, reader: Reader) -> Iterator[Entity | Fact]:
    """All entities by rising id, then all facts."""
    ids = {
        row.entity
        for row in _rows(connection, reader, select(entity_names.c.entity).distinct(), entity_names)
    }
    standing = sorted({each[0] for each in groups(connection, reader, ids).values()})
    for part in chunks(standing, 5_000):
        found = entities(connection, reader, part)
        yield from (found[one] for one in part if one in found)
    after = -1
    while True:
        query = select(facts).where(facts.c.id > after).order_by(facts.c.id).limit(5_000)
        rows = _rows(connection, reader, query, facts)
        first = sorted({row.id: row for row in rows}.values(), key=lambda row: row.id)[:5_000]
        if not first:
            return
        after = first[-1].id
        yield from facts_of(connection, reader, first)


def _rows(
    connection: Connection, reader: Reader, query: Select[*tuple[Any, ...]], table: Table
) -> list[Row[Any]]:
    """The rows of a query that the reader may read."""
    if reader.nothing:
        return []
    found: list[Row[Any]] = []
    conditions: list[ColumnElement[bool]] = list(reader.conditions(table))
    for condition in conditions:
        found += connection.execute(query.where(condition)).all()
    return found
