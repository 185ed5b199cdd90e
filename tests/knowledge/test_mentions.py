"""Names in texts: as they are written, the longest first, in every script."""

from __future__ import annotations

import pytest

from orchestrator.knowledge.mentions import NamingText
from orchestrator.knowledge.name_finder import NameFinder
from orchestrator.knowledge.names_of_documents import names_of, without_trailing
from orchestrator.knowledge.rarity import needs_rare_word, rare_limit
from orchestrator.knowledge.wording import folded_key, name_words, spelling_key
from orchestrator.places import Place
from orchestrator.ports import DocumentRow, PassageRow


def said(text: str, *names: str) -> list[str]:
    return [
        mention.name for mention in NamingText(text).mentions({" ".join(name_words(name)) for name in names})
    ]


@pytest.mark.parametrize(
    ("text", "names", "wanted"),
    [
        ("He saw New York City.", ["New York", "New York City", "City"], ["New York City"]),
        ("The Polish–Russian War (2009) ended.", ["Polish-Russian War"], ["Polish Russian War"]),
        ("It is by J. R. R. Tolkien, of course", ["J.R.R. Tolkien"], ["J R R Tolkien"]),
        ("She lives in Paris. London is far.", ["Paris London"], []),
        ("It is the winter. The film Winter is old.", ["Winter"], ["Winter"]),
        ("Spielberg's film", ["Spielberg"], ["Spielberg"]),
        ("config.yaml and get_weather()", ["config.yaml", "get_weather"], ["config yaml", "get weather"]),
        ("東京都は大きい。", ["東京都"], ["東 京 都"]),
        ("Она живёт в Санкт-Петербурге и Москве", ["Санкт-Петербурге"], ["Санкт Петербурге"]),
        ("an [installation](guide/install.md) page", ["install.md"], ["install md"]),
        ("Ünïted Ärts of Zürich", ["Ünïted Ärts"], ["Ünïted Ärts"]),
        ("", ["x y"], []),
    ],
)  # fmt: skip
def test_names_are_found_as_they_are_written(text: str, names: list[str], wanted: list[str]) -> None:
    assert said(text, *names) == wanted


def test_many_names_at_once_are_the_same_names() -> None:
    text = "New York City lies in New York. get_weather knows Paris, France."
    names = {"New York City", "New York", "City", "York", "get weather", "Paris France", "knows Paris"}
    words = NamingText(text)
    wanted = [run for run in words.spans() if run[2] in names]
    assert sorted(NameFinder(names).all_in(text)) == sorted(wanted)
    assert list(NameFinder([]).all_in(text)) == []


def test_a_question_names_in_any_case_but_single_words_as_they_are_spelled() -> None:
    spelled = {"silent summer": {"Silent Summer"}, "winter": {"Winter"}}
    found = NamingText("who made silent summer in winter?").mentions_in_any_case(spelled)
    assert [mention.name for mention, _ in found] == ["silent summer"]
    found = NamingText("who made Winter?").mentions_in_any_case(spelled)
    assert [mention.name for mention, _ in found] == ["Winter"]


def test_keys_depend_on_words_and_case_alone() -> None:
    assert spelling_key("Silent Summer") != spelling_key("silent summer")
    assert folded_key("Silent Summer") == folded_key("SILENT summer") < 2**63


@pytest.mark.parametrize(
    ("name", "doubtful"),
    [
        ("Winter", True),
        ("Silent Summer", False),
        ("T cell activation", True),
        ("METHODS AND RESULTS", True),
        ("Gone with the Wind", False),
        ("東 京 都", False),
        ("1984 2001", True),
    ],
)
def test_what_is_written_like_a_name_needs_no_rare_word(name: str, doubtful: bool) -> None:
    assert needs_rare_word(name) is doubtful


def test_rare_depends_on_how_many_passages_there_are() -> None:
    assert [rare_limit(number) for number in (0, 100, 5_000, 10**7)] == [10, 10, 50, 100]


def document(title: str, text: str = "Text.", section: str = "", **metadata: object) -> DocumentRow:
    places = (Place(0, None, section),) if section else ()
    passage = PassageRow("p1", 0, text, "h", places)
    return DocumentRow(
        "d",
        "default",
        "/docs",
        "guide/a-b.md",
        "d",
        title,
        "/docs/guide/a-b.md",
        "h",
        (),
        metadata,
        (passage,),
    )


def test_a_document_is_called_by_title_alias_heading_term_and_file() -> None:
    text = "**Idle time**: waiting. The buyer (the “Licensee”) means you. **Note** is one word."
    row = document(
        "Winter (1950 film)", text, "Setup › First steps", aliases=["Cold days", 7], alias="Snow; Ice"
    )
    assert {(one.words, one.kind) for one in names_of(row)} == {
        ("Winter 1950 film", "title"),
        ("Winter", "title"),
        ("Cold days", "alias"),
        ("Snow", "alias"),
        ("First steps", "heading"),
        ("Idle time", "term"),
        ("a b md", "file"),
    }
    record = document("Row", "Text.")
    other = DocumentRow(
        "d",
        "default",
        "/docs",
        "all.jsonl",
        "d",
        "Many words",
        "/docs/all.jsonl#7",
        "h",
        (),
        {},
        record.passages,
    )
    assert [(one.words, one.kind) for one in names_of(other)] == [("Many words", "title")]


@pytest.mark.parametrize("title", ["", "  ", "x" * 10_000, "word " * 50, "7", "…", "Ice"])
def test_what_is_no_name_is_none(title: str) -> None:
    assert not [one for one in names_of(document(title)) if one.kind == "title"]


def test_a_trailing_parenthesis_says_which_is_meant() -> None:
    assert without_trailing("Winter (1950 film)") == "Winter"
    assert without_trailing("(film)") == "(film)"
    assert without_trailing("f(x)") == "f"
