"""An outline of a tree, or of what a search saw of it: rows to be printed, drawn or given as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.errors import BadInput
from orchestrator.ports import Documents, TreeNode, TreeStore
from orchestrator.tree.search_path import SearchPath
from orchestrator.types import Hits, Principal

#: Letters of an id that are shown, and may be given.
SHORT = 10
#: Passages of a search that are shown.
BEST = 10


@dataclass(frozen=True, slots=True)
class OutlineRow:
    """A node, or a passage (`kind` "passage"), `depth` levels below the first row, after its parent.

    Of a search: `score` is its latent score, `relevance` its path relevance, `round` the one in which it was
    expanded, from 1, and `rank` the place of a passage among the results, from 1. `hidden` children are not
    among the rows.
    """

    id: str
    parent: str
    depth: int
    kind: str
    title: str
    summary: str = ""
    leaves: int = 1
    score: float | None = None
    relevance: float | None = None
    round: int | None = None
    rank: int | None = None
    hidden: int = 0


@dataclass(frozen=True)
class Outlines:
    """Makes outlines of the trees that a principal may read."""

    trees: TreeStore
    documents: Documents
    principal: Principal

    async def of_tree(self, name: str = "", *, levels: int = 2) -> list[OutlineRow]:
        """The trees, or what lies below a node, so many levels deep; BadInput if there is no such node."""
        rows: list[OutlineRow] = []
        for node in await self._begin(name):
            await self._below(node, "", 0, levels, rows)
        return rows

    async def of_search(self, path: SearchPath, hits: Hits) -> list[OutlineRow]:
        """What a search saw: nodes that it expanded, their children, and the best passages."""
        seen = {each.id: each for each in path.seen}
        ranks = {hit.id: rank for rank, hit in enumerate(hits.top(BEST), 1)}
        rounds: dict[str, int] = {}
        for slate in path.slates:
            rounds.setdefault(slate.node, slate.round + 1)
        nodes = await self._nodes([name for name, each in seen.items() if not each.leaf])
        shown: dict[str, list[str]] = {}
        hidden: dict[str, int] = {}
        for name, each in seen.items():
            if each.leaf and name not in ranks:
                hidden[each.parent] = hidden.get(each.parent, 0) + 1
            elif each.parent and (each.leaf or each.parent in rounds):
                shown.setdefault(each.parent, []).append(name)
        texts = await self.documents.passages(list(ranks), principal=self.principal)
        rows: list[OutlineRow] = []
        waiting = [(path.root, "", 0)]
        while waiting:
            name, parent, depth = waiting.pop()
            each, node = seen[name], nodes.get(name)
            if each.leaf and name not in texts:
                continue
            if each.leaf:
                kind, title, summary = "passage", texts[name].title, _line(texts[name].text)
            elif node is None:
                kind, title, summary = "root", "", ""
            else:
                kind, title, summary = node.kind, node.title, node.summary
            row = OutlineRow(
                name,
                parent,
                depth,
                kind,
                title,
                summary,
                1 if each.leaf else 0 if node is None else node.leaves,
                each.latent,
                each.relevance,
                rounds.get(name),
                ranks.get(name),
                hidden.get(name, 0),
            )
            rows.append(row)
            below = shown.get(name, [])
            below.sort(key=lambda child: (-seen[child].relevance, child))
            waiting.extend((child, name, depth + 1) for child in reversed(below))
        return rows

    async def _begin(self, name: str) -> list[TreeNode]:
        roots = [root.node for root in await self.trees.roots(principal=self.principal)]
        if not roots:
            raise BadInput(
                "No tree of this index may be read.",
                hint="Build one: `orchestrator tree build`, or name another principal.",
            )
        if not name:
            return list((await self._nodes(roots)).values())
        found = await self._nodes([name])
        level = roots
        while level and not found:
            here = await self._nodes(level)
            found = {each: node for each, node in here.items() if each.startswith(name)}
            level = [child for node in here.values() for child in node.children]
        if len(found) != 1:
            what = "There is no node" if not found else f"There are {len(found)} nodes"
            raise BadInput(
                f"{what} whose id begins with {name!r}.",
                hint="`orchestrator tree show` prints ids; give more letters of one.",
            )
        return list(found.values())

    async def _below(
        self, node: TreeNode, parent: str, depth: int, levels: int, rows: list[OutlineRow]
    ) -> None:
        deeper = depth < levels
        hidden = 0 if deeper else len(node.children) + len(node.passages)
        rows.append(
            OutlineRow(
                node.id, parent, depth, node.kind, node.title, node.summary, node.leaves, hidden=hidden
            )
        )
        if not deeper:
            return
        for child in (await self._nodes(node.children)).values():
            await self._below(child, node.id, depth + 1, levels, rows)
        texts = await self.documents.passages(node.passages, principal=self.principal)
        rows.extend(
            OutlineRow(name, node.id, depth + 1, "passage", one.title, _line(one.text))
            for name, one in texts.items()
        )

    async def _nodes(self, names: Sequence[str]) -> Mapping[str, TreeNode]:
        return await self.trees.nodes(names, principal=self.principal) if names else {}


def shown_texts(rows: Sequence[OutlineRow]) -> dict[str, str]:
    """What stands for each row: the title of a node, the text of a passage behind a title of its own."""
    titles = {row.id: row.title for row in rows}
    found: dict[str, str] = {}
    for row in rows:
        if row.kind != "passage":
            found[row.id] = row.title or row.summary or row.kind
        elif not row.title or row.title == titles.get(row.parent) or row.summary.startswith(row.title):
            found[row.id] = row.summary
        else:
            found[row.id] = f"{row.title}: {row.summary}"
    return found


def printed(rows: Sequence[OutlineRow], width: int = 110) -> list[str]:
    """The rows as lines, indented by their depth, none longer than `width`."""
    lines: list[str] = []
    texts = shown_texts(rows)
    for row in rows:
        name = f"{row.id[:SHORT]}  " if row.kind != "passage" else ""
        told = f"{'  ' * row.depth}{name}{texts[row.id]}"
        notes = [f"{row.leaves:,} passages"] if row.kind != "passage" else []
        if row.rank is not None:
            notes.append(f"result {row.rank}")
        if row.round is not None:
            notes.append(f"round {row.round}")
        if row.score is not None:
            notes.append(f"score {row.score:.2f}")
        if row.relevance is not None:
            notes.append(f"relevance {row.relevance:.2f}")
        if row.hidden:
            notes.append(f"{row.hidden} not shown")
        end = f"  ({', '.join(notes)})" if notes else ""
        room = max(20, width - len(end))
        lines.append((told if len(told) <= room else f"{told[: room - 1]}…") + end)
    return lines


def _line(text: str) -> str:
    return " ".join(text.split())
