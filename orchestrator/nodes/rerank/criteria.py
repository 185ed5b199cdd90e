"""What a reranker judges passages by: that they answer a question, support a claim, fit a shopper's wish."""

from __future__ import annotations

from dataclasses import dataclass

#: The highest grade, where no grades are named.
HIGHEST = 10


@dataclass(frozen=True, slots=True)
class Criterion:
    """A criterion in words: how well each `passage` does what `judged` says: "answers a question".

    `query` names what is asked, `asked` is the heading before it. `grades` name the grades from the worst to
    the best; without them, grades are 0 to 10.
    """

    judged: str = "answers a question"
    query: str = "question"
    passage: str = "passage"
    grades: tuple[str, ...] = ()

    @property
    def highest(self) -> int:
        """The best grade; the worst is 0."""
        return len(self.grades) - 1 if self.grades else HIGHEST

    @property
    def asked(self) -> str:
        """The heading of the query in a prompt."""
        return self.query.capitalize()

    @property
    def scale(self) -> str:
        """The scale in words."""
        if not self.grades:
            return f"from 0 (of no use) to {HIGHEST} (fully)"
        named = ", ".join(f"{grade} = {name}" for grade, name in enumerate(self.grades))
        return f"from 0 to {self.highest} ({named})"


ANSWERS = Criterion()
#: The criteria that come with the library.
CRITERIA: dict[str, Criterion] = {
    "answers": ANSWERS,
    "claims": Criterion(
        "supports or refutes a claim, whichever of the two",
        "claim",
        grades=("unrelated", "on the same subject", "bears on a part of it", "supports or refutes it"),
    ),
    "theorems": Criterion(
        "states the theorem, lemma or definition that solves a problem",
        "problem",
        "statement",
        ("of another field", "of the same field", "helps with a step", "is what the solution rests on"),
    ),
    "tools": Criterion(
        "describes a tool that can do what a request needs",
        "request",
        "tool",
        ("cannot help", "of the same kind", "does a part of it", "does what is needed"),
    ),
    "products": Criterion(
        "is a product that a shopper who searches for this would buy",
        "search",
        "product",
        ("irrelevant", "goes with it", "could replace it", "exactly what is sought"),
    ),
}


def criterion_of(told: str, grades: tuple[str, ...] = ()) -> Criterion:
    """A criterion by name, or in words such as "states the dose of the drug"; with other grades if given."""
    found = CRITERIA.get(told) or Criterion(told.strip().rstrip("."), "query")
    return Criterion(found.judged, found.query, found.passage, grades or found.grades)
