"""How names are compared: by their words, whatever stands between these."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from orchestrator.text.scripts import UNSPACED
from orchestrator.text.words import words

#: Words of the longest name that is looked for; what is longer is a sentence, and nobody names it.
LONGEST = 12
#: Characters of the longest name.
LONGEST_TEXT = 200

# A character of a script without spaces counts as a word: where a name ends there, no mark says.
_PIECE = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")
#: What ends a name: a paragraph, and a full stop behind a word that is no abbreviation.
_SENTENCE = re.compile(r"[.!?…]['\"’”)\]]*\s|[。！？]|\n\s*\n")
#: Letters of the longest word that a full stop may abbreviate: "J. Smith", "St. Ives", "Sgt. Pepper".
_ABBREVIATED = 3
#: What a path or an identifier has between its words.
_JOINED = "_./-\\:@"


class Word(NamedTuple):
    """A word of a text: as it is written, where it begins and ends, and whether a sentence ends behind it."""

    text: str
    start: int
    end: int
    last: bool


def name_words(text: str) -> tuple[str, ...]:
    """The words of a name, as they are written; none of one that is too long."""
    if len(text) > LONGEST_TEXT:
        return ()
    if text.isascii():
        found = tuple(words(text))
    else:
        found = tuple(match.group() for match in _PIECE.finditer(text))
    return found if len(found) <= LONGEST else ()


def spelling_key(name: str) -> int:
    """A number for a name as it is written, its words joined by spaces: 63 bits of BLAKE2b."""
    digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def folded_key(name: str) -> int:
    """A number for a name, whatever its case."""
    return spelling_key(name.casefold())


def text_words(text: str) -> list[Word]:
    """The words of a text, in their order."""
    found = list(_PIECE.finditer(text))
    result: list[Word] = []
    for at, match in enumerate(found):
        end = match.end()
        between = text[end : found[at + 1].start()] if at + 1 < len(found) else ". "
        # Most words have one space behind them.
        last = between != " " and _ends(match.group(), between)
        result.append(Word(match.group(), match.start(), end, last))
    return result


def begins_name(text: str, word: Word) -> bool:
    """Whether a name may begin with this word: it is written so, or is part of an identifier or a path."""
    first = word.text[0]
    if not first.islower():
        return True
    if not word.text.islower():
        return True
    behind = text[word.end : word.end + 2]
    return len(behind) == 2 and behind[0] in _JOINED and behind[1].isalnum()


def is_unspaced_word(word: str) -> bool:
    """Whether a word is one character of a script without spaces."""
    return len(word) == 1 and not word.isascii() and re.match(f"[{UNSPACED}]", word) is not None


def _ends(word: str, between: str) -> bool:
    if len(between) > 6:
        return True
    if not _SENTENCE.search(between):
        return False
    return len(word) > _ABBREVIATED or not between.startswith(".")
