"""One search of a tree by a node: what it reads, its rounds, and what it has at any time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.errors import BudgetExhausted, ModelError
from orchestrator.graph.run_context import Run
from orchestrator.nodes.rerank.candidates import normalised
from orchestrator.nodes.tree.scorers import Scoring, TreeQuestion, entries_of
from orchestrator.ports import Documents, TreeNode, TreeRoot, TreeStore, VectorStore
from orchestrator.tree.search import Slate, TreeWalk, WalkSettings
from orchestrator.types import Filter, Hit, Hits, Passage, Principal

#: Trees that are searched together; of a reader of more, the smaller ones are reached by hits alone.
MOST_TREES = 20
#: Nodes of the frontier whose children are read along with those of the beam: a store that is asked seldom
#: for much is faster than one that is asked often for little.
AHEAD = 8
#: The node above several trees.
FOREST = "forest"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a search reads: trees, texts and vectors, as one reader may, within the question's filters."""

    trees: TreeStore
    documents: Documents
    vectors: VectorStore
    reader: Principal
    filters: tuple[Filter, ...]

    async def passages(self, names: Sequence[str]) -> dict[str, Passage]:
        """The passages that exist, may be read and match the filters."""
        found = await self.documents.passages(names, principal=self.reader)
        return {name: one for name, one in found.items() if all(_matches(one, each) for each in self.filters)}


