"""Probabilities over options from one decoding step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

#: Token ids a request may ask the log-probabilities of, on vLLM as it comes.
IDS_AT_ONCE = 128
#: Most likely tokens that OpenAI and vLLM list.
TOP = 20


def by_option(
    found: Mapping[str, float], labels: Sequence[str], tokens: Sequence[int] | None
) -> list[float | None]:
    """The log-probability of each option, None where it is not listed.

    Without ids, ` A` and `A` are the same label, and the likelier one counts.
    """
    if tokens is not None and any(name.startswith("token_id:") for name in found):
        return [found.get(f"token_id:{token}") for token in tokens]
    texts: dict[str, float] = {}
    for name, value in found.items():
        text = name.strip()
        texts[text] = max(value, texts.get(text, -math.inf))
    return [texts.get(label) for label in labels]


def completed(values: Sequence[float | None], found: Mapping[str, float]) -> list[float]:
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
