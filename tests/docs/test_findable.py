"""A reader finds a feature under the word that he knows, and every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.links import anchors, links, prose, reachable
from tests.docs.page import ROOT

DOCS = ROOT / "docs"
EVERY = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(DOCS.rglob("*.md")),
    *sorted((ROOT / "reference").glob("*.md")),
    ROOT / "benchmarks" / "RESULTS.md",
    *sorted((ROOT / "benchmarks" / "studies").glob("*.md")),
]

#: What a reader who knows LangGraph, LlamaIndex or PyTerrier would search for.
TERMS = """
query expansion; RRF; reciprocal rank fusion; hybrid search; reranking; cross-encoder; late
interaction; MaxSim; ColBERT; BM25; IDF; nDCG; MRR; recall; qrels; run; slate; ranker; edition; beam
search; trie; semantic ID; chunking; chunk; tenant; principal; grant; checkpoint; durability;
streaming; tool retrieval; multi-faceted retrieval; pseudo-relevance feedback; RM3; HyDE; query
drift; MMR; diversity; dense retrieval; sparse retrieval; SPLADE; embedding; vector store;
quantisation; retriever; callback; memory; subgraph; reducer; conditional edge; loop; node
postprocessor; response synthesizer; query engine; ingestion; metadata; API key; load balancing;
failover; circuit breaker; retry; cache; structured output; model routing; bandit; feedback;
off-policy evaluation; cold start; collaborative filtering; SASRec; calibration; abstention;
significance; bootstrap; ablation; backup; retention; write lock; index registry; tracing; trace;
budget; cancellation; prompt injection; RAG; citation; extractive answer; context compression;
conformance test; port; connector
""".replace("\n", " ")


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(target), f"{page.name} links to {target.name}#{anchor}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    found = reachable(ROOT / "README.md")
    assert [page for page in EVERY if page.resolve() not in found] == []


def test_every_page_is_in_the_index() -> None:
    named = {target for target, _ in links(DOCS / "index.md")}
    assert [page.name for page in DOCS.glob("*.md") if page.name != "index.md" and page not in named] == []


def test_terms_of_the_field_are_found_in_the_index_or_the_glossary() -> None:
    text = (prose(DOCS / "index.md") + prose(DOCS / "glossary.md")).lower()
    terms = [term.strip() for term in TERMS.split(";")]
    assert len(terms) >= 60
    assert [term for term in terms if not re.search(rf"\b{re.escape(term.lower())}\b", text)] == []


def test_the_glossary_explains_at_least_eighty_terms_each_with_a_link() -> None:
    rows = [line for line in prose(DOCS / "glossary.md").splitlines() if line.startswith("| ")]
    terms, _, others = "\n".join(rows).partition("| you may know it as")
    explained = [row for row in terms.splitlines()[2:] if row]
    assert len(explained) >= 80
    assert [row for row in explained if "](" not in row] == []
    linked = [row for row in others.splitlines()[2:] if "](" in row]
    assert len(linked) >= 30


def test_terms_of_the_glossary_stand_in_alphabetical_order() -> None:
    for rows in re.split(r"^## .*$", prose(DOCS / "glossary.md"), flags=re.MULTILINE)[1:]:
        found = re.findall(r"^\| (?!-)([^|]+?) \|", rows, re.MULTILINE)[1:]
        names = [re.sub(r"[^\w ]", "", name.lower()) for name in found]
        assert names == sorted(names)


def test_every_shipped_workflow_is_on_the_page_of_workflows() -> None:
    text = prose(DOCS / "workflows.md")
    for file in (ROOT / "workflows").glob("*.py"):
        assert f"| `{file.stem}` |" in text, file.name


def test_a_link_to_nowhere_and_a_heading_that_is_not_there_are_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A title, here\n\n[one](gone.md) [two](#a-title-here) [three](#gone)\n")
    assert [(target.exists(), anchor in anchors(page)) for target, anchor in links(page)] == [
        (False, False),
        (True, True),
        (True, False),
    ]
