"""What a program wrote in place of a title is none."""

from __future__ import annotations

import pytest

from orchestrator.indexing.readers.titles import real_title


@pytest.mark.parametrize(
    "junk",
    [
        *(
            "",
            " ",
            "-",
            "untitled",
            "Untitled Document",
            "untitled-1",
            "Word Document",
            "Microsoft Word Document",
        ),
        *(
            "Document1",
            "Dokument 2",
            "New Page 1",
            "PowerPoint Presentation",
            "title",
            "Unbenannt",
            "Sans titre",
        ),
        *(
            "Microsoft Word - offer_final.docx",
            "report.pdf",
            "index.html",
            "Title Here",
            "no title",
            "Default",
        ),
    ],
)
def test_placeholders_and_names_of_files_are_no_titles(junk: str) -> None:
    assert real_title(junk, "The heading") == "The heading"
    assert real_title(junk) == ""


@pytest.mark.parametrize(
    "title",
    [
        "Untitled masterpieces of the Louvre",
        "Document retention policy",
        "Index of names",
        "Page layout",
        "A test",
        "7",
    ],
)
def test_titles_that_begin_like_placeholders_are_titles(title: str) -> None:
    assert real_title(title, "The heading") == title


def test_a_title_is_one_line_without_the_name_of_the_program() -> None:
    assert real_title("Microsoft Word -  Annual \n report") == "Annual report"
