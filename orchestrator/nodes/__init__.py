"""Ready-made nodes. `from orchestrator.nodes import Retrieve, Compress, CitedAnswer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.nodes.answer import CitedAnswer
    from orchestrator.nodes.compress import Compress
    from orchestrator.nodes.coverage import Cover
    from orchestrator.nodes.decompose import Sentences
    from orchestrator.nodes.drift import DriftGuard
    from orchestrator.nodes.facet_search import AskFacet, SearchFacets, UniteFacets
    from orchestrator.nodes.facets import Explore
    from orchestrator.nodes.feedback import Rm3, RocchioTerms, VectorFeedback
    from orchestrator.nodes.fusion import anchored, convex, dbsf, rrf
    from orchestrator.nodes.interpolation import Interpolate, contrast
    from orchestrator.nodes.listing import Listing
    from orchestrator.nodes.max_sim import MaxSim, RetrieveLate
    from orchestrator.nodes.mentions import Mentions
    from orchestrator.nodes.mmr import Mmr
    from orchestrator.nodes.prompt_prf import PromptPrf
    from orchestrator.nodes.pseudo_documents import PseudoDocuments
    from orchestrator.nodes.recommend import FindItems, LeaveOut, Recommend, Remembered, SessionItems
    from orchestrator.nodes.recorded import Recorded
    from orchestrator.nodes.reformulate import GenQREnsemble, GenQRFusion
    from orchestrator.nodes.relevance import RelevanceFilter
    from orchestrator.nodes.report import CitedReport
    from orchestrator.nodes.rerank import Rerank
    from orchestrator.nodes.retrieve import Retrieve
    from orchestrator.nodes.semantic_compression import SemanticCompression
    from orchestrator.nodes.slate import SlateAnswer, Slated
    from orchestrator.nodes.sources import WeighSources
    from orchestrator.nodes.standalone import Standalone
    from orchestrator.nodes.tools import RetrieveTools, ToolQueries


_HOMES = {
    "FindItems": "recommend",
    "LeaveOut": "recommend",
    "Recommend": "recommend",
    "Remembered": "recommend",
    "SessionItems": "recommend",
    "Slated": "slate",
    "SlateAnswer": "slate",
    "AskFacet": "facet_search",
    "CitedAnswer": "answer",
    "CitedReport": "report",
    "Compress": "compress",
    "Cover": "coverage",
    "DriftGuard": "drift",
    "Explore": "facets",
    "GenQREnsemble": "reformulate",
    "GenQRFusion": "reformulate",
    "Interpolate": "interpolation",
    "Listing": "listing",
    "MaxSim": "max_sim",
    "Mmr": "mmr",
    "Mentions": "mentions",
    "PromptPrf": "prompt_prf",
    "PseudoDocuments": "pseudo_documents",
    "Recorded": "recorded",
    "RelevanceFilter": "relevance",
    "Rerank": "rerank",
    "Retrieve": "retrieve",
    "RetrieveLate": "max_sim",
    "RetrieveTools": "tools",
    "Rm3": "feedback",
    "RocchioTerms": "feedback",
    "SearchFacets": "facet_search",
    "SemanticCompression": "semantic_compression",
    "Sentences": "decompose",
    "Standalone": "standalone",
    "UniteFacets": "facet_search",
    "ToolQueries": "tools",
    "VectorFeedback": "feedback",
    "WeighSources": "sources",
    "anchored": "fusion",
    "contrast": "interpolation",
    "convex": "fusion",
    "dbsf": "fusion",
    "rrf": "fusion",
}

__all__ = [
    "FindItems",
    "LeaveOut",
    "Recommend",
    "Remembered",
    "SessionItems",
    "Slated",
    "SlateAnswer",
    "AskFacet",
    "CitedAnswer",
    "CitedReport",
    "Compress",
    "Cover",
    "DriftGuard",
    "Explore",
    "GenQREnsemble",
    "GenQRFusion",
    "Interpolate",
    "Listing",
    "MaxSim",
    "Mmr",
    "Mentions",
    "PromptPrf",
    "PseudoDocuments",
    "Recorded",
    "RelevanceFilter",
    "Rerank",
    "Retrieve",
    "RetrieveLate",
    "RetrieveTools",
    "Rm3",
    "RocchioTerms",
    "SearchFacets",
    "SemanticCompression",
    "Sentences",
    "Standalone",
    "UniteFacets",
    "ToolQueries",
    "VectorFeedback",
    "WeighSources",
    "anchored",
    "contrast",
    "convex",
    "dbsf",
    "rrf",
]


def __getattr__(name: str) -> Any:
    """Import a node when it is first named: one family does not pay for another's libraries."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'orchestrator.nodes' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"orchestrator.nodes.{home}"), name)
