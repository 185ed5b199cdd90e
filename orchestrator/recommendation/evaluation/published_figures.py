"""Figures that papers report for the Beauty log; not rerun, and not all alike in removing the history."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """HR@10 and NDCG@10 as printed in a paper."""

    system: str
    hr: float
    ndcg: float
    source: str


PUBLISHED = (
    Published("TIGER", 0.0648, 0.0384, "arXiv 2305.05065"),
    Published("P5 CID+IID", 0.0732, 0.0427, "arXiv 2305.06569"),
    Published("SASRec, sampled softmax", 0.0921, 0.0531, "see eSASRec"),
    Published("eSASRec", 0.0928, 0.0523, "arXiv 2508.06450"),
)

#: Users, items and interactions of the log that the figures are of.
BEAUTY = (22_363, 12_101, 198_502)


def published_for(users: int, items: int, interactions: int) -> tuple[Published, ...]:
    """The figures that belong to a log of this size: none for another log."""
    return PUBLISHED if (users, items, interactions) == BEAUTY else ()
