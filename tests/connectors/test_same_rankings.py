"""Every vector store gives the embedded store's rankings, of real texts: the pages of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.vector_stores import Corpus, difference, measure, recall, same, servers

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

DOCS = Path(__file__).parents[2] / "docs"
#: How far two scores of one passage may lie apart: cosines are summed up in another order.
TOLERANCE = 1e-5


async def docs() -> Corpus:
    """Paragraphs of the documentation, and its headings as queries."""
    pages = [(DOCS / name).read_text() for name in ("retrieval.md", "indexing.md", "operations.md")]
    texts = [part for page in pages for part in re.split(r"\n\s*\n", page) if len(part) > 60]
    headings = [line.lstrip("# ") for page in pages for line in re.findall(r"^#+ .*$", page, re.MULTILINE)]
    return await Corpus.of("docs", texts, headings)


async def test_rankings_are_those_of_the_embedded_store(tmp_path: Path) -> None:
    corpus = await docs()
    with servers() as stores:
        found = {}
        for name, make in stores.items():
            home = tmp_path / str(len(found))
            home.mkdir()
            found[name] = await measure(corpus, home, make(home))
    expected = found.pop("embedded")
    assert recall(corpus, expected.dense) > 0.99
    assert len(found) == 2
    for each in found.values():
        # Sums of terms are exact.
        assert each.terms == expected.terms
        assert same(each.dense, expected.dense, TOLERANCE) == 1.0
        assert difference(each.dense, expected.dense) <= TOLERANCE


async def test_a_graph_finds_nearly_all_of_the_nearest(tmp_path: Path) -> None:
    corpus = await docs()
    with servers(graph_from=50) as stores:
        found = await measure(corpus, tmp_path, stores["pgvector"](tmp_path))
    assert recall(corpus, found.dense) > 0.95
