"""Names of entities: the form by which equal names are found, and the id of an entity."""

from __future__ import annotations

import hashlib
import unicodedata

from orchestrator.text.words import words

#: Characters of a folded name, at most: what is longer is cut, and ends in a digest of the whole.
LONGEST = 160
#: Marks that tell names apart where nothing else does: C, C++ and C#.
_TELLING = str.maketrans({"+": " plus ", "#": " sharp "})
_TAIL = ("+", "#")


def folded(name: str) -> str:
    """A name as it is looked up: its words in small letters, without marks and without accents of width.

    Two names with equal words are one; a name of nothing but marks stays as it is. Empty for a blank one.
    """
    found = folded_words(name)
    if len(found) <= LONGEST:
        return found
    digest = hashlib.blake2b(found.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{found[:LONGEST]} {digest}"


def folded_words(text: str) -> str:
    """The words of a name or a longer text as they are looked up, with a space between them."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    if any(mark in plain for mark in _TAIL):
        plain = " ".join(
            piece.translate(_TELLING) if piece.endswith(_TAIL) else piece for piece in plain.split()
        )
    return " ".join(words(plain)) or " ".join(plain.split())


def entity_key(name: str, type: str = "") -> str:
    """What identifies an entity within a tenant that has no id of its own: its folded name, and its type."""
    kind = folded(type)
    return f"{folded(name)}\t{kind}" if kind else folded(name)


def entity_id(tenant: str, key: str) -> str:
    """The id of an entity: 16 hexadecimal digits that depend on its tenant and its key alone."""
    return f"{content_number('entity', tenant, key):016x}"


def content_number(*parts: str) -> int:
    """A hash of texts as a number of 63 bits, which every database holds: below it, equal ones are equal."""
    content = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big") >> 1
