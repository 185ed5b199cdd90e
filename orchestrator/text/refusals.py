"""What a wish refuses: "not red", "without perfume or dyes", "fragrance-free".

A search by words finds most surely what it is told to leave out, so the two halves of a wish are told
apart. The words are English, with a few of German, French and Spanish.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.text.words import words as runs

#: Refused phrases are no longer than this.
LONGEST = 3

_TOKEN = re.compile(r"\w+(?:[’'-]\w+)*|[^\w\s]")
_REFUSE = frozenset(
    "not no without except excluding avoid avoiding nothing non neither nor minus don't don’t doesn't "
    "doesn’t isn't isn’t shouldn't shouldn’t ohne nicht kein keine keinen keiner sans pas sin".split()
)
# Between a refusal and what it refuses: "not the", "nothing with any", "don't want a", "no added".
_BETWEEN = frozenset(
    "a an any the too so very such with in of from by made be being is to me my want like show offer contain "
    "contains containing include includes including smell smelling added der die das den mit le la les de "
    "du des el los las con".split()
)
# What is no thing to refuse: "not sure", "not only", "no more than", "no problem".
_IDIOMS = frozenset(
    "sure only just necessarily really much many more less later longer problem matter idea doubt need yet "
    "bad important know have has had find mind care worry see get".split()
)
_STANDS_FOR = frozenset("one ones item items thing things stuff product products please thanks".split())
# After these something else begins.
_ENDS = frozenset(
    "a an the and but for with in on of from to by that which who what when where if as at is are was i me "
    "my you it its instead rather though und aber für mit et mais pour avec y pero para con".split()
)
_ON = frozenset("or nor oder noch ou ni o".split())
_HISTORY = re.compile(
    r"\b(?:my|our|the) (?:last|latest|previous|recent|past) (?:orders?|purchases?|buys?|basket)\b",
    re.IGNORECASE,
)
# An attribute with such a value says that the item lacks what the field names.
_LACKING = frozenset(("", "no", "none", "not", "false", "0", "never", "without", "free"))


@dataclass(frozen=True, slots=True)
class Wish:
    """What is looked for, and the phrases of what is not, each as its words."""

    wanted: str
    refused: tuple[tuple[str, ...], ...] = ()


def wish(text: str) -> Wish:
    """The two halves of a text. What points at a history ("my last order") is looked for by neither.

    "X-free" and "non-X" refuse X and are looked for as they stand, since titles are written so.
    """
    tokens = list(_TOKEN.finditer(text))
    words = [token.group().casefold() for token in tokens]
    dropped = [(found.start(), found.end()) for found in _HISTORY.finditer(text)]
    refused: list[tuple[str, ...]] = []
    at = 0
    while at < len(words):
        word = words[at]
        if word.endswith("-free") and len(word) > 5:
            refused.append(_stems(word[:-5]))
        elif word.startswith("non-") and len(word) > 4:
            refused.append(_stems(word[4:]))
        elif word == "free" and at + 2 < len(words) and words[at + 1] in ("of", "from"):
            phrase, _ = _phrase(words, at + 2)
            refused += [phrase] if phrase else []
        elif word == "free" and at and _thing(words[at - 1]):
            refused.append(_stems(words[at - 1]))
        elif word in ("no", "not") and _turn(words, at):
            pass
        elif word in _REFUSE:
            first = at
            phrase, at = _phrase(words, at + 1)
            if phrase:
                refused.append(phrase)
                while at < len(words) and words[at] in _ON:
                    phrase, at = _phrase(words, at + 1)
                    refused += [phrase] if phrase else []
                dropped.append((tokens[first].start(), tokens[at - 1].end()))
            continue
        at += 1
    return Wish(_without(text, dropped), tuple(dict.fromkeys(each for each in refused if each)))


def says(refused: Iterable[tuple[str, ...]], texts: Sequence[str], fields: Iterable[tuple[str, str]]) -> bool:
    """Whether a thing that `texts` and its `fields` describe is, or has, any of what is refused.

    It is not where its own text refuses the same ("perfume-free", "no dyes"), or where a field of that
    name says so ("perfume": "none").
    """
    phrases = tuple(refused)
    described = [_stems(text) for text in texts]
    named = [_stems(name) for name, value in fields if value.strip().casefold() not in _LACKING]
    return any(
        phrase in named or any(_occurs(phrase, words) for words in described) for phrase in phrases if phrase
    )


def _turn(words: Sequence[str], at: int) -> bool:
    """Whether a "no" or "not" refuses nothing: "I have no comb", "why not red", "Chanel No 5"."""
    before, after = words[max(0, at - 2) : at], words[at + 1 : at + 2]
    if words[at] == "not":
        return before[-1:] == ["why"]
    lacking = len(before) == 2 and before[0] in ("i", "we") and before[1] in ("have", "got")
    return lacking or (bool(after) and after[0][0].isdigit())


def _phrase(words: Sequence[str], at: int) -> tuple[tuple[str, ...], int]:
    """The words of a thing from a place on, and the place behind it; nothing where none is named."""
    while at < len(words) and words[at] in _BETWEEN:
        at += 1
    found: list[str] = []
    while at < len(words) and len(found) < LONGEST and _thing(words[at]):
        if words[at] in _IDIOMS and not found:
            return (), at + 1
        if words[at].endswith("-free"):
            break
        if words[at] not in _STANDS_FOR:
            found += _stems(words[at])
        at += 1
    return tuple(found), at


def _thing(word: str) -> bool:
    return word[0].isalnum() and word not in _ENDS and word not in _ON and word not in _REFUSE


def _occurs(phrase: tuple[str, ...], words: Sequence[str]) -> bool:
    """Whether a phrase occurs where it is not refused itself."""
    size = len(phrase)
    return any(
        tuple(words[at : at + size]) == phrase
        and words[at + size : at + size + 1] != ("free",)
        and not set(words[max(0, at - 2) : at]) & {"no", "non", "without", "not", "zero", "free"}
        for at in range(len(words) - size + 1)
    )


def _stems(text: str) -> tuple[str, ...]:
    """Words without case and without the s of a plural."""
    return tuple(
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        for word in runs(text.casefold())
    )


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    kept = text
    for start, end in sorted(spans, reverse=True):
        kept = f"{kept[:start]} {kept[end:]}"
    return " ".join(kept.split())
