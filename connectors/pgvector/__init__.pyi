# The public names of `connectors.pgvector`, listed once: see `orchestrator.lazy_names`.

from connectors.pgvector.database import VectorDatabase as VectorDatabase
from connectors.pgvector.store import PgVectorStore as PgVectorStore
from connectors.pgvector.writer import PgIndexWriter as PgIndexWriter
