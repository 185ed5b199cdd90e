# The public names of `connectors.qdrant_edge`, listed once: see `orchestrator.lazy_names`.

from connectors.qdrant_edge.shards import EdgeShardWriter as EdgeShardWriter
from connectors.qdrant_edge.store import EdgeVectorStore as EdgeVectorStore
