"""Which names of one word are rare enough to be names: a title such as "Winter" is named in few texts."""

from __future__ import annotations

#: A word that more passages have than this share of all is a word of everyday speech …
SHARE = 0.01
#: … unless they are fewer than this …
FEW = 10
#: … and in any case if they are more than this.
MANY = 100


def rare_limit(passages: int) -> int:
    """In how many of so many passages a word may stand that is a name by itself."""
    return int(min(MANY, max(FEW, SHARE * passages)))
