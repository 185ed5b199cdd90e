"""Three pets, and what is asked about them."""

from __future__ import annotations

from orchestrator.evaluation.datasets import Dataset, Record, assembled
from orchestrator.evaluation.qrels import Judgement

PETS = {
    "otter": "Otters hold hands while they sleep.",
    "parrot": "Parrots repeat whatever they hear, and live for eighty years.",
    "whale": "Whales eat krill, and are kept by nobody.",
}


def pets(id: str, split: str | None) -> Dataset:
    return assembled(
        "pets",
        "the petshop",
        records=lambda: iter([Record(name, name, text) for name, text in PETS.items()]),
        queries=[("q1", "Who holds hands?"), ("q2", "Who repeats what they hear?")],
        judgements=[Judgement("q1", "otter", 1), Judgement("q2", "parrot", 1)],
    )
