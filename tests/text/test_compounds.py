"""Compounds of verbs."""

from __future__ import annotations

from orchestrator.text.compounds import compounds, with_compounds


def test_a_verb_with_a_particle_is_its_noun_too() -> None:
    assert compounds("How do I back up an index, or Log In?") == [("backup", "back"), ("login", "log")]


def test_a_text_without_such_a_verb_is_searched_as_it_is() -> None:
    assert with_compounds("What is a tenant?") == "What is a tenant?"
