"""State in SQL, in a SQLite file or PostgreSQL: indexes, documents, jobs, runs, conversations, cache."""

from __future__ import annotations

from connectors.sql.catalogue import SqlCatalogue
from connectors.sql.database import Database
from connectors.sql.documents import SqlDocuments
from connectors.sql.ledger import SqlLedger

__all__ = ["Database", "SqlCatalogue", "SqlDocuments", "SqlLedger"]
