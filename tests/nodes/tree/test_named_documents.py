"""Search within documents that a question names: what passages inherit, what is kept, and who may read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.bm25 import Bm25Encoder
from orchestrator import ANONYMOUS, Hits, Question, workflow
from orchestrator.nodes import NamedDocuments
from orchestrator.places import Place
from orchestrator.ports import Documents, Embedder, SparseEncoder, TreeStore, VectorStore
from orchestrator.testing.trees import HeldTree, HeldTrees
from orchestrator.tree.build import TreeSettings, build_tree
from orchestrator.tree.leaf import Leaf
from orchestrator.tree.summaries import ExtractiveSummaries
from orchestrator.types import Filter, Hit, Passage, Principal
from tests.tree.shelves import Embedding, vector_of

PAGES = ("trade", "risks", "plants", "staff", "law", "income", "flows", "notes", "pensions")
FIRMS = ("ACME_2018", "ACME_2019", "ORBIT_2018", "ORBIT_2019")


def report(firm: str) -> list[Passage]:
    """A cover that names the firm and the year, and pages that do not."""
    name, year = firm.split("_")
    texts = [
        f"{name} Corporation, fiscal year {year}",
        *(f"{page} of the business of the firm" for page in PAGES),
    ]
    return [
        Passage(
            f"{firm}-{at}",
            f"{firm}.pdf",
            text,
            title="Annual report",
            position=at,
            places=(Place(0, at + 1),),
        )
        for at, text in enumerate(texts)
    ]


@dataclass
class Library:
    """The `Documents` and `VectorStore` ports over passages."""

    held: dict[str, Passage]
    version: str = "1"

    async def passages(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Passage]:
        found = {name: self.held[name] for name in ids if name in self.held}
        return {name: one for name, one in found.items() if one.visible_to(principal)}

    async def vectors(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Any]:
        return {
            name: vector_of(one.text) for name, one in (await self.passages(ids, principal=principal)).items()
        }

    async def search(self, *_: Any, **__: Any) -> list[Hits]:
        raise NotImplementedError


def library(*firms: str) -> Library:
    held = [replace(one, labels=("public",)) for firm in firms for one in report(firm)]
    return Library({one.id: one for one in held})


async def trees_of(shelf: Library) -> HeldTrees:
    leaves = [
        Leaf(one.id, one.document, one.text, vector_of(one.text), one.title, one.position, ("Pages",))
        for one in shelf.held.values()
    ]
    return HeldTrees(HeldTree(await build_tree(leaves, ExtractiveSummaries(), TreeSettings("bottom_up", 4))))


async def found(
    asked: str | Question,
    shelf: Library | None = None,
    hits: Sequence[Hit] = (),
    trees: HeldTrees | None = None,
    **settings: Any,
) -> list[str]:
    shelf = shelf or library(*FIRMS)
    question = Question(asked, ANONYMOUS) if isinstance(asked, str) else asked
    ports = {
        TreeStore: trees or await trees_of(shelf),
        Documents: shelf,
        VectorStore: shelf,
        Embedder: Embedding(),
        SparseEncoder: Bm25Encoder(),
    }
    flow = workflow("t", NamedDocuments(**settings), inputs=(Question, Hits))
    result = await flow.run(question, Hits(tuple(hits)), ports=ports)
    return list((result.get(Hits) or Hits()).ids)


async def test_the_page_of_the_named_report_comes_first() -> None:
    assert (await found("What were the flows of Acme in FY2019?"))[0] == "ACME_2019-7"
    assert (await found("What were the pensions of Orbit in 2018?"))[0] == "ORBIT_2018-9"


async def test_hits_of_other_documents_stay_behind() -> None:
    hits = [Hit("ORBIT_2018-7", 9.0), Hit("ORBIT_2019-7", 8.0)]
    ids = await found("What were the flows of Acme in FY2019?", hits=hits)
    assert ids[0] == "ACME_2019-7"
    assert {"ORBIT_2018-7", "ORBIT_2019-7"} <= set(ids)


async def test_hits_are_the_result_where_no_document_is_named() -> None:
    hits = [Hit("ORBIT_2018-7", 9.0), Hit("ACME_2019-7", 8.0)]
    assert await found("Who is the tallest giraffe?", hits=hits) == ["ORBIT_2018-7", "ACME_2019-7"]


async def test_a_subject_that_other_documents_speak_of_names_none() -> None:
    shelf = library("ACME_2018", "ORBIT_2018")
    shelf.held = {
        name: replace(one, document=f"{'risks' if 'ACME' in name else 'staff'}.pdf", title="", places=())
        for name, one in shelf.held.items()
    }
    # Both have a page on risks, and one is called so.
    hits = [Hit("ORBIT_2018-2", 9.0), Hit("ACME_2018-2", 8.0)]
    assert await found("What are the risks of the business?", shelf, hits) == ["ORBIT_2018-2", "ACME_2018-2"]
    alone = [Hit("ORBIT_2018-4", 9.0), Hit("ACME_2018-2", 8.0)]
    assert (await found("What are the risks of the business?", shelf, alone))[0].startswith("ACME")


async def test_one_long_document_among_short_ones_is_not_the_one_that_is_meant() -> None:
    shelf = library("ACME_2018", "ORBIT_2018")
    shelf.held = {n: one for n, one in shelf.held.items() if "ACME" in n or one.position < 5}
    hits = [Hit("ORBIT_2018-1", 9.0), Hit("ACME_2018-7", 8.0)]
    assert await found("And the trade?", shelf, hits) == ["ORBIT_2018-1", "ACME_2018-7"]


async def test_names_are_not_inherited_without_a_weight() -> None:
    hits = [Hit("ORBIT_2018-1", 9.0)]
    ids = await found("What were the flows of Acme in FY2019?", hits=hits, names=0.0)
    assert ids.index("ORBIT_2018-1") < len(ids) - 1


async def test_one_long_document_alone_is_searched_without_a_name() -> None:
    assert (await found("And the flows?", library("ACME_2018")))[0] == "ACME_2018-7"


async def test_short_documents_are_left_alone() -> None:
    shelf = library("ACME_2018", "ORBIT_2018")
    shelf.held = {name: one for name, one in shelf.held.items() if one.position < 5}
    hits = [Hit("ORBIT_2018-1", 9.0)]
    assert await found("What is the trade of Acme in 2018?", shelf, hits) == ["ORBIT_2018-1"]


async def test_without_a_tree_the_hits_are_the_result() -> None:
    hits = [Hit("ORBIT_2018-1", 9.0)]
    assert await found("What is the trade of Acme?", hits=hits, trees=HeldTrees()) == ["ORBIT_2018-1"]


async def test_filters_hold_for_what_is_found_within() -> None:
    shelf = library(*FIRMS)
    for name, one in shelf.held.items():
        shelf.held[name] = replace(one, metadata=(("odd", one.position % 2 == 1),))
    asked = Question("What were the flows of Acme in FY2019?", ANONYMOUS, filters=(Filter("odd", (False,)),))
    ids = await found(asked, shelf, [Hit("ACME_2019-2", 1.0)])
    assert ids
    assert all(shelf.held[name].position % 2 == 0 for name in ids)


async def test_what_a_reader_may_no_longer_read_is_not_found_though_it_was_counted() -> None:
    shelf = library(*FIRMS)
    trees = await trees_of(shelf)
    asked = "What were the flows of Acme in FY2019?"
    assert (await found(asked, shelf, trees=trees))[0] == "ACME_2019-7"
    shelf.held["ACME_2019-7"] = replace(shelf.held["ACME_2019-7"], labels=("staff",))
    assert "ACME_2019-7" not in await found(asked, shelf, trees=trees)


async def test_a_new_version_of_the_index_is_read_anew() -> None:
    shelf = library(*FIRMS)
    trees = await trees_of(shelf)
    asked = "What do the newts of Acme cost in FY2019?"
    assert (await found(asked, shelf, trees=trees))[0] != "ACME_2019-4"
    shelf.held["ACME_2019-4"] = replace(shelf.held["ACME_2019-4"], text="newts and their newts")
    shelf.version = "2"
    assert (await found(asked, shelf, trees=trees, dense=0.0))[0] == "ACME_2019-4"
