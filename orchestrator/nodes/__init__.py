"""Ready-made nodes. `from orchestrator.nodes import Retrieve, Compress, CitedAnswer`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.nodes.answer.cited_answer import CitedAnswer
    from orchestrator.nodes.answer.cited_report import CitedReport
    from orchestrator.nodes.answer.compress import Compress
    from orchestrator.nodes.answer.hit_list_answer import HitListAnswer
    from orchestrator.nodes.facets.explore import Explore
    from orchestrator.nodes.facets.facet_search import AskFacet, SearchFacets, UniteFacets
    from orchestrator.nodes.query.drift import DriftGuard
    from orchestrator.nodes.query.feedback import Rm3, RocchioTerms, VectorFeedback
    from orchestrator.nodes.query.prompt_prf import PromptPrf
    from orchestrator.nodes.query.pseudo_documents import PseudoDocuments
    from orchestrator.nodes.query.reformulate import GenQREnsemble, GenQRFusion
    from orchestrator.nodes.query.split_question import SplitQuestion
    from orchestrator.nodes.query.standalone import Standalone
    from orchestrator.nodes.query.stored_reformulations import StoredReformulations
    from orchestrator.nodes.recommend.recommend import (
        ExcludeRefused,
        FindItems,
        RecentItems,
        Recommend,
        UserHistory,
    )
    from orchestrator.nodes.recommend.slate import MakeSlate, SlateAnswer
    from orchestrator.nodes.rerank import Rerank
    from orchestrator.nodes.retrieve.fusion import anchored, convex, dbsf, rrf
    from orchestrator.nodes.retrieve.interpolation import Interpolate, contrast
    from orchestrator.nodes.retrieve.max_sim import MaxSim, RetrieveLate
    from orchestrator.nodes.retrieve.retrieve import Retrieve
    from orchestrator.nodes.retrieve.title_mention_boost import TitleMentionBoost
    from orchestrator.nodes.select.coverage import Cover
    from orchestrator.nodes.select.mmr import Mmr
    from orchestrator.nodes.select.relevance_filter import RelevanceFilter
    from orchestrator.nodes.select.semantic_compression import SemanticCompression
    from orchestrator.nodes.select.weigh_sources import WeighSources
    from orchestrator.nodes.tools.retrieve_tools import RetrieveTools, ToolQueries


_HOMES = {
    "AskFacet": "facets.facet_search",
    "CitedAnswer": "answer.cited_answer",
    "CitedReport": "answer.cited_report",
    "Compress": "answer.compress",
    "Cover": "select.coverage",
    "DriftGuard": "query.drift",
    "Explore": "facets.explore",
    "FindItems": "recommend.recommend",
    "GenQREnsemble": "query.reformulate",
    "GenQRFusion": "query.reformulate",
    "Interpolate": "retrieve.interpolation",
    "ExcludeRefused": "recommend.recommend",
    "HitListAnswer": "answer.hit_list_answer",
    "MaxSim": "retrieve.max_sim",
    "TitleMentionBoost": "retrieve.title_mention_boost",
    "Mmr": "select.mmr",
    "PromptPrf": "query.prompt_prf",
    "PseudoDocuments": "query.pseudo_documents",
    "Recommend": "recommend.recommend",
    "StoredReformulations": "query.stored_reformulations",
    "RelevanceFilter": "select.relevance_filter",
    "UserHistory": "recommend.recommend",
    "Rerank": "rerank",
    "Retrieve": "retrieve.retrieve",
    "RetrieveLate": "retrieve.max_sim",
    "RetrieveTools": "tools.retrieve_tools",
    "Rm3": "query.feedback",
    "RocchioTerms": "query.feedback",
    "SearchFacets": "facets.facet_search",
    "SemanticCompression": "select.semantic_compression",
    "SplitQuestion": "query.split_question",
    "RecentItems": "recommend.recommend",
    "SlateAnswer": "recommend.slate",
    "MakeSlate": "recommend.slate",
    "Standalone": "query.standalone",
    "ToolQueries": "tools.retrieve_tools",
    "UniteFacets": "facets.facet_search",
    "VectorFeedback": "query.feedback",
    "WeighSources": "select.weigh_sources",
    "anchored": "retrieve.fusion",
    "contrast": "retrieve.interpolation",
    "convex": "retrieve.fusion",
    "dbsf": "retrieve.fusion",
    "rrf": "retrieve.fusion",
}

__all__ = [
    "AskFacet",
    "CitedAnswer",
    "CitedReport",
    "Compress",
    "Cover",
    "DriftGuard",
    "Explore",
    "FindItems",
    "GenQREnsemble",
    "GenQRFusion",
    "Interpolate",
    "ExcludeRefused",
    "HitListAnswer",
    "MaxSim",
    "TitleMentionBoost",
    "Mmr",
    "PromptPrf",
    "PseudoDocuments",
    "Recommend",
    "StoredReformulations",
    "RelevanceFilter",
    "UserHistory",
    "Rerank",
    "Retrieve",
    "RetrieveLate",
    "RetrieveTools",
    "Rm3",
    "RocchioTerms",
    "SearchFacets",
    "SemanticCompression",
    "SplitQuestion",
    "RecentItems",
    "SlateAnswer",
    "MakeSlate",
    "Standalone",
    "ToolQueries",
    "UniteFacets",
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
