"""The scripts of a text: Unicode says which, and how terms are found in each.

Chinese, Japanese, Thai, Lao, Khmer and Burmese are written without spaces, and a Korean word carries its
particles with it. There the terms are overlapping runs of two characters, as in Lucene's CJK analysis, or of
three in alphabets: no dictionary, the same for a question and a document, and partial matches count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

#: Characters of scripts without spaces between words, with their marks; and Korean syllables.
UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e"  # Thai
    "\u0e81-\u0ede"  # Lao
    "\u1000-\u109f\uaa60-\uaa7f"  # Burmese
    "\u1780-\u17d3"  # Khmer
    "\u3005-\u3007\u3040-\u309f\u30a0-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"  # Chinese
    "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"  # Korean
)
_UNSPACED_RUN = re.compile(f"[{UNSPACED}]+")
# A language each, in which these scripts are stemmed. Others are not stemmed.
_STEMMED = {
    "greek": re.compile(r"(?<!\w)[\u0370-\u03ff\u1f00-\u1fff]+(?!\w)"),
    "russian": re.compile(r"(?<!\w)[\u0400-\u052f]+(?!\w)"),
    "arabic": re.compile(r"(?<!\w)[\u0600-\u06ff\u0750-\u077f]+(?!\w)"),
}
# Letters of neighbours, to whose words the stemmer of the script's largest language does harm.
_OTHER = {
    "russian": re.compile("[іїєґўћђјљњџѓќѕІЇЄҐЎЋЂЈЉЊЏЃЌЅ]"),
    "arabic": re.compile("[پچژگکیےٹڈڑہھ]"),
}
#: What `by_language` is told where all words in a script shall be stemmed.
NO_NEIGHBOURS: Mapping[str, bool] = dict.fromkeys(_OTHER, False)
#: Of so many words in a script, one with a neighbour's letters may be a name in another text.
_QUOTED = 10
# Alphabets whose letters say less than a Chinese character or a Korean syllable does.
_ALPHABET = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\uaa60-\uaa7f]")


def is_unspaced(text: str) -> bool:
    """Whether a text has characters of scripts without spaces."""
    return not text.isascii() and _UNSPACED_RUN.search(text) is not None


def shingles(run: str) -> list[str]:
    """The terms of a run without spaces: its overlapping pairs, in alphabets its threes.

    Marks stay with their character. A single character is doubled, since terms of one are left out.
    """
    if _ALPHABET.match(run):
        characters, size = clusters(run), 3
    else:
        characters, size = list(run), 2
    if len(characters) == 1:
        return [characters[0] * 2]
    return ["".join(characters[at : at + size]) for at in range(max(1, len(characters) - size + 1))]


def clusters(run: str) -> list[str]:
    """The characters of a run, each with the marks that are written on it."""
    found: list[str] = []
    for character in run:
        if found and unicodedata.category(character) == "Mn":
            found[-1] += character
        else:
            found.append(character)
    return found


def with_terms(text: str) -> str:
    """The text with the runs that have no spaces written as their terms, with spaces between them."""
    if text.isascii():
        return text
    return _UNSPACED_RUN.sub(lambda run: f" {' '.join(shingles(run.group()))} ", text)


def neighbours(text: str) -> dict[str, bool]:
    """Of the languages whose script a text has, whether its letters show a neighbour of theirs."""
    found: dict[str, bool] = {}
    for language, other in _OTHER.items():
        if words := _STEMMED[language].findall(text):
            # A name is quoted in the letters of its own language.
            found[language] = sum(map(bool, map(other.search, words))) * _QUOTED >= len(words)
    return found


def by_language(text: str, told: Mapping[str, bool] | None = None) -> dict[str, str]:
    """A text parted by the languages in which its scripts are stemmed; "" has everything else.

    Words of neighbours, which share a script with one of these languages, stay with everything else. The
    text's own letters tell them, where the `neighbours` of the whole that it is a piece of do not.
    """
    told = {**neighbours(text), **(told or {})}
    parts: dict[str, str] = {}
    for language, run in _STEMMED.items():
        found = run.findall(text)
        if not found or told.get(language):
            continue
        parts[language] = " ".join(found)
        text = run.sub(" ", text)
    if text.strip():
        parts[""] = text
    return parts
