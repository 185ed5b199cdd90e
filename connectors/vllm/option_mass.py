"""Probabilities over options from the log-probabilities of one decoding step.

An option is written in several ways: `Yes`, ` yes`, `YES` and `yes.` are one answer, and its probability is
the sum of theirs. A model of 1.5B parameters was seen to write the half of its verdicts in small letters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

#: Token ids a request may ask the log-probabilities of, on vLLM as it comes.
IDS_AT_ONCE = 128
#: Most likely tokens that OpenAI and vLLM list.
TOP = 20
#: Options that together have less than this are no verdict: the model was about to say something else.
FLOOR = 0.01
#: What may stand around an option, and is no part of it; sentencepiece and byte-level tokens mark a blank.
_AROUND = " \t\r\n▁Ġ.,;:!?\"'`*()[]{}<>“”‘’«»-"

#: The log-probability of each option, None where nothing of it is listed.
Masses = list[float | None]


def variants(option: str) -> tuple[str, ...]:
    """The ways in which a word may begin an answer, itself first; a single letter or a number has one."""
    if len(option) < 2 or not option.isalpha():
        return (option,)
    cased = (option, option.lower(), option.upper(), option.capitalize())
    return tuple(dict.fromkeys((*cased, *(f" {each}" for each in cased))))


def by_tokens(found: Mapping[str, float], tokens: Sequence[Sequence[int]]) -> Masses | None:
    """Log-probabilities by the ids of each option's tokens; None if the server did not list ids."""
    if not any(name.startswith("token_id:") for name in found):
        return None
    listed = [[found.get(f"token_id:{token}") for token in each] for each in tokens]
    return [_sum([value for value in each if value is not None]) for each in listed]


def by_text(found: Mapping[str, float], options: Sequence[str]) -> Masses:
    """Log-probabilities by the texts of the listed tokens.

    Small and capital letters are the same, unless there are options that differ in nothing else. An option
    that no token is, since the model writes it in two, has the mass of those that can only begin it.
    """
    plain = [option.strip(_AROUND) or option for option in options]
    same = len({each.casefold() for each in plain}) == len(plain)
    wanted = [each.casefold() if same else each for each in plain]
    masses: list[list[float]] = [[] for _ in options]
    begun: list[list[float]] = [[] for _ in options]
    for name, value in found.items():
        text = name.strip(_AROUND)
        text = (text.casefold() if same else text) or name.strip()
        if text in wanted:
            masses[wanted.index(text)].append(value)
            continue
        begins = [number for number, each in enumerate(wanted) if text and each.startswith(text)]
        if len(begins) == 1 and 2 * len(text) >= len(wanted[begins[0]]):
            begun[begins[0]].append(value)
    return [_sum(whole or part) for whole, part in zip(masses, begun, strict=True)]


def verdict(values: Masses) -> bool:
    """Whether the options have a mass that is worth something."""
    return math.fsum(math.exp(value) for value in values if value is not None) >= FLOOR


def completed(values: Masses, found: Mapping[str, float]) -> list[float]:
    """Log-probabilities for all options: one that is not listed gets the most that it can have.

    That is the least of those listed, or an even share of what they leave, if this is less.
    """
    missing = sum(value is None for value in values)
    if not missing:
        return [value for value in values if value is not None]
    left = max(1.0 - math.fsum(math.exp(value) for value in found.values()), 1e-12) / missing
    most = min(min(found.values()), math.log(left))
    return [most if value is None else value for value in values]


def normalised(values: Sequence[float]) -> tuple[float, ...]:
    """Probabilities that sum to one, from log-probabilities over a larger set."""
    top = max(values)
    weights = [math.exp(value - top) for value in values]
    total = math.fsum(weights)
    return tuple(weight / total for weight in weights)


def _sum(values: Sequence[float]) -> float | None:
    """The log-probability of any of some tokens."""
    if not values:
        return None
    top = max(values)
    return top + math.log(math.fsum(math.exp(value - top) for value in values))