class TreeSearching:
    """One search: its walk, and what was read for it. `keep` hits are its result.

    Seeds are part of the result from the beginning to the end, as far as it has room for them.
    """

    def __init__(
        self,
        asked: TreeQuestion,
        scoring: Scoring,
        sources: Sources,
        settings: WalkSettings,
        keep: int,
        run: Run,
    ) -> None:
        self._asked = asked
        self._score = scoring
        self._sources = sources
        self._settings = settings
        self._keep = keep
        self._run = run
        self._forest: TreeNode | None = None
        self._seeds: tuple[str, ...] = ()
        self._was_read: set[str] = set()
        self.walk = TreeWalk("")

    async def begin(self, roots: Sequence[TreeRoot], seeds: Hits) -> None:
        """Start at the root of the tree, or above several; with hits that were found before."""
        searched = [root.node for root in roots[:MOST_TREES]]
        root = searched[0]
        if len(searched) > 1:
            leaves = sum(each.leaves for each in roots[:MOST_TREES])
            self._forest = TreeNode(FOREST, "root", "", "", tuple(searched), (), leaves)
            root = FOREST
        if len(roots) > len(searched):
            self._run.degrade(
                f"the largest {MOST_TREES} of {len(roots)} trees are searched: passages of the others come "
                "from the hits before the search alone"
            )
        self.walk = TreeWalk(root, self._settings, absolute=self._score.absolute)
        self._seeds = seeds.ids
        paths = await self._sources.trees.paths(seeds.ids, principal=self._sources.reader) if seeds else {}
        for hit, score in zip(seeds, normalised([hit.score for hit in seeds]), strict=True):
            path = paths.get(hit.id, ())
            if path and path[0] not in searched:
                path = ()
            above = (FOREST,) if self._forest else ()
            self.walk.seed(hit.id, (*above, *path), score)
        await self._known_topics([path[-1] for path in paths.values()])

    async def go(self, rounds: int) -> None:
        """So many rounds, or until the budget runs out, or there is nothing more to expand."""
        for _ in range(rounds):
            if self._run.remaining == 0.0:
                self._run.degrade(
                    f"the tree was searched in part: the time ran out in round {self.walk.rounds + 1}"
                )
                return
            if not await self._round():
                return
            if self._run.remaining is not None:
                self._run.offer(self.hits())

    async def _round(self) -> bool:
        """One round; whether there may be another."""
        nodes = await self._expanded(self.walk.beam())
        if not nodes:
            return False
        slates = await self._known(self.walk.slates(nodes))
        answers = await asyncio.gather(*(self._score(slate) for slate in slates), return_exceptions=True)
        scores: list[Mapping[str, float]] = []
        stopped: BudgetExhausted | ModelError | None = None
        for answer in answers:
            if isinstance(answer, BudgetExhausted | ModelError):
                stopped = answer
            elif isinstance(answer, BaseException):
                raise answer
            scores.append({} if isinstance(answer, BaseException) else answer)
        if stopped is not None:
            kept = [(slate, given) for slate, given in zip(slates, scores, strict=True) if given]
            done = {slate.node for slate, _ in kept}
            slates, scores = [slate for slate, _ in kept], [given for _, given in kept]
            nodes = [node for node in nodes if node.id in done]
        self.walk.take(nodes, slates, scores)
        if stopped is not None and not self.walk.ranking() and isinstance(stopped, ModelError):
            raise stopped
        if stopped is not None:
            self._run.degrade(f"the tree was searched in part: {stopped.message.rstrip('.')}")
        return stopped is None

    async def _expanded(self, beam: Sequence[str]) -> list[TreeNode]:
        """The nodes of the beam, with those of their passages that the question may find."""
        names = [name for name in beam if name != FOREST]
        topics = await self._known_topics(names)
        found = {name: topics[name] for name in names if name in topics}
        await self._read_below(list(found.values()))
        texts = self._asked.texts
        whole = [
            replace(node, passages=tuple(passage for passage in node.passages if passage in texts))
            for node in found.values()
        ]
        gone = [name for name in names if name not in found]
        self.walk.forget(gone)
        if self._forest is not None and FOREST in beam:
            return [self._forest, *whole]
        return whole or (await self._expanded(self.walk.beam()) if gone else [])

    async def _known(self, slates: Sequence[Slate]) -> list[Slate]:
        """The slates, once all that they show was read; what cannot be read is left out of them."""
        topics = await self._known_topics(entries_of(slates, "topics"))
        await self._read(entries_of(slates, "leaves"))
        known = {*topics, *self._asked.texts}
        return [
            replace(
                slate,
                children=tuple(name for name in slate.children if name in known),
                anchors=tuple(name for name in slate.anchors if name in known),
            )
            for slate in slates
        ]

    async def _read_below(self, nodes: Sequence[TreeNode]) -> None:
        """What hangs on some nodes, and where any of it is not known yet, on the next of the frontier."""
        below = [name for node in nodes for name in (*node.children, *node.passages)]
        if all(name in self._asked.topics or name in self._was_read for name in below):
            return
        topics = self._asked.topics
        ahead = [topics[name] for name in self.walk.beam(AHEAD) if name in topics]
        await self._known_topics([child for node in (*nodes, *ahead) for child in node.children])
        await self._read([passage for node in (*nodes, *ahead) for passage in node.passages])

    async def _known_topics(self, names: Sequence[str]) -> Mapping[str, TreeNode]:
        """All nodes that were read; each once in a search."""
        missing = [name for name in dict.fromkeys(names) if name not in self._asked.topics]
        if missing:
            self._asked.topics |= await self._sources.trees.nodes(missing, principal=self._sources.reader)
        return self._asked.topics

    async def _read(self, passages: Sequence[str]) -> None:
        """Texts of passages, and their vectors where these are what is scored, or may stand in for it."""
        wanted = [name for name in dict.fromkeys(passages) if name not in self._was_read]
        if not wanted:
            return
        self._was_read.update(wanted)
        found = await self._sources.passages(wanted)
        self._asked.texts |= {name: _shown(one) for name, one in found.items()}
        read: Any = await self._sources.vectors.vectors(list(found), principal=self._sources.reader)
        self._asked.vectors |= read

    def hits(self) -> Hits:
        """The best passages so far. Those that seeded the search are among them, whatever their place."""
        ranking = self.walk.ranking()
        first = set(self._seeds[: self._keep])
        room = self._keep - len(first)
        kept: list[Hit] = []
        for name, relevance in ranking:
            if name in first:
                kept.append(Hit(name, relevance, "tree"))
            elif room > 0 and name in self._asked.texts:
                room -= 1
                kept.append(Hit(name, relevance, "tree"))
        return Hits(tuple(kept))


def _shown(passage: Passage) -> str:
    if not passage.title or passage.text.startswith(passage.title):
        return passage.text
    return f"{passage.title}\n{passage.text}"


def _matches(passage: Passage, wanted: Filter) -> bool:
    return any(name == wanted.field and value in wanted.values for name, value in passage.metadata)
