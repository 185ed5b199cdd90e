# The public names of `connectors.qdrant`, listed once: see `orchestrator.lazy_names`.

from connectors.qdrant.rows import QdrantRows as QdrantRows
from connectors.qdrant.server import QdrantServer as QdrantServer
from connectors.qdrant.store import QdrantVectorStore as QdrantVectorStore
