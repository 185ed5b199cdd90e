"""Ready-made nodes. `from orchestrator.nodes import Retrieve, Compress, CitedAnswer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.nodes.answer.cited_answer import CitedAnswer
    from orchestrator.nodes.answer.cited_report import CitedReport
    from orchestrator.nodes.answer.compress import Compress
    from orchestrator.nodes.answer.hit_list_answer import Listing
    from orchestrator.nodes.facets.explore import Explore
    from orchestrator.nodes.facets.facet_search import AskFacet, SearchFacets, UniteFacets
    from orchestrator.nodes.query.drift import DriftGuard
    from orchestrator.nodes.query.feedback import Rm3, RocchioTerms, VectorFeedback
    from orchestrator.nodes.query.prompt_prf import PromptPrf
    from orchestrator.nodes.query.pseudo_documents import PseudoDocuments
    from orchestrator.nodes.query.reformulate import GenQREnsemble, GenQRFusion
    from orchestrator.nodes.query.split_question import Sentences
    from orchestrator.nodes.query.standalone import Standalone
    from orchestrator.nodes.query.stored_reformulations import Recorded
    from orchestrator.nodes.recommend.recommend import (
        FindItems,
        LeaveOut,
        Recommend,
        Remembered,
        SessionItems,
    )
    from orchestrator.nodes.recommend.slate import SlateAnswer, Slated
    from orchestrator.nodes.rerank import Rerank
    from orchestrator.nodes.retrieve.fusion import anchored, convex, dbsf, rrf
    from orchestrator.nodes.retrieve.interpolation import Interpolate, contrast
    from orchestrator.nodes.retrieve.max_sim import MaxSim, RetrieveLate
    from orchestrator.nodes.retrieve.retrieve import Retrieve
    from orchestrator.nodes.retrieve.title_mention_boost import Mentions
    from orchestrator.nodes.select.coverage import Cover
    from orchestrator.nodes.select.mmr import Mmr
    from orchestrator.nodes.select.relevance_filter import RelevanceFilter
    from orchestrator.nodes.select.semantic_compression import SemanticCompression
    from orchestrator.nodes.select.weigh_sources import WeighSources
    from orchestrator.nodes.tools.retrieve_tools import RetrieveTools, ToolQueries


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
