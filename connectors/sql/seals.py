"""A hash of a row as it was published, by which `index verify` finds what was changed since."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table

from connectors.sql.tables import documents, files, passage_features, passages, tree_nodes
from connectors.sql.tables.metadata import json_text

#: The columns that a row's seal covers. Not labels, which change without a publication and are compared
#: with those of the shards; nor terms, which are counted into the statistics.
SEALED: Mapping[Table, tuple[str, ...]] = {
    documents: ("id", "tenant", "root", "file", "document", "title", "source", "hash", "metadata"),
    passages: ("id", "document_id", "position", "text", "hash"),
    files: ("root", "file", "tenant", "hash", "size", "documents", "passages", "error"),
    passage_features: ("passage", "kind", "text"),
    tree_nodes: ("id", "kind", "title", "summary", "made_of"),
}


def seal(table: Table, row: Mapping[Any, Any]) -> str:
    """The seal of a row; equal for a row that is written and for the same one as it is read back."""
    content = json_text([row[name] for name in SEALED[table]])
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def sealed(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """The row with its seal."""
    return {**row, "seal": seal(table, row)}
