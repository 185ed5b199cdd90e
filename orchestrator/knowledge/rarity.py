"""Which names are names by themselves, and which only where their words are rare."""

from __future__ import annotations

from orchestrator.knowledge.wording import is_unspaced_word

#: A word that more passages have than this share of all is a word of everyday speech …
SHARE = 0.01
#: … unless they are fewer than this …
FEW = 10
#: … and in any case if they are more than this.
MANY = 100


def rare_limit(passages: int) -> int:
    """In how many of so many passages a word may stand that is rare."""
    return int(min(MANY, max(FEW, SHARE * passages)))


def needs_rare_word(name: str) -> bool:
    """Whether a name is one only with a rare word: "Winter", "T cell activation", "METHODS AND RESULTS".

    Two words that are written as names are enough otherwise: "Silent Summer". Where a script has no capital
    letters, every word is.
    """
    words = name.split(" ")
    if name.isupper() and any(word.islower() or word.isupper() for word in words):
        return True
    named = sum(not word[0].islower() and not word.isdigit() for word in words)
    return named < 2 or (len(words) == 1 and not is_unspaced_word(name))
