"""Reading what models write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.nodes.rerank.parsing import parse_order, parse_scores


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[2] > [1] > [3]", [1, 0, 2]),
        ("The best is [3], then [1].", [2, 0]),
        ("[2, 3, 1]", [1, 2, 0]),
        ('{"ranking": [3, 1]}', [2, 0]),
        ('{"ranking": ["[3]", "passage 1"]}', [2, 0]),
        ("```json\n[3, 2, 1]\n```", [2, 1, 0]),
        ("<think>[1] seems best</think>[2] > [3]", [1, 2]),
        ("2\n3\n1", [1, 2, 0]),
        ("[7] > [2] > [2]", [1]),
        ("nothing of use", []),
        ("", []),
        ("[" * 3000, []),
    ],
)
def test_orders_are_read_in_every_form(text, expected):
    assert parse_order(text, 3) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"1": 4, "2": 9}', {0: 4.0, 1: 9.0}),
        ('{"scores": {"1": 4, "3": 2}}', {0: 4.0, 2: 2.0}),
        ('{"scores": [1, 2, 3]}', {0: 1.0, 1: 2.0, 2: 3.0}),
        ('[{"id": 2, "score": 7}, {"passage": "[1]", "relevance": "3/10"}]', {1: 7.0, 0: 3.0}),
        ("[1]: 4\n[2]: 9.5", {0: 4.0, 1: 9.5}),
        ("1: 4, 2: 90", {0: 4.0, 1: 10.0}),
        ('Sure!\n```json\n{"1": -3}\n```', {0: 0.0}),
        ('{"1": true, "2": null, "9": 3}', {}),
        ('{"1": ', {}),
        ("no", {}),
    ],
)
def test_scores_are_read_in_every_form(text, expected):
    assert parse_scores(text, 3) == expected


@given(st.text(), st.integers(0, 30))
def test_any_text_is_read_without_an_error(text, size):
    assert all(0 <= number < size for number in parse_order(text, size))
    assert all(0 <= number < size and 0 <= score <= 10 for number, score in parse_scores(text, size).items())
