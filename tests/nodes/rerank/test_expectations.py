"""A grade of a group is what the model might have written, weighted by how likely that was."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from orchestrator.nodes.rerank.replies.expectations import expected_grades
from orchestrator.ports import GeneratedToken, Generation, GenerationRequest
from orchestrator.testing.judge import Judge
from orchestrator.types import Usage
from tests.nodes.rerank.asking import hits, reranked

Likely = Mapping[str, float]


def written(*pieces: str | tuple[str, Likely]) -> Generation[Any]:
    """A text of these tokens; of a pair, the second are probabilities of what might stand there."""
    tokens: list[GeneratedToken] = []
    at = 0
    for piece in pieces:
        text, likely = (piece, {piece: 1.0}) if isinstance(piece, str) else piece
        logs = {name: math.log(share) for name, share in likely.items() if share}
        tokens.append(GeneratedToken(at, text, {text: logs.get(text, -9.0), **logs}))
        at += len(text)
    return Generation("".join(token.text for token in tokens), tokens=tuple(tokens))


def test_a_grade_is_the_mean_of_what_might_stand_there() -> None:
    made = written('{"', "1", '": ', ("8", {"8": 0.5, "6": 0.5}), ', "2": ', ("8", {"8": 0.9, "2": 0.1}), "}")
    assert expected_grades(made, 10) == pytest.approx({1: 7.0, 2: 7.4})


def test_only_grades_count_and_however_they_are_spaced() -> None:
    made = written(
        '{"1":', (" 4", {" 4": 0.4, "4": 0.2, " 2": 0.2, '"': 0.1, " 77": 0.05, "four": 0.05}), "}"
    )
    assert expected_grades(made, 10) == pytest.approx({1: (0.6 * 4 + 0.2 * 2) / 0.8})


def test_a_grade_that_shares_its_token_with_what_is_before_it_is_read() -> None:
    made = written('{"1', ('": 3', {'": 3': 0.5, '": 5': 0.25, '"': 0.25}), "}")
    assert expected_grades(made, 10) == pytest.approx({1: (0.5 * 3 + 0.25 * 5) / 0.75})


def test_one_may_become_ten_where_digits_are_tokens() -> None:
    ten = written('{"1": ', ("1", {"1": 0.6, "9": 0.4}), ("0", {"0": 0.75, "}": 0.25}), "}")
    assert expected_grades(ten, 10) == pytest.approx({1: 0.6 * (0.75 * 10 + 0.25 * 1) + 0.4 * 9})
    one = written('{"1": ', ("1", {"1": 0.6, "9": 0.4}), ("}", {"}": 0.5, "0": 0.5}))
    assert expected_grades(one, 10) == pytest.approx({1: 0.6 * 5.5 + 0.4 * 9})
    # What was not written goes on as nobody knows: it is taken for the grade that is nearest to what was.
    near = written('{"1": ', ("9", {"9": 0.5, "1": 0.5}), "}")
    assert expected_grades(near, 10) == pytest.approx({1: 9.5})
    far = written('{"1": ', ("2", {"2": 0.5, "1": 0.5}), "}")
    assert expected_grades(far, 10) == pytest.approx({1: 1.5})


def test_one_is_one_where_ten_is_a_token() -> None:
    made = written('{"1": ', ("9", {"9": 0.5, "1": 0.25, "10": 0.25}), "}")
    assert expected_grades(made, 10) == pytest.approx({1: 0.5 * 9 + 0.25 + 2.5})


@pytest.mark.parametrize(
    "made",
    [
        written("8"),
        written('{"0": ', ("3", {"3": 1.0}), ', "1": 4}'),
        written('{"1": ', ("30", {"30": 1.0}), "}"),
        written('{"1": ', ("3", {"3": 1.0}), ', "2": true}'),
        written('{"1": ', ("3", {"3": 1.0}), ".5}"),
        written('So: {"1": ', ("3", {"3": 1.0}), "}"),
        written('{"1": ', ("3", {"3": 0.001, "x": 0.999}), "}"),
        Generation('{"1": 3}'),
    ],
)
def test_what_is_no_object_of_grades_with_probabilities_has_none(made: Generation[Any]) -> None:
    assert expected_grades(made, 10) == {}


class Undecided(Judge):
    """Writes 5 for every passage, and would rather have written more the higher the passage's number is."""

    def __init__(self, spell: Callable[[float], Likely] | None = None) -> None:
        super().__init__({})
        self.spell = spell or (lambda share: {"5": 1 - share / 2, "9": share / 2})
        self.asked: list[GenerationRequest] = []

    async def generate(self, request: GenerationRequest, **_: Any) -> Generation[Any]:
        self.asked.append(request)
        shown = [int(each) for each in re.findall(r"about the number (\d+)", request.prompt[-1].text)]
        pieces: list[str | tuple[str, Likely]] = ["{"]
        for place, number in enumerate(shown, 1):
            pieces += [f'{", " if place > 1 else ""}"{place}": ', ("5", self.spell(number / 100))]
        made = written(*pieces, "}")
        return Generation(made.text, usage=Usage(1, 1, 1), tokens=made.tokens if request.alternatives else ())


async def test_passages_that_got_one_grade_are_told_apart() -> None:
    result = await reranked(
        model := Undecided(), hits(12), strategy="groupwise", group=4, repeats=1, weight=1
    )
    assert result.output.ids[0] == "11"
    assert result.degraded == ()
    assert all(request.alternatives == 20 for request in model.asked)
    told = [hit.score for hit in result.output]
    assert told == sorted(told, reverse=True)
    assert 0.5 <= told[-1] < told[0] <= 0.55


async def test_low_expectations_are_not_taken_for_fractions_of_one() -> None:
    model = Undecided(lambda share: {"5": 0.001, "0": 0.999 - share, "1": share})
    result = await reranked(model, hits(6), strategy="groupwise", repeats=1, weight=1, calibrate=False)
    assert max(hit.score for hit in result.output) < 0.02


async def test_without_the_expectation_what_is_written_counts() -> None:
    model = Undecided()
    result = await reranked(model, hits(6), strategy="groupwise", expectation=False)
    assert all(request.alternatives == 0 for request in model.asked)
    assert any("told the passages not apart" in reason for reason in result.degraded)


async def test_a_model_that_may_reason_is_asked_for_no_probabilities() -> None:
    model = Undecided()
    await reranked(model, hits(6), strategy="groupwise", reasoning=100)
    assert all(request.alternatives == 0 for request in model.asked)
