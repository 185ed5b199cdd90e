"""The words of a text: runs of letters and digits of any script."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+")
# What is no letter and no digit of ASCII ends a word; the bytes of other characters are looked at later.
_BREAKS = bytes(byte if byte > 127 or chr(byte).isalnum() else 32 for byte in range(256))


def words(text: str) -> list[str]:
    """The runs of letters and digits, in their order; in half of the time of a regular expression."""
    found = text.encode("utf-8", "replace").translate(_BREAKS).decode().split()
    if text.isascii():
        return found
    return [
        word
        for piece in found
        for word in ((piece,) if piece.isascii() else _WORD.findall(piece))  # quotation marks, dashes
    ]
