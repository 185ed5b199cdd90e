"""Pages and sections: where each passage's text stands in its document, however it was split."""

from __future__ import annotations

from itertools import accumulate

import pytest

from orchestrator.indexing.document_places import document_places, passage_places
from orchestrator.indexing.splitting import Splitting
from orchestrator.places import NOWHERE, Place, described, place_at


def _paged(pages: list[str]) -> tuple[str, tuple[int, ...]]:
    lengths = [len(page) + 2 for page in pages]
    return "\n\n".join(pages), tuple(accumulate(lengths[:-1], initial=0))


@pytest.mark.parametrize("tokens", [32, 64, 200])
@pytest.mark.parametrize("markdown", [False, True])
def test_every_fact_is_found_on_its_page(tokens: int, markdown: bool) -> None:
    pages = [
        "\n\n".join(
            f"{'#  ' if markdown and fact == 1 else ''}Fact p{page}f{fact} is told here.\nIt is long enough: "
            + "x" * 30
            for fact in range(5)
        )
        for page in range(1, 9)
    ]
    text, starts = _paged(pages)
    parts = Splitting(tokens, tokens // 8).split(text, markdown=markdown)
    places = passage_places(text, document_places(text, starts, "", markdown=markdown), parts)
    seen = 0
    for part, inside in zip(parts, places, strict=True):
        for page in range(1, 9):
            for fact in range(5):
                if (at := part.find(f"p{page}f{fact} ")) >= 0:
                    assert place_at(inside, at).page == page
                    seen += 1
    assert seen >= 40


def test_a_line_that_is_repeated_above_later_passages_does_not_confuse_the_pages() -> None:
    rows = [f"| name{row} | 555-{row:04} |" for row in range(100)]
    head = "| Name | Phone |\n| --- | --- |"
    pages = ["\n".join([head, *rows[:50]]), "\n".join(rows[50:])]
    text = "\n".join(pages)
    starts = (0, len(pages[0]) + 1)
    parts = [head + "\n" + "\n".join(rows[at : at + 10]) for at in range(0, 100, 10)]
    places = passage_places(text, document_places(text, starts, "", markdown=True), parts)
    assert [[place.page for place in inside] for inside in places] == [[1]] * 5 + [[2]] * 5


def test_a_document_without_pages_or_headings_has_no_places() -> None:
    assert passage_places(
        "Some text.", document_places("Some text.", (), "", markdown=True), ["Some text."]
    ) == [()]


def test_a_section_is_the_path_of_headings_without_the_title() -> None:
    text = "# Guide\n\nIntro.\n\n## Removing `documents` #\n\nGone.\n\n### At [once](x.md)\n\nNow."
    text += "\n\n```\n# no\n```\nEnd."
    (inside,) = passage_places(text, document_places(text, (), "Guide", markdown=True), [text])
    assert place_at(inside, text.index("Intro")).section == ""
    assert place_at(inside, text.index("Gone")).section == "Removing documents"
    assert place_at(inside, text.index("Now")).section == "Removing documents › At once"
    assert place_at(inside, text.index("End")).section == "Removing documents › At once"


def test_a_passage_begins_in_the_section_that_the_one_before_ended_in() -> None:
    text = (
        "## One\n\n" + " ".join(f"Sentence number {n} stands here." for n in range(60)) + "\n\n## Two\n\nEnd."
    )
    parts = Splitting(64, 8).split(text, markdown=True)
    places = passage_places(text, document_places(text, (), "", markdown=True), parts)
    assert len(parts) > 3
    assert {inside[0].section for inside in places[:-1]} == {"One"}
    assert place_at(places[-1], parts[-1].index("End")).section == "Two"


def test_places_are_described_as_a_reader_reads_them() -> None:
    assert described(12, "") == ", page 12"
    assert described(None, "Removing") == " § Removing"
    assert described(None, "") == ""
    assert place_at((), 3) == NOWHERE
    assert place_at((Place(0, 1), Place(5, 2)), 5).page == 2
