# The public names of `connectors.vllm`, listed once: see `orchestrator.lazy_names`.

from connectors.vllm.address import Address as Address
from connectors.vllm.address import addresses as addresses
from connectors.vllm.completing import Completion as Completion
from connectors.vllm.embedder import VllmEmbedder as VllmEmbedder
from connectors.vllm.model import VllmModel as VllmModel
from connectors.vllm.scoring import Scorer as Scorer
from connectors.vllm.scoring import ScoringModel as ScoringModel
from connectors.vllm.servers import Servers as Servers
