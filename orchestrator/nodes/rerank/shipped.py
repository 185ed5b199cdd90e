"""The library's own reranking strategies, as entry points."""

from __future__ import annotations

from orchestrator.nodes.rerank.auto import Auto
from orchestrator.nodes.rerank.cascade import Cascade
from orchestrator.nodes.rerank.elimination import Elimination
from orchestrator.nodes.rerank.encoders import CrossEncoder, Embedding
from orchestrator.nodes.rerank.groupwise import Groupwise
from orchestrator.nodes.rerank.listwise import FirstToken, Listwise
from orchestrator.nodes.rerank.pairwise import Pairwise
from orchestrator.nodes.rerank.pointwise import Graded, YesNo
from orchestrator.nodes.rerank.setwise import Setwise
from orchestrator.nodes.rerank.strategies import RerankSettings, Strategy

#: Passages that E2Rank's query holds.
CONTEXT = 20


def auto(settings: RerankSettings) -> Strategy:
    """What was measured to be best for the model."""
    return Auto(settings)


def groupwise(settings: RerankSettings) -> Strategy:
    """Scores in groups of `group`, `repeats` times."""
    return Groupwise(
        settings.group,
        settings.repeats,
        settings.weight,
        settings.calibrate,
        settings.anchors,
        settings.stop,
        settings.expectation,
    )


def yes_no(settings: RerankSettings) -> Strategy:
    """Each passage by itself: does it answer?"""
    return YesNo()


def graded(settings: RerankSettings) -> Strategy:
    """Each passage by itself: how well does it answer?"""
    return Graded()


def pairwise(settings: RerankSettings) -> Strategy:
    """Comparisons of two, by heapsort."""
    return Pairwise("heapsort", settings.keep)


def pairwise_all(settings: RerankSettings) -> Strategy:
    """Comparisons of all pairs."""
    return Pairwise("all")


def pairwise_sliding(settings: RerankSettings) -> Strategy:
    """Comparisons of neighbours."""
    return Pairwise("sliding", settings.keep)


def setwise(settings: RerankSettings) -> Strategy:
    """The best of a few, by heapsort."""
    return Setwise(settings.keep, stop=settings.stop)


def listwise(settings: RerankSettings) -> Strategy:
    """Windows of `window` every `step`."""
    return Listwise(settings.window, settings.step, stop=settings.stop)


def full(settings: RerankSettings) -> Strategy:
    """All in one prompt."""
    return Listwise(None, stop=settings.stop)


def first(settings: RerankSettings) -> Strategy:
    """Windows, of whose answer the first token counts."""
    return FirstToken(settings.window, settings.step)


def elimination(settings: RerankSettings) -> Strategy:
    """The worst of each window leaves."""
    return Elimination(settings.window, 1)


def cross_encoder(settings: RerankSettings) -> Strategy:
    """A scoring server."""
    return CrossEncoder()


def embedding(settings: RerankSettings) -> Strategy:
    """The embedder's cosines."""
    return Embedding()


def e2rank(settings: RerankSettings) -> Strategy:
    """The embedder's cosines, with the best passages as context."""
    return Embedding(context=CONTEXT)


def cascade(settings: RerankSettings) -> Strategy:
    """Embeddings, then groupwise, then setwise on the best."""
    return Cascade(((Embedding(), settings.depth), (groupwise(settings), 50), (setwise(settings), 20)))
