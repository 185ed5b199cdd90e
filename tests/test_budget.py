"""Budgets: what is none is refused where it is made."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import Budget
from orchestrator.errors import BadInput


@pytest.mark.parametrize(
    ("name", "given"),
    [
        *(
            ("seconds", each)
            for each in (0, -1, -0.5, float("nan"), float("inf"), "1", True, [1], 10**400 * -1, 10**400)
        ),
        *(("grace", each) for each in (-1, float("nan"), float("inf"), "1", True, None)),
        *(("calls", each) for each in (-1, 1.5, "1", True, float("nan"))),
        *(("tokens", each) for each in (-1, 1.5, "1", False, float("inf"))),
    ],
)
def test_a_budget_that_is_none_is_refused_with_what_to_give(name: str, given: Any) -> None:
    with pytest.raises(BadInput, match=rf"^Budget\({name}=.*\) is no budget\. Give {name} as ") as refused:
        Budget(**{name: given})
    assert refused.value.hint


def test_a_budget_may_be_nothing_at_all_and_small() -> None:
    assert Budget() == Budget(seconds=None, calls=None, tokens=None)
    Budget(seconds=0.001, calls=0, tokens=0, grace=0)
    Budget(seconds=5, calls=10**30, tokens=1, grace=0.5)
