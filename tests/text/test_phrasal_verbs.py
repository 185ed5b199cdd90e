"""Phrasal verbs and their nouns."""

from __future__ import annotations

from orchestrator.text.phrasal_verbs import verb_nouns, with_verb_nouns


def test_a_verb_with_a_particle_is_its_noun_too() -> None:
    assert verb_nouns("How do I back up an index, or Log In?") == [("backup", "back"), ("login", "log")]


def test_a_text_without_such_a_verb_is_searched_as_it_is() -> None:
    assert with_verb_nouns("What is a tenant?") == "What is a tenant?"
