"""What is shown in a Word document is read, once and in order, whatever it is wrapped in."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import UnreadableFile
from orchestrator.indexing.readers.docx import DocxReader
from orchestrator.indexing.readers.file import FileDocument
from orchestrator.indexing.readers.word_styles import written
from tests.indexing.word_files import cell, control, paragraph, row, run, table, word


def read(data: bytes) -> str:
    (document,) = DocxReader().read(data, "a.docx")
    assert isinstance(document, FileDocument)
    return document.text


def text(body: str, **parts: tuple[str, str]) -> str:
    return read(word(body, {f"{name}.xml": part for name, part in parts.items()}))


# -- words -----------------------------------------------------------------------------------------


def test_content_controls_are_looked_through_around_blocks_runs_rows_and_cells() -> None:
    body = control(paragraph("block"))
    body += paragraph(f"{run('run ')}{control(run('inside'))}{run('.')}")
    body += table(row("k", "v", "w"), control(row("a", "b", "c")), row("d", control(cell("e")), "f"))
    assert (
        text(body)
        == "block\n\nrun inside.\n\n| k | v | w |\n| --- | --- | --- |\n| a | b | c |\n| d | e | f |"
    )


def test_tracked_changes_are_read_as_accepted() -> None:
    body = paragraph(
        f"{run('pays ')}<w:del><w:r><w:delText>ten</w:delText></w:r></w:del><w:ins>{run('twelve')}</w:ins>"
        f"{run(' francs')}<w:moveFrom>{run(' gone')}</w:moveFrom><w:moveTo>{run(' come')}</w:moveTo>"
    )
    body += paragraph(f"<w:ins>{run('Whole.')}</w:ins>", "<w:rPr><w:ins/></w:rPr>")
    body += table(row("a", "b"), row("deleted", "row", properties="<w:del/>"), row("1", "2"))
    found = text(body)
    assert found.startswith("pays twelve francs come\n\nWhole.")
    assert "ten" not in found
    assert "gone" not in found
    assert "deleted" not in found


def test_a_paragraph_whose_end_is_deleted_goes_on_in_the_next() -> None:
    ended = paragraph("It begins ", "<w:rPr><w:del/></w:rPr>")
    assert text(ended + paragraph("and ends.")) == "It begins and ends."
    assert text(ended) == "It begins"
    assert text(ended + table(row("a", "b"), row("1", "2"))).startswith("It begins\n\n| a | b |")


def field(instruction: str, result: str) -> str:
    mark = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
    return (
        mark.format("begin")
        + f"<w:r><w:instrText>{instruction}</w:instrText></w:r>"
        + mark.format("separate")
        + run(result)
        + mark.format("end")
    )


def test_fields_show_their_result() -> None:
    simple = f'<w:fldSimple w:instr="PAGEREF x">{run("seven")}</w:fldSimple>'
    nested = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>IF </w:instrText></w:r>'
        + field("MERGEFIELD m", "unseen")
        + '<w:r><w:fldChar w:fldCharType="separate"/></w:r>'
        + run("seen")
        + '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    assert (
        text(paragraph(field("DATE", "May") + run(", page ") + simple + run(", ") + nested))
        == "May, page seven, seen"
    )


def test_a_field_that_is_never_closed_hides_nothing_behind_its_paragraph() -> None:
    broken = paragraph('<w:r><w:fldChar w:fldCharType="begin"/><w:instrText>REF</w:instrText></w:r>')
    assert text(broken + paragraph("after")) == "after"


def test_form_fields_show_what_was_chosen() -> None:
    choice = (
        '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:ddList><w:result w:val="1"/>'
        '<w:listEntry w:val="red"/><w:listEntry w:val="blue"/></w:ddList></w:ffData></w:fldChar></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    assert text(paragraph(run("Colour: ") + choice)) == "Colour: blue"


BOX = f"<w:txbxContent>{paragraph('in the box')}</w:txbxContent>"


def test_a_text_box_is_read_once_behind_its_paragraph() -> None:
    alternatives = (
        f'<mc:AlternateContent><mc:Choice Requires="wps"><w:drawing><wps:txbx>{BOX}</wps:txbx></w:drawing>'
        f"</mc:Choice><mc:Fallback><w:pict><v:textbox>{BOX}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent>"
    )
    assert (
        text(paragraph(f"{run('One ')}<w:r>{alternatives}</w:r>{run('sentence.')}"))
        == "One sentence.\n\nin the box"
    )
    old = f"<w:r><w:pict><v:textbox>{BOX}</v:textbox></w:pict></w:r>"
    assert text(paragraph(old)) == "in the box"


def test_diagrams_charts_and_inserted_files_are_read() -> None:
    shape = '<?xml version="1.0"?><x xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
    shape += "<a:p><a:r><a:t>Step </a:t></a:r><a:r><a:t>one</a:t></a:r></a:p></x>"
    points = "<c:{0}><c:pt idx='0'><c:v>{1}</c:v></c:pt><c:pt idx='1'><c:v>{2}</c:v></c:pt></c:{0}>"
    drawn = (
        '<?xml version="1.0"?><c:s xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"><c:ser>'
    )
    drawn += "<c:tx><c:pt idx='0'><c:v>Sales</c:v></c:pt></c:tx>"
    drawn += points.format("cat", "May", "June") + points.format("val", "4", "5") + "</c:ser></c:s>"
    body = paragraph('<w:r><w:drawing><dgm:relIds r:dm="data1"/></w:drawing></w:r>')
    body += paragraph('<w:r><w:drawing><c:chart r:id="chart1"/></w:drawing></w:r>')
    body += '<w:altChunk r:id="chunk"/>'
    page = "<html><body><h2>Set in</h2><p>From a page.</p></body></html>"
    parts = {
        "data1.xml": ("diagramData", shape),
        "chart1.xml": ("chart", drawn),
        "chunk.html": ("aFChunk", page),
    }
    assert read(word(body, parts)) == (
        "Step one\n\n|  | Sales |\n| --- | --- |\n| May | 4 |\n| June | 5 |\n\n## Set in\n\nFrom a page."
    )


def test_notes_follow_their_paragraph_and_headers_stand_once_around_the_text() -> None:
    note = '<w:footnote w:id="0" w:type="separator"><w:p/></w:footnote>'
    note += f'<w:footnote w:id="2">{paragraph("A note.")}</w:footnote>'
    end = f'<w:endnote w:id="2">{paragraph("An end note.")}</w:endnote>'
    section = "<w:sectPr>{}</w:sectPr>".format(
        '<w:headerReference r:id="header1"/><w:headerReference w:type="first" r:id="header2"/>'
        '<w:footerReference r:id="footer1"/><w:footerReference w:type="even" r:id="footer2"/>'
    )
    body = paragraph(f'{run("Text.")}<w:r><w:footnoteReference w:id="2"/></w:r>')
    body += paragraph(f'{run("More.")}<w:r><w:endnoteReference w:id="2"/></w:r>') + section
    found = text(
        body,
        footnotes=("footnotes", note),
        endnotes=("endnotes", end),
        header1=("header", paragraph("Acme")),
        header2=("header", paragraph("Acme")),
        footer1=("footer", paragraph("Confidential")),
        footer2=("footer", paragraph("Page 3 of 12")),
    )
    assert found == "Acme\n\nText.\n\nA note.\n\nMore.\n\nAn end note.\n\nConfidential"


def test_equations_are_written_in_a_line() -> None:
    x, two = "<m:r><m:t>x</m:t></m:r>", "<m:r><m:t>2</m:t></m:r>"
    square = f"<m:sSup><m:e>{x}</m:e><m:sup>{two}</m:sup></m:sSup>"
    fraction = f"<m:f><m:num>{x}<m:r><m:t>+1</m:t></m:r></m:num><m:den>{two}</m:den></m:f>"
    root = f"<m:rad><m:deg/><m:e>{x}</m:e></m:rad>"
    assert (
        text(paragraph(f"<m:oMathPara><m:oMath>{square}{fraction}{root}</m:oMath></m:oMathPara>"))
        == "x^2(x+1)/2√x"
    )


def test_small_marks_within_words_and_lines() -> None:
    inner = run("co") + "<w:r><w:softHyphen/></w:r>" + run("op\xad") + run("erate")
    inner += "<w:r><w:noBreakHyphen/><w:t>x</w:t><w:tab/><w:t>y</w:t><w:br/><w:t>z</w:t></w:r>"
    inner += '<w:r><w:sym w:font="Symbol" w:char="F061"/></w:r>'
    inner += "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
    inner += f'<w:hyperlink r:id="gone">{run(" link")}</w:hyperlink><w:smartTag>{run(" Oslo")}</w:smartTag>'
    assert text(paragraph(inner)) == "cooperate-x\ty\nzα link Oslo"


def test_a_strict_file_is_read_as_another() -> None:
    body = paragraph("Head", '<w:pStyle w:val="berschrift2"/>') + table(row("a", "b"), row("1", "2"))
    assert (
        read(word(body, strict=True)) == read(word(body)) == "## Head\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"
    )


def test_paths_of_windows_and_a_broken_picture_refuse_no_text() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(word(paragraph("kept")))) as source, zipfile.ZipFile(data, "w") as target:
        for part in source.namelist():
            target.writestr(part.replace("word/", "word\\"), source.read(part))
        target.writestr("word/media/a.png", b"a picture")
    assert read(data.getvalue().replace(b"a picture", b"no more a")) == "kept"


# -- structure -------------------------------------------------------------------------------------


def test_headings_are_known_by_style_inheritance_and_outline() -> None:
    body = paragraph("One", '<w:pStyle w:val="Kapitel"/>') + paragraph("Two", '<w:pStyle w:val="Unter"/>')
    body += paragraph("Three", '<w:outlineLvl w:val="2"/>') + paragraph(
        "Four", '<w:pStyle w:val="Heading4"/>'
    )
    body += paragraph("body", '<w:outlineLvl w:val="9"/>')
    assert text(body) == "# One\n\n## Two\n\n### Three\n\n#### Four\n\nbody"


def item(words: str, level: int = 0, of: int = 1) -> str:
    return paragraph(words, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{of}"/></w:numPr>')


def test_lists_are_numbered_as_word_shows_them() -> None:
    body = item("a") + item("b", 1) + item("c", 1) + item("d", 2) + item("e") + item("f", 1)
    body += paragraph("between") + item("point", of=2) + item("anew", of=3)
    assert text(body) == ("1. a\n  a) b\n  b) c\n    1.I d\n2. e\n  a) f\n\nbetween\n\n- point\n1. anew")


def test_a_list_in_letters_that_begins_beyond_all_letters_is_counted_in_digits() -> None:
    assert written(29, "lowerLetter") == "cc"
    assert written(2_000_000_000, "lowerLetter") == "2000000000"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<w:tbl><w:tr><w:tc>" * 200 + "</w:tc></w:tr></w:tbl>" * 200, "It is nested too deep"),
        (paragraph("word " * 2_100_000), "It holds a paragraph of more than 10 million characters"),
    ],
)
def test_limits_of_the_parser_are_told_in_a_sentence(body: str, reason: str) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        text(body)


def test_equal_cells_beside_each_other_are_all_kept() -> None:
    assert "| North | 5 | 5 | 9 |" in text(
        table(row("Region", "2023", "2024", "2025"), row("North", "5", "5", "9"))
    )


def test_merged_cells_keep_every_value_below_its_column() -> None:
    body = table(
        row("Region", cell("2025", '<w:gridSpan w:val="2"/>'), properties="<w:tblHeader/>"),
        row("", "spring", "autumn", properties="<w:tblHeader/>"),
        row(cell("North", '<w:vMerge w:val="restart"/>'), "5", "5"),
        row(cell("", "<w:vMerge/>"), "6", "7"),
        row(cell("Total", '<w:gridSpan w:val="2"/>'), "12"),
        row("9", properties='<w:gridBefore w:val="2"/>'),
    )
    assert text(body).splitlines() == [
        "| Region | 2025 spring | 2025 autumn |",
        "| --- | --- | --- |",
        "| North | 5 | 5 |",
        "| North | 6 | 7 |",
        "| Total |  | 12 |",
        "|  |  | 9 |",
    ]


def test_an_irregular_table_is_read() -> None:
    body = table(
        row("a", "b", "c"), row("1"), row("1", "2", "3", "4"), "<w:tr/>", row(cell("", "<w:vMerge/>"), "x")
    )
    lines = text(body).splitlines()
    assert {line.count("|") for line in lines} == {5}
    assert "4" in text(body)
    assert "x" in text(body)


def test_a_table_in_a_cell_follows_its_row_with_the_columns_of_both_in_place() -> None:
    inner = table(row("k", "v"), row("1", "2"))
    body = table(
        row("Name", "Data", "Year"), row("first", cell(paragraph("see") + inner), "1"), row("last", "", "2")
    )
    assert text(body) == (
        "| Name | Data | Year |\n| --- | --- | --- |\n| first | see | 1 |\n\n"
        "| k | v |\n| --- | --- |\n| 1 | 2 |\n\n| Name | Data | Year |\n| --- | --- | --- |\n| last |  | 2 |"
    )


def test_a_frame_of_one_cell_is_no_table() -> None:
    assert text(table(row(cell(paragraph("One.") + paragraph("Two."))))) == "One.\n\nTwo."


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Handbook", "Handbook"),
        ("Word Document", "Two"),
        ("untitled", "Two"),
        ("report.docx", "Two"),
        ("", "Two"),
    ],
)
def test_the_title_is_no_placeholder(title: str, expected: str) -> None:
    data = word(paragraph("Two", '<w:pStyle w:val="berschrift2"/>'), title=title)
    (document,) = DocxReader().read(data, "a.docx")
    assert isinstance(document, FileDocument)
    assert document.metadata["title"] == expected


# -- any of it -------------------------------------------------------------------------------------

NUMBERS = count()
WRAPPERS = (
    "{}",
    "<w:ins>{}</w:ins>",
    "<w:moveTo>{}</w:moveTo>",
    "<w:sdt><w:sdtContent>{}</w:sdtContent></w:sdt>",
    "<w:smartTag>{}</w:smartTag>",
    "<w:customXml>{}</w:customXml>",
    '<w:hyperlink r:id="x">{}</w:hyperlink>',
    '<w:fldSimple w:instr="REF">{}</w:fldSimple>',
    "<mc:AlternateContent><mc:Choice>{0}</mc:Choice><mc:Fallback>{0}</mc:Fallback></mc:AlternateContent>",
)
words = st.builds(lambda: f"w{next(NUMBERS)}")
runs = st.recursive(
    st.builds(lambda word: run(f" {word} "), words),
    lambda inner: st.builds(lambda wrapper, each: wrapper.format(each), st.sampled_from(WRAPPERS), inner),
    max_leaves=3,
)
removed = st.builds(lambda: "<w:del><w:r><w:delText>removed</w:delText></w:r></w:del>")
paragraphs = st.builds(
    lambda pieces, style: paragraph("".join(pieces) or run(""), style),
    st.lists(st.one_of(runs, removed), max_size=4),
    st.sampled_from(["", '<w:pStyle w:val="Heading1"/>', '<w:numPr><w:numId w:val="2"/></w:numPr>']),
)
around = st.sampled_from(WRAPPERS[:6])
blocks = st.recursive(
    paragraphs,
    lambda inner: st.one_of(
        st.builds(lambda wrapper, each: wrapper.format(each), st.sampled_from(WRAPPERS[3:4]), inner),
        st.builds(
            lambda rows: table(*(row(*(cell(each + paragraph("")) for each in cells)) for cells in rows)),
            st.lists(st.lists(paragraphs, min_size=1, max_size=3), min_size=1, max_size=3),
        ),
    ),
    max_leaves=4,
)


@settings(deadline=None, max_examples=60)
@given(st.lists(blocks, min_size=1, max_size=5))
def test_no_word_is_lost_or_doubled_and_the_order_is_kept(parts: list[str]) -> None:
    body = "".join(parts)
    # The second of two alternatives shows the same as the first.
    shown = body
    while "<mc:Fallback>" in shown:
        shown = re.sub(r"<mc:Fallback>(?:(?!</?mc:Fallback>).)*</mc:Fallback>", "", shown)
    expected = re.findall(r"w\d+(?= <)", shown)
    if not expected:
        return
    found = re.findall(r"w\d+", text(body))
    assert Counter(found) == Counter(expected)
    assert found == expected
    assert "removed" not in text(body)
