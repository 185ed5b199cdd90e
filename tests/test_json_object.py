"""A JSON object is a mapping that nobody changes, and equals a dict of the same JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadInput
from orchestrator.graph.channel_type import flow_problem
from orchestrator.graph.serialise import dump, load, pack, unpack
from orchestrator.json_object import JsonObject

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_it_reads_as_the_mapping_that_it_was_made_of(values: dict[str, Any]) -> None:
    made = JsonObject.of(values)
    assert made == values
    assert values == made
    assert made.read() == values
    assert {name: made[name] for name in made} == values
    assert len(made) == len(values)
    assert JsonObject.of(dict(reversed(values.items()))).text == made.text
    assert hash(made) == hash(JsonObject.of(made.read()))


def test_it_flows_and_comes_back_from_a_checkpoint() -> None:
    made = JsonObject.of({"name": "a \ud800 b", "sizes": (1, 2.5, None)})
    assert flow_problem(JsonObject) is None
    assert unpack(pack(made, JsonObject), JsonObject) == made
    assert load(dump(made, JsonObject), JsonObject) == made


def test_nobody_changes_it() -> None:
    made = JsonObject.of({"names": ["a"]})
    made["names"].append("b")
    made.read()["more"] = 1
    assert made == {"names": ["a"]}
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.text = "{}"  # type: ignore[misc]


def test_it_equals_what_is_the_same_json_and_nothing_else() -> None:
    assert JsonObject.of({"a": (1, 2)}) == {"a": [1, 2]}
    assert JsonObject.of({"a": 1}) != {"a": 2}
    assert JsonObject.of({"a": 1}) != {"a": object()}
    assert JsonObject.of({}) == JsonObject()
    assert JsonObject() != "{}"


def test_what_has_no_form_in_json_is_refused() -> None:
    with pytest.raises(BadInput, match="no form in JSON"):
        JsonObject.of({"a": object()})
