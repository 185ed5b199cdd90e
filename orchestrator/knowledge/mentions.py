"""Mentions: where a text names a document, as it is written, the longest name first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from orchestrator.knowledge.wording import LONGEST, Word, begins_name, is_unspaced_word, text_words


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a text: its words, joined by spaces; they are the text's from `first` to before `end`."""

    name: str
    first: int
    end: int


class NamingText:
    """A text whose words may be names of documents."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def words(self) -> list[Word]:
        """The words, in their order."""
        return text_words(self.text)

    def spans(
        self, *, any_case: bool = False, by_first: Mapping[str, int] | None = None
    ) -> Iterator[tuple[int, int, str]]:
        """Every run of words that may be a name: its first word, the one behind it, and its words.

        A name begins with a word that is written as one; with `any_case`, with any, since questions are often
        in small letters. It does not go beyond a sentence. `by_first` has the words of the longest run that
        is of interest, by its first word.
        """
        words = self.words
        for first, begin in enumerate(words):
            longest = LONGEST if by_first is None else by_first.get(begin.text, 0)
            if not longest or not (any_case or begins_name(self.text, begin)):
                continue
            joined = begin.text
            yield first, first + 1, joined
            for end in range(first + 1, min(first + longest, len(words))):
                if words[end - 1].last:
                    break
                joined = f"{joined} {words[end].text}"
                yield first, end + 1, joined

    def runs(self, *, any_case: bool = False) -> set[str]:
        """Every run of words that may be a name."""
        return {joined for _, _, joined in self.spans(any_case=any_case)}

    def mentions(self, names: Collection[str]) -> list[Mention]:
        """The names that stand in the text as they are written; none within a longer one or over it."""
        return _longest((first, end, joined) for first, end, joined in self.spans() if joined in names)

    def mentions_in_any_case(
        self, spelled: Mapping[str, Collection[str]]
    ) -> list[tuple[Mention, Collection[str]]]:
        """The same for names by their words in small letters, with how each is spelled.

        A name of one word counts only as it is spelled: "winter" is rarely the film of that name.
        """
        runs = self.spans(any_case=True)
        found = _longest(
            (first, end, joined)
            for first, end, joined in runs
            if joined.casefold() in spelled and _meant(joined, spelled[joined.casefold()])
        )
        return [(mention, spelled[mention.name.casefold()]) for mention in found]

    def around(self, mention: Mention, before: int, after: int) -> list[str]:
        """The words beside a mention: so many before and so many behind it."""
        words = self.words
        beside = [
            *words[max(0, mention.first - before) : mention.first],
            *words[mention.end : mention.end + after],
        ]
        return [word.text for word in beside]


def is_single(name: str) -> bool:
    """Whether a name has one word, so that it may be a word of everyday speech."""
    return " " not in name and not is_unspaced_word(name[:1])


def _meant(joined: str, spelled: Collection[str]) -> bool:
    return not is_single(joined) or joined in spelled


def _longest(runs: Iterator[tuple[int, int, str]]) -> list[Mention]:
    """From left to right, the longest run that begins at each word, without those that overlap it."""
    best: dict[int, tuple[int, str]] = {}
    for first, end, joined in runs:
        best[first] = (end, joined)
    found: list[Mention] = []
    behind = 0
    for first in sorted(best):
        if first >= behind:
            behind, joined = best[first]
            found.append(Mention(joined, first, behind))
    return found


def named_once(mentions: Sequence[Mention]) -> dict[str, list[Mention]]:
    """The mentions of each name, by its first place."""
    found: dict[str, list[Mention]] = {}
    for mention in mentions:
        found.setdefault(mention.name, []).append(mention)
    return found
