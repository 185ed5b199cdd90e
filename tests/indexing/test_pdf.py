"""PDF by layout: columns in order, tables, headings, and what is no text of the document."""

from __future__ import annotations

import io
import random
from contextlib import suppress

import pytest
from pypdf import PdfReader as Parser
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NullObject

from orchestrator.errors import UnreadableFile
from orchestrator.indexing.readers.file import FileDocument, FileNote, StillReading
from orchestrator.indexing.readers.pdf import PdfReader
from orchestrator.indexing.readers.pdf_characters import is_meaningless, letter_of
from tests.indexing.pdf_samples import (
    Written,
    column,
    pdf_of,
    saved,
    table,
    unmapped_pdf,
    with_fields,
    with_pictures,
)

LEFT = (
    "Herons wait at the edge of the river",
    "for hours, and they seldom move be-",
    "fore a fish is near. In winter they",
    "stand together on the frozen banks.",
)
RIGHT = (
    "Otters swim in pairs along the shore",
    "and feed on crabs, which they open",
    "with stones. At night they sleep in",
    "beds of kelp that hold them in place.",
)


def read(data: bytes) -> FileDocument:
    document, *_ = PdfReader().read(data, "a.pdf")
    assert isinstance(document, FileDocument)
    return document


def text(*lines: Written) -> str:
    return read(pdf_of([lines])).text


def test_columns_are_read_one_after_the_other_below_what_spans_them() -> None:
    spanning = Written(60, 720, "Animals that live beside the water of rivers and of the sea", 18)
    found = text(spanning, *column(60, 680, LEFT), *column(310, 680, RIGHT))
    assert found.startswith("# Animals that live beside the water of rivers and of the sea\n\nHerons wait")
    assert found.index("frozen banks.") < found.index("Otters swim")
    assert "river for hours" in found
    assert "sleep in beds" in found


def test_columns_whose_lines_do_not_stand_beside_each_other_are_read_in_order() -> None:
    found = text(*column(60, 680, LEFT * 2), *column(310, 674, RIGHT))
    assert found.index("frozen banks.") < found.index("Otters swim")
    assert found.endswith("hold them in place.")


def test_a_word_that_was_divided_at_the_end_of_a_line_is_one() -> None:
    assert "before a fish is near" in text(*column(60, 680, LEFT))


def test_cells_that_stand_below_each_other_are_a_table() -> None:
    rows = [
        ("Name", "Team", "Phone"),
        ("Ada Pond", "Legal", "555-1"),
        ("Gus Lark", "IT", "555-2"),
        ("Ivo Ek", "", "9"),
    ]
    assert text(*table(60, 700, rows)) == (
        "| Name | Team | Phone |\n| --- | --- | --- |\n"
        "| Ada Pond | Legal | 555-1 |\n| Gus Lark | IT | 555-2 |\n| Ivo Ek |  | 9 |"
    )


def test_a_table_goes_on_on_the_next_page_without_its_repeated_header() -> None:
    head = ("Name", "Phone")
    pages = [[head, *((f"Person{page}{row}", f"555-{page}{row}") for row in range(5))] for page in (1, 2)]
    document = read(pdf_of([list(table(60, 700, rows)) for rows in pages]))
    assert document.text.count("| Name | Phone |") == 1
    assert "\n\n" not in document.text
    assert document.text[document.page_starts[1] :].startswith("| Person20 | 555-20 |")


def test_text_around_a_table_stays_around_it() -> None:
    rows = [("Mug", "12.50"), ("Cup", "7.99"), ("Jug", "21.00")]
    above, below = Written(60, 740, "These are the prices of this year."), Written(60, 600, "All with tax.")
    found = text(above, *table(60, 700, rows), below)
    assert found.startswith("These are the prices of this year.\n\n| Mug | 12.50 |\n| Cup | 7.99 |"), (
        "no header"
    )
    assert found.endswith("| Jug | 21.00 |\n\nAll with tax.")


