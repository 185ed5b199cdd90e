"""Linking: which entities a text names, by their names and aliases, by spelling, or by meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orchestrator.knowledge.minhash import NameBlocks
from orchestrator.knowledge.vocabulary_blocks import spelling_blocks
from orchestrator.knowledge.wording import LONGEST, Word, text_words
from orchestrator.ports import Embedder, KnowledgeStore, NamedEntity, Vocabulary
from orchestrator.text.entity_names import folded
from orchestrator.types import Principal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

How = Literal["name", "alias", "spelling", "meaning"]
#: Words of a text that are looked at, and of a name that is looked for by spelling or meaning.
MOST_WORDS, LONGEST_ALIKE = 200, 6
#: Letters of the longest abbreviation, which is written in capitals or is another word, as ADD and "add".
_ABBREVIATION = 6
#: Characters of the shortest name that is looked for by its spelling.
_SHORTEST = 5
#: Names among which meaning is looked for; more would keep a question waiting.
MOST_EMBEDDED = 20_000


@dataclass(frozen=True, slots=True)
class Linked:
    """A name in a text, from `start` to before `end`, and the entities that it may stand for.

    `score`, 0–1, is how alike it is to their name: 1 for the name itself, a Jaccard similarity of trigrams,
    or a cosine.
    """

    text: str
    start: int
    end: int
    how: How
    score: float
    entities: tuple[NamedEntity, ...]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike a name must be by `spelling` (Jaccard similarity of trigrams) or `meaning` (cosine)."""

    spelling: float = 0.6
    meaning: float = 0.85


@dataclass(frozen=True, slots=True)
class _Span:
    text: str
    lookup: str
    start: int
    end: int
    words: tuple[str, ...]
    first: bool


async def link(
    text: str,
    store: KnowledgeStore,
    principal: Principal,
    *,
    is_stop: Callable[[str], bool],
    embedder: Embedder | None = None,
    likeness: Likeness | None = None,
) -> tuple[Linked, ...]:
    """The names in a text, none over another; the longest of those that overlap. In their order.

    What is no name as it is written is compared by spelling, where it begins with a capital (or nothing in
    the text does); by meaning only where nothing else was found, and an embedder is given.
    """
    limits = likeness or Likeness()
    words = text_words(text)[:MOST_WORDS]
    spans = list(_spans(text, words))
    found = await store.named(list(dict.fromkeys(span.lookup for span in spans)), principal=principal)
    lowercase = text == text.lower()
    exact: list[Linked] = []
    for span in spans:
        meant = tuple(
            one
            for one in found.get(span.lookup, ())
            if _is_meant(span, one, is_stop=is_stop, lowercase=lowercase)
        )
        if meant:
            how: How = "alias" if all(one.alias for one in meant) else "name"
            exact.append(Linked(span.text, span.start, span.end, how, 1.0, meant))
    chosen = _apart(exact, [])
    left = [span for span in spans if not _over(span, chosen) and _may_be_alike(span, is_stop)]
    spelled = [span for span in left if lowercase or span.text[:1].isupper() or span.text[:1].isdigit()]
    if spelled:
        vocabulary = await store.vocabulary(principal=principal)
        blocks = await spelling_blocks(vocabulary)
        if blocks is not None:
            chosen = _apart(_by_spelling(spelled, vocabulary, blocks, limits.spelling), chosen)
    if not chosen and left and embedder is not None:
        vocabulary = await store.vocabulary(principal=principal)
        if 0 < len(vocabulary.names) <= MOST_EMBEDDED:
            chosen = _apart(await _by_meaning(left, vocabulary, embedder, limits.meaning), chosen)
    return tuple(sorted(chosen, key=lambda one: one.start))


def without(text: str, linked: Sequence[Linked]) -> str:
    """A text without the names in it: what it asks about them."""
    kept, reached = list[str](), 0
    for one in sorted(linked, key=lambda each: each.start):
        kept.append(text[reached : one.start])
        reached = one.end
    return " ".join(" ".join([*kept, text[reached:]]).split())


def _spans(text: str, words: Sequence[Word]) -> Iterator[_Span]:
    first = True
    for begin, word in enumerate(words):
        for end in range(begin, min(begin + LONGEST, len(words))):
            piece = text[word.start : words[end].end]
            inside = tuple(each.text for each in words[begin : end + 1])
            yield _Span(piece, folded(piece), word.start, words[end].end, inside, first)
        first = word.last


def _is_meant(span: _Span, entity: NamedEntity, *, is_stop: Callable[[str], bool], lowercase: bool) -> bool:
    """Whether a span is the name of an entity, and no everyday word that is written like it."""
    written = entity.written or entity.name
    everyday = all(map(is_stop, span.words))
    letters = [mark for mark in written if mark.isalpha()]
    if 0 < len(letters) <= _ABBREVIATION and all(map(str.isupper, letters)):
        return span.text.upper() == span.text or (lowercase and not everyday)
    # The Who, written so; at the beginning of a sentence, capitals say nothing of a word alone.
    return not everyday or (span.text == written and (len(span.words) > 1 or not span.first))


def _may_be_alike(span: _Span, is_stop: Callable[[str], bool]) -> bool:
    return (
        len(span.words) <= LONGEST_ALIKE
        and len(span.lookup) >= _SHORTEST
        and not is_stop(span.words[0])
        and not is_stop(span.words[-1])
    )


def _over(span: _Span, chosen: Sequence[Linked]) -> bool:
    return any(one.start < span.end and span.start < one.end for one in chosen)


def _apart(found: Sequence[Linked], chosen: Sequence[Linked]) -> list[Linked]:
    """What was chosen, and of what was found all that lies over none of it: better and longer ones first."""
    kept = list(chosen)
    for one in sorted(found, key=lambda each: (-each.score, each.start - each.end, each.start)):
        if not any(other.start < one.end and one.start < other.end for other in kept):
            kept.append(one)
    return kept


def _by_spelling(
    spans: Sequence[_Span], vocabulary: Vocabulary, blocks: NameBlocks, at_least: float
) -> list[Linked]:
    found: list[Linked] = []
    for span in spans:
        for name, score in blocks.near(span.lookup, at_least=at_least)[:1]:
            # Numbers tell things apart that are otherwise spelled alike.
            if _digits(name) == _digits(span.lookup):
                entities = vocabulary.names[name]
                found.append(Linked(span.text, span.start, span.end, "spelling", score, entities))
    return found


async def _by_meaning(
    spans: Sequence[_Span], vocabulary: Vocabulary, embedder: Embedder, at_least: float
) -> list[Linked]:
    names = list(vocabulary.names)
    key = ("vectors", embedder.name)
    if key not in vocabulary.kept:
        vocabulary.kept[key] = await embedder.embed(names, kind="passage")
    vectors: NDArray[np.float32] = vocabulary.kept[key]
    asked = await embedder.embed([span.text for span in spans], kind="query")
    cosines = asked @ vectors.T
    found: list[Linked] = []
    for row, span in enumerate(spans):
        best = int(cosines[row].argmax())
        score = float(cosines[row, best])
        if score >= at_least and _digits(names[best]) == _digits(span.lookup):
            entities = vocabulary.names[names[best]]
            found.append(Linked(span.text, span.start, span.end, "meaning", min(score, 1.0), entities))
    return found


def _digits(text: str) -> str:
    return "".join(mark for mark in text if mark.isdigit())
