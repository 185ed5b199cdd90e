"""Writing summaries anew where what lies beneath has changed, the lowest first, within an allowance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.ports import Documents, TreeGroup
from orchestrator.tree.living import LivingTree
from orchestrator.tree.summaries import TERMS, Summaries, Summarised
from orchestrator.tree.vocabulary import Vocabulary

#: Passages whose words stand for what lies beneath a node, and for the rest of the tree.
SAMPLE, REST = 40, 300


@dataclass
class Repair:
    """Repairs the summaries of a tree: at most `allowed`, of which `done` are done, and `left` stay stale."""

    living: LivingTree
    group: TreeGroup
    documents: Documents
    summaries: Summaries
    allowed: int
    done: int = 0
    left: int = 0

    async def run(self) -> None:
        """Write what is stale, the deepest first, as far as the allowance reaches."""
        depths = self.living.depths()
        stale = [name for name, kept in self.living.nodes.items() if name != self.living.root and kept.stale]
        stale.sort(key=lambda name: (-depths[name], name))
        chosen = stale[: self.allowed]
        self.left = len(stale) - len(chosen)
        if not chosen:
            return
        beneath = {name: self._passages(name) for name in chosen}
        vocabulary, numbers = await self._vocabulary(beneath)
        for name in chosen:
            terms = vocabulary.salient([numbers[each] for each in beneath[name] if each in numbers], TERMS)
            await self._write(name, terms)
            self.done += 1

    async def _write(self, name: str, terms: tuple[str, ...]) -> None:
        kept = self.living.nodes[name]
        node = kept.node
        title = node.title if kept.named else ""
        texts = await self._texts(node.passages)
        parts = [texts[passage] for passage in node.passages if passage in texts]
        parts += [self.living.nodes[child].node.text for child in node.children]
        of = Summarised(title, tuple(parts), terms, tuple(self._passages(name, None)))
        summary = await self.summaries.summary(of)
        named = title or ", ".join(terms[:3])
        written = replace(node, title=named, summary=summary, made_of=kept.content)
        self.living.nodes[name] = replace(kept, node=written, changed=0)

    def _passages(self, name: str, most: int | None = SAMPLE) -> list[str]:
        """Passages beneath a node, evenly chosen if they are more than `most`."""
        found: list[str] = []
        waiting = [name]
        while waiting:
            node = self.living.nodes[waiting.pop()].node
            found.extend(node.passages)
            waiting.extend(node.children)
        return found if most is None else evenly(sorted(found), most)

    async def _vocabulary(self, beneath: Mapping[str, Sequence[str]]) -> tuple[Vocabulary, dict[str, int]]:
        rest = evenly(sorted(self._passages(self.living.root, None)), REST)
        wanted = dict.fromkeys([*rest, *(passage for held in beneath.values() for passage in held)])
        texts = await self._texts(wanted)
        numbers = {passage: number for number, passage in enumerate(texts)}
        return Vocabulary(texts.values()), numbers

    async def _texts(self, passages: Iterable[str]) -> dict[str, str]:
        """What passages show, as leaves do."""
        found = await self.documents.passages(list(passages), principal=self.group.reader)
        return {
            name: one.text
            if not one.title or one.text.startswith(one.title)
            else f"{one.title}\n\n{one.text}"
            for name, one in found.items()
        }


def evenly(items: Sequence[str], most: int) -> list[str]:
    """At most so many of some items, at even distances."""
    step = -(-len(items) // most) if items else 1
    return list(items[::step])