def test_running_heads_and_page_numbers_are_left_out() -> None:
    pages = [
        [
            Written(60, 780, "Handbook of the Harbour"),
            Written(60, 700, f"The harbour opens at {number + 5} in the season number {number}."),
            Written(300, 20, f"Page {number} of 8"),
        ]
        for number in range(1, 9)
    ]
    document = read(pdf_of(pages))
    assert "Handbook" not in document.text
    assert "of 8" not in document.text
    assert document.text.count("The harbour opens") == 8


def test_numbers_at_the_top_of_pages_that_do_not_count_them_stay() -> None:
    pages = [
        [Written(60, 780, f"{value} boats"), Written(60, 600, "They came.")]
        for value in (7, 31, 2, 90, 14, 55)
    ]
    found = read(pdf_of(pages)).text
    assert all(f"{value} boats" in found for value in (7, 31, 2, 90, 14, 55))


def test_a_sentence_that_crosses_pages_is_whole_and_its_pages_are_known() -> None:
    document = read(pdf_of([list(column(60, 700, LEFT[:3])), list(column(60, 700, LEFT[3:]))]))
    assert "In winter they stand together" in document.text
    assert document.page_starts == (0, document.text.index("stand together"))


def test_a_page_without_text_begins_where_the_next_one_does() -> None:
    document = read(pdf_of([[Written(60, 700, "One.")], [], [Written(60, 700, "Three.")]]))
    assert document.page_starts == (0, 6, 6)
    assert document.metadata["pages"] == 3


def test_headings_are_lines_in_larger_or_bold_letters() -> None:
    found = text(
        Written(60, 760, "Harbour rules", 20),
        Written(60, 720, "Opening", 14),
        *column(60, 700, LEFT),
        Written(60, 620, "Fees", 10, bold=True),
        *column(60, 600, RIGHT),
    )
    assert "# Harbour rules\n\n## Opening\n\nHerons" in found
    assert "banks.\n\n### Fees\n\nOtters" in found


def test_bookmarks_say_which_lines_are_headings() -> None:
    page = [
        Written(60, 760, "1 Harbour rules"),
        *column(60, 740, LEFT),
        Written(60, 680, "1.1 Fees"),
        *column(60, 660, RIGHT),
    ]
    found = read(pdf_of([page], [("Harbour rules", 0, 0), ("Fees", 0, 1)])).text
    assert found.startswith("# 1 Harbour rules\n\nHerons")
    assert "\n\n## 1.1 Fees\n\nOtters" in found


def test_a_heading_of_two_lines_is_one_and_two_headings_are_two() -> None:
    page = [
        Written(60, 760, "1 What the harbour office", bold=True),
        Written(60, 748, "charges for a night", bold=True),
        Written(60, 724, "1.1 Fees", bold=True),
        *column(60, 700, RIGHT),
    ]
    marks = [("What the harbour office charges for a night", 0, 0), ("Fees", 0, 0)]
    assert read(pdf_of([page], marks)).text.startswith(
        "# 1 What the harbour office charges for a night\n\n# 1.1 Fees\n\nOtters"
    )


def test_a_line_that_looks_like_markup_is_no_heading() -> None:
    found = text(
        Written(60, 700, "# apt install harbour"), Written(60, 688, "This line explains the command above.")
    )
    assert not any(line.startswith("#") for line in found.split("\n"))


@pytest.mark.parametrize("shown", [0, 90, 180, 270])
@pytest.mark.parametrize(
    "turned", [(1, 0, 0, 1, 0, 0), (0, 1, -1, 0, 700, 0), (-1, 0, 0, -1, 600, 800), (0, -1, 1, 0, 0, 700)]
)
def test_a_page_is_read_as_its_text_stands_however_it_is_shown(
    turned: tuple[float, float, float, float, float, float], shown: int
) -> None:
    writer = PdfWriter()
    lines = [*column(60, 680, LEFT), *column(320, 680, RIGHT)]
    # Written line by line across the columns, so that the order of the file is not that of the text.
    made = pdf_of([sorted(lines, key=lambda line: -line.y)])
    page = writer.add_page(Parser(io.BytesIO(made)).pages[0])
    page.add_transformation(turned)
    page.rotate(shown)
    found = read(saved(writer)).text
    assert "In winter they stand together on the frozen banks." in found
    assert found.index("frozen banks") < found.index("Otters swim")


