"""Keyphrases of a text: the runs of content words that it repeats, begins with, or writes as names.

Candidates are those of RAKE (Rose et al., 2010): words between stop words and punctuation. They are
weighed, without any statistics of other texts, by how often their words occur, whether they are
written as names, and how early they stand, as in YAKE (Campos et al., 2020).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from math import log

#: Words of a phrase, at most.
LONGEST = 4
#: Characters of a text that are read: its subject is named before they end.
READ = 20_000

_PIECE = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*|[^\s]")
_WORD = re.compile(r"[^\W_]")


def keyphrases(text: str, n: int, *, is_stop: Callable[[str], bool], title: str = "") -> tuple[str, ...]:
    """The `n` weightiest phrases of a text, as they are first written, the weightiest first.

    `is_stop` tells the words that no phrase has in it. What the title says counts as if it were
    written three times. A phrase within a weightier one is left out.
    """
    words = [match.group() for match in _PIECE.finditer(f"{title}\n" * 3 * bool(title) + text[:READ])]
    counts: Counter[str] = Counter()
    named: Counter[str] = Counter()
    begins = True
    for word in words:
        if _WORD.match(word):
            counts[word.casefold()] += 1
            # The first word of a sentence always has a capital, so it tells nothing.
            named[word.casefold()] += (not begins and word[0].isupper()) or any(map(str.isdigit, word[1:]))
        begins = word in ".!?:\n" if not _WORD.match(word) else False
    stops = {word: is_stop(word) for word in counts}
    found: dict[str, tuple[str, ...]] = {}
    first: dict[str, int] = {}
    repeated: Counter[str] = Counter()
    run: list[str] = []
    for place, word in enumerate([*words, "."]):
        known = word.casefold()
        # A number alone names nothing.
        if _WORD.match(word) and not stops[known] and not known.isdigit() and len(known) > 1:
            run.append(word)
            continue
        # What a long run is about stands at its end.
        run = run[-LONGEST:]
        if run:
            key = " ".join(run).casefold()
            found.setdefault(key, tuple(run))
            first.setdefault(key, place - len(run))
            repeated[key] += 1
        run = []
    weights = {
        key: sum(_weight(word, counts, named) for word in key.split())
        / (1.0 + 0.2 * (len(phrase) - 1))
        * (1.0 + log(repeated[key]))
        / (1.0 + log(1.0 + first[key] / 50.0))
        for key, phrase in found.items()
    }
    chosen: list[str] = []
    for key in sorted(weights, key=lambda key: (-weights[key], key)):
        if len(chosen) == n:
            break
        if not any(f" {key} " in f" {other} " for other in chosen):
            chosen.append(key)
    return tuple(" ".join(found[key]) for key in chosen)


def names(text: str, n: int, *, is_stop: Callable[[str], bool], title: str = "") -> tuple[str, ...]:
    """The `n` most frequent names of a text: runs of words with capitals, elsewhere than at a beginning."""
    found: Counter[str] = Counter()
    within: set[str] = set()
    place: dict[str, int] = {}
    run: list[str] = []
    begins = at = False
    pieces = [match.group() for match in _PIECE.finditer(f"{title}.\n" * bool(title) + text[:READ])]
    begins = True
    for number, word in enumerate([*pieces, "."]):
        if _WORD.match(word) and word[0].isupper() and not (begins and is_stop(word)):
            at = begins if not run else at
            run.append(word)
        else:
            if run and len(run) <= LONGEST and not (len(run) == 1 and is_stop(run[0])):
                name = " ".join(run)
                found[name] += 1
                place.setdefault(name, number)
                if not at or len(run) > 1:
                    within.add(name)
            run = []
        begins = not _WORD.match(word) and word in ".!?:\n"
    ordered = sorted(within, key=lambda name: (-found[name], place[name], name))
    return tuple(ordered[:n])


def _weight(word: str, counts: Counter[str], named: Counter[str]) -> float:
    return (1.0 + log(counts[word])) * (1.0 + 0.5 * (2 * named[word] > counts[word]))
