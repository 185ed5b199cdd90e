"""The mention graph of one reader, from SQL: as if what he may not read were not there."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from connectors.sql.access import readable
from connectors.sql.tables import document_names, documents, mentions, passages
from orchestrator.knowledge.rarity import needs_rare_word, rare_limit
from orchestrator.ports import MentionEdges
from orchestrator.types import Principal

#: Rows that are read at once.
_ROWS = 10_000


def edges_of(connection: Connection, index_id: int | None, principal: Principal, most: int) -> MentionEdges:
    """The mentions in readable passages of names that at most `most` readable documents have."""
    owners: dict[str, int] = {}
    titles: list[str] = []
    owned: list[tuple[str, int]] = []
    named: dict[int, dict[int, str]] = {}
    words: dict[int, str] = {}
    doubtful: set[int] = set()
    found: list[tuple[str, int, int, int]] = []
    conditions = list(readable(connection, principal)) if index_id is not None and principal.grants else []
    streaming = connection.execution_options(yield_per=_ROWS)
    for allowed in conditions:
        mine = (documents.c.index_id == index_id, documents.c.retired.is_(None), allowed)
        query = select(documents.c.id, documents.c.title).where(*mine)
        for row in streaming.execute(query):
            owners[row.id] = len(titles)
            titles.append(row.title)
        query = select(passages.c.id, passages.c.document_id).select_from(passages.join(documents))
        for row in streaming.execute(query.where(*mine, passages.c.retired.is_(None))):
            owned.append((row.id, owners[row.document_id]))
        query = select(
            document_names.c.spelling,
            document_names.c.words,
            document_names.c.kind,
            document_names.c.passage,
            document_names.c.document_id,
        ).select_from(document_names.join(documents))
        for row in streaming.execute(query.where(*mine, document_names.c.words != "")):
            named.setdefault(row.spelling, {}).setdefault(owners[row.document_id], row.passage)
            words[row.spelling] = row.words
            if row.kind != "file" and needs_rare_word(row.words):
                doubtful.add(row.spelling)
        query = select(mentions.c.passage, mentions.c.first, mentions.c.behind, mentions.c.spelling)
        query = query.select_from(
            mentions.join(
                passages,
                (passages.c.index_id == mentions.c.index_id) & (passages.c.id == mentions.c.passage),
            ).join(documents)
        )
        found += [tuple(row) for row in streaming.execute(query.where(*mine))]
    said = Counter(spelling for _, spelling in {(passage, spelling) for passage, _, _, spelling in found})
    limit = rare_limit(len(owned))
    usable = {
        spelling: leads
        for spelling, leads in named.items()
        if len(leads) <= most and (spelling not in doubtful or said[spelling] <= limit)
    }
    return _resolved(sorted(owned), titles, usable, words, found)


def _resolved(
    owned: list[tuple[str, int]],
    titles: list[str],
    named: dict[int, dict[int, str]],
    words: dict[int, str],
    found: list[tuple[str, int, int, int]],
) -> MentionEdges:
    # Numbers depend on what the reader may read alone: documents by their first passage.
    numbers: dict[int, int] = {}
    for _, owner in owned:
        numbers.setdefault(owner, len(numbers))
    places = {passage: place for place, (passage, _) in enumerate(owned)}
    usable = {
        spelling: {owner: passage for owner, passage in leads.items() if passage in places}
        for spelling, leads in named.items()
    }
    labels: dict[int, int] = {}
    edges: set[tuple[int, int, int]] = set()
    # The longest name at each place first, and none that overlaps it.
    found.sort(key=lambda one: (one[0], one[1], -one[2]))
    last, behind = "", 0
    for passage, first, end, spelling in found:
        leads = usable.get(spelling)
        if not leads or (passage == last and first < behind):
            continue
        last, behind = passage, end
        source = places[passage]
        own = owned[source][1]
        # A name that the document itself has says nothing of another one.
        if own in leads:
            continue
        label = labels.setdefault(spelling, len(labels))
        for target in leads.values():
            edges.add((source, places[target], label))
    names = [words[spelling] for spelling in labels]
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = {label: place for place, label in enumerate(order)}
    rows: Any = sorted((source, target, rank[label]) for source, target, label in edges)
    columns = np.array(rows, np.int32).reshape(-1, 3)
    by_number = sorted(numbers, key=numbers.__getitem__)
    return MentionEdges(
        passages=[passage for passage, _ in owned],
        documents=np.array([numbers[owner] for _, owner in owned], np.int32),
        titles=[titles[owner] for owner in by_number],
        sources=columns[:, 0].copy(),
        targets=columns[:, 1].copy(),
        labels=columns[:, 2].copy(),
        names=[names[label] for label in order],
    )
