"""The normal form of a text for a search by words: what reads alike is written alike.

Unicode's NFKC composes accents, and gives ligatures, full-width and half-width letters and Arabic
presentation forms their plain letters. It keeps what a reader does not see or need: soft hyphens, joiners,
vowel points, the digits of each script, and letters that are typed for one another.
"""

from __future__ import annotations

import re
import unicodedata

# Soft hyphen, zero-width space and joiner, marks of direction, byte order mark; accents that have no composed
# form; Hebrew and Arabic vowel points, and the Arabic line that stretches a word.
_UNSEEN = re.compile(
    "[\u00ad\u200b\u200d-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\u0300-\u036f\u0591-\u05bd\u05bf"
    "\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8"
    "\u06ea-\u06ed]"
)
# The dot of Indian loan words, which many leave out, and what chooses a shape behind a consonant without a
# vowel. In Persian, a non-joiner parts a word from its ending, as a space may.
_INDIAN_MARKS = re.compile(
    "[" + "".join(chr(block + 60) for block in range(0x900, 0xD80, 0x80)) + "]|(?<=[\u0900-\u0dff])\u200c"
)
# A nasal before a consonant of its own row is written as a dot or as the row's nasal: Hindi has both.
_NASAL = re.compile("[ँं](?=([क-ङ])|([च-ञ])|([ट-ण])|([त-न])|([प-म]))")
_NASALS = "ङञणनम"
#: Zero of the decimal digits of each script; the others follow it.
_ZEROS = "٠۰߀०০੦૦୦௦౦೦൦๐໐༠၀០᠐"
_DIGITS = {ord(zero) + value: str(value) for zero in _ZEROS for value in range(10)}
# Russian prints the first as the second.
_ALIKE = str.maketrans("ёЁ", "еЕ")
# Persian and Urdu letters, for which keyboards give Arabic ones, as in Lucene's analysis of Persian.
_ARABIC = str.maketrans("کیىےہۀ", "كيييهه")


def normalized(text: str) -> str:
    """The normal form of a text."""
    if text.isascii():
        return text
    # JSON may carry halves of surrogate pairs, which no encoder takes.
    text = unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode("utf-8"))
    text = _INDIAN_MARKS.sub("", _UNSEEN.sub("", text))
    return _NASAL.sub(_of_its_row, text).translate(_DIGITS).translate(_ALIKE)


def _of_its_row(dot: re.Match[str]) -> str:
    return f"{_NASALS[(dot.lastindex or 1) - 1]}\u094d"


def with_arabic_letters(text: str) -> str:
    """A text of any language in Arabic script, in the letters of Arabic."""
    return text if text.isascii() else text.translate(_ARABIC)