def test_what_is_turned_otherwise_than_the_text_stands_behind_it() -> None:
    writer = PdfWriter()
    page = writer.add_page(Parser(io.BytesIO(pdf_of([list(column(60, 680, LEFT))]))).pages[0])
    stamp = Parser(io.BytesIO(pdf_of([[Written(60, 300, "Copy 12")]]))).pages[0]
    page.merge_transformed_page(stamp, (0, 1, -1, 0, 350, 0))
    assert read(saved(writer)).text.endswith("on the frozen banks.\n\nCopy 12")


@pytest.mark.parametrize("drawn", [True, False])
def test_values_of_fields_are_read_beside_their_names(drawn: bool) -> None:
    names = [Written(60, 700, "Name of the applicant:"), Written(60, 650, "City:")]
    data = with_fields(pdf_of([names]), {"Ottilie Brandt": (200, 695), "Bern": (200, 645)}, drawn=drawn)
    assert read(data).text == "Name of the applicant: Ottilie Brandt\n\nCity: Bern"


def test_what_of_a_file_is_no_text_is_told() -> None:
    writer = PdfWriter(clone_from=Parser(io.BytesIO(with_pictures(pages=12, texts={0: "Herons wait."}))))
    writer.add_attachment("counts.csv", b"heron,3")
    pages = writer._root_object["/Pages"]
    assert isinstance(pages, DictionaryObject)
    kids = pages["/Kids"]
    assert isinstance(kids, ArrayObject)
    kids[1] = NullObject()
    document, *notes = PdfReader().read(saved(writer), "a.pdf")
    assert isinstance(document, FileDocument)
    assert document.text == "Herons wait."
    assert all(isinstance(note, FileNote) and note.lost for note in notes)
    damaged, pictures, attached = (note.text for note in notes if isinstance(note, FileNote))
    assert damaged == "1 page is damaged and left out (page 2)."
    assert pictures.startswith(
        "10 pages are pictures without text and left out (pages 3, 4, 5, 6, 7, 8, 9, 10, …)"
    )
    assert attached == "1 file is attached and not read (counts.csv)."


def test_a_long_file_shows_that_it_is_being_read() -> None:
    *signs, document = PdfReader().read(pdf_of([[Written(60, 700, "Herons wait.")]] * 120), "a.pdf")
    assert len(signs) == 2
    assert all(isinstance(sign, StillReading) for sign in signs)
    assert isinstance(document, FileDocument)


def test_an_empty_page_is_no_picture() -> None:
    assert len(list(PdfReader().read(pdf_of([[], [Written(60, 700, "Herons wait.")]]), "a.pdf"))) == 1


def test_a_file_that_opens_without_a_password_is_read() -> None:
    writer = PdfWriter(clone_from=Parser(io.BytesIO(pdf_of([[Written(60, 700, "Herons wait.")]]))))
    writer.encrypt("", "owner", algorithm="RC4-128")
    assert read(saved(writer)).text == "Herons wait."


def test_a_mark_of_a_list_from_a_font_of_symbols_begins_an_item() -> None:
    assert letter_of(0xF0B7) == "•"
    assert not is_meaningless(0xF0B7)
    assert letter_of(0xE012) == ""
    assert is_meaningless(0xE012)


def test_a_broken_character_map_is_named() -> None:
    with pytest.raises(UnreadableFile, match="character map is broken"):
        read(unmapped_pdf(bytes(range(1, 31))))


def test_a_damaged_file_is_read_or_refused() -> None:
    whole = pdf_of([list(column(60, 680, LEFT)), list(table(60, 700, [("a", "b")] * 4))])
    draw = random.Random(5)
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(draw.randrange(1, 30)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        with suppress(UnreadableFile):
            assert read(bytes(data)).text.strip()
