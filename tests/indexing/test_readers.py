"""What each reader makes of a file, and which sentence it has for one that it cannot read."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import Document
from pypdf import PdfWriter

from orchestrator.errors import SettingsError, UnreadableFile
from orchestrator.indexing.file_documents import Place, Recipe, embedded_text, read_documents
from orchestrator.indexing.readers import READERS, reader_for
from orchestrator.ports import DocumentRow
from tests.indexing.samples import pdf

PLACE = Place("default", "default", "/somewhere", ("public",))


def read(data: bytes | str, file: str, recipe: Recipe | None = None) -> list[DocumentRow]:
    data = data.encode() if isinstance(data, str) else data
    found = read_documents(data, file, PLACE, recipe or Recipe())
    return [each for each in found if isinstance(each, DocumentRow)]


def refusal(data: bytes | str, file: str) -> str:
    with pytest.raises(UnreadableFile) as raised:
        read(data, file)
    assert "\n" not in raised.value.message
    return raised.value.message


def text_of(document: DocumentRow) -> str:
    return "\n\n".join(passage.text for passage in document.passages)


# -- formats ---------------------------------------------------------------------------------------


def test_text_is_named_by_its_file_and_markdown_by_its_heading() -> None:
    (plain,) = read("Some words.\r\nMore.", "sub/note.txt")
    assert (plain.document, plain.title, plain.source) == ("sub/note.txt", "note", "/somewhere/sub/note.txt")
    assert text_of(plain) == "Some words.\nMore."
    (restructured,) = read("Pumps\n=====\n\nThey run at night.", "pumps.rst")
    assert text_of(restructured) == "Pumps\n=====\n\nThey run at night."
    (marked,) = read("intro\n\n# The `real` title #\n\ntext", "a.md")
    assert marked.title == "The real title"
    (front,) = read('---\ntitle: "From the front"\n---\n# Heading\n', "a.md")
    assert front.title == "From the front"


def test_pictures_that_are_written_into_markdown_are_left_out() -> None:
    data = "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAA" * 400
    (document,) = read(f"See ![the pump]({data}).\n\nIt runs.\n\n[image1]: <{data}>", "a.md")
    assert text_of(document) == "See ![the pump]().\n\nIt runs.\n\n[image1]: <>"


def test_the_title_of_markdown_keeps_its_own_marks() -> None:
    assert read("# Programming in C#\n\ntext", "a.md")[0].title == "Programming in C#"
    assert read("## Closed ##\n\ntext", "a.md")[0].title == "Closed"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_with_a_mark_are_understood(encoding: str) -> None:
    (document,) = read("Größe ☃".encode(encoding), "a.txt")
    assert text_of(document) == "Größe ☃"
    (record,) = read('{"_id": "1", "text": "Größe ☃"}\n'.encode(encoding), "a.jsonl")
    assert text_of(record) == "Größe ☃"


def test_html_is_what_a_reader_sees_with_its_headings() -> None:
    page = """<!doctype html><html><head><title> The
        title </title><style>p {}</style></head><body><nav>Menu</nav><script>alert(1)</script>
        <h1>Top</h1><p>First <b>bold</b> and <a href="x">linked</a>.</p><!-- hidden -->
        <ul><li>one</li><li>two</li></ul><pre>a  =  1
    b</pre><table><tr><th>k</th><td>v</td></tr></table></body></html>"""
    (document,) = read(page, "a.html")
    text = text_of(document)
    assert document.title == "The title"
    assert "# Top\n" in text
    assert "First bold and linked." in text
    assert "- one\n" in text
    assert "a  =  1\n    b" in text
    assert "k | v |" in text
    assert not any(word in text for word in ("alert", "hidden", "Menu", "p {}"))


def test_html_may_be_in_another_encoding_that_it_names() -> None:
    page = '<html><head><meta charset="iso-8859-1"></head><body><p>Größe</p></body></html>'.encode("latin-1")
    assert text_of(read(page, "a.htm")[0]) == "Größe"


def test_docx_gives_headings_lists_and_tables() -> None:
    word = docx.Document()
    word.add_heading("Report", 0)
    word.add_heading("Results", 2)
    word.add_paragraph("It works.")
    word.add_paragraph("point", style="List Bullet")
    table = word.add_table(rows=2, cols=2)
    for cell, text in zip((*table.rows[0].cells, *table.rows[1].cells), ("a", "b", "1", "2"), strict=True):
        cell.text = text
    data = io.BytesIO()
    word.save(data)
    (document,) = read(data.getvalue(), "a.docx")
    assert document.title == "Report"
    assert (
        text_of(document)
        == "# Report\n\n## Results\n\nIt works.\n\n- point\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"
    )


def test_pdf_gives_the_text_of_its_pages() -> None:
    (document,) = read(pdf("First page.", "Second page.", title="Paper"), "a.pdf")
    assert document.title == "Paper"
    assert dict(document.metadata) == {"pages": 2}
    assert text_of(document) == "First page.\n\nSecond page."


# -- records ---------------------------------------------------------------------------------------


def test_a_beir_corpus_is_a_document_a_line() -> None:
    lines = [
        {"_id": "7", "title": "Seven", "text": "The seventh.", "metadata": {"url": "http://x", "year": 2020}},
        {"_id": "8", "title": "", "text": "The eighth."},
        {"_id": "9", "title": "Only a title", "text": ""},
    ]
    found = read("\n".join(map(json.dumps, lines)) + "\n\n", "corpus.jsonl")
    assert [(row.document, row.title) for row in found] == [("7", "Seven"), ("8", ""), ("9", "Only a title")]
    assert found[0].source == "/somewhere/corpus.jsonl#7"
    assert dict(found[0].metadata) == {"metadata.url": "http://x", "metadata.year": 2020}
    assert text_of(found[2]) == "Only a title"
    assert embedded_text(found[0], found[0].passages[0]) == "Seven\nThe seventh."


def test_other_records_are_read_by_the_fields_that_they_have() -> None:
    (product,) = read(
        json.dumps({"data": [{"Name": "Lamp", "colours": ["red", "blue"], "price": 3.5}]}), "a.json"
    )
    assert (product.document, product.title) == ("1", "Lamp")
    assert text_of(product) == "colours: red, blue\nprice: 3.5"
    assert dict(product.metadata) == {"colours": "red, blue", "price": 3.5}
    assert [text_of(row) for row in read('["one", 2, null, ""]', "a.json")] == ["one", "2"]
    (whole,) = read('{"title": "T", "body": "B", "tags": [{"a": 1}]}', "a.json")
    assert (whole.title, text_of(whole), dict(whole.metadata)) == ("T", "B\n\ntags: a: 1", {"tags": "a: 1"})


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_takes_its_fields_from_the_first_row(delimiter: str) -> None:
    rows = [
        ["id", "title", "content", "year"],
        ["a", "One", 'He said "yes"', "1999"],
        ["b", "Two", "x\ny", "2000", "more"],
    ]
    lines = [delimiter.join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in rows]
    one, two = read("\n".join(lines), "a.csv")
    assert (one.document, one.title, text_of(one)) == ("a", "One", 'He said "yes"\n\nid: a\nyear: 1999')
    assert dict(two.metadata) == {"year": "2000", "column 5": "more"}
    assert text_of(two) == "x\ny\n\nid: b\nyear: 2000\ncolumn 5: more"


def test_records_of_one_id_are_all_kept() -> None:
    found = read('{"id": 1, "text": "a"}\n{"id": 1, "text": "b"}\n{"text": "c"}', "a.jsonl")
    assert [row.document for row in found] == ["1", "1~2", "3"]
    assert len({row.id for row in found}) == 3


def test_values_that_no_store_can_hold_are_made_storable() -> None:
    line = '{"_id": "a\\u0000b", "text": "x\\u0000y \\ud800 z", "n": 1e999, '
    line += '"big": 123456789012345678901234567890, "k\\u0000": "v\\udfff"}'
    (document,) = read(line, "a.jsonl")
    assert document.document == "ab"
    assert "\0" not in text_of(document)
    assert document.metadata["big"] == "123456789012345678901234567890"
    assert "n" not in document.metadata
    json.dumps(dict(document.metadata), ensure_ascii=False).encode()
    text_of(document).encode()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


def found_or_refused(data: bytes | str, file: str) -> list[DocumentRow] | str:
    try:
        return read(data, file)
    except UnreadableFile as error:
        return error.message


@settings(deadline=None)
@given(st.lists(json_values, min_size=1, max_size=5))
def test_any_json_is_documents_or_one_sentence(values: list[object]) -> None:
    for data, file in ((json.dumps(values), "a.json"), ("\n".join(map(json.dumps, values)), "a.jsonl")):
        found = found_or_refused(data, file)
        if isinstance(found, str):
            assert found.startswith("It holds no record")
            continue
        assert len({row.id for row in found}) == len(found)
        for row in found:
            assert all(isinstance(value, (str, int, float, bool)) for value in row.metadata.values())
            stored = [row.title, row.document, dict(row.metadata)]
            json.dumps(stored, ensure_ascii=False, allow_nan=False).encode()


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(sorted(READERS)))
def test_any_bytes_are_documents_or_one_sentence(data: bytes, suffix: str) -> None:
    found = found_or_refused(data, f"a{suffix}")
    assert found
    if isinstance(found, str):
        assert found[0].isupper()
        assert found.endswith(".")


# -- identity --------------------------------------------------------------------------------------


def test_ids_and_hashes_depend_on_content_and_place_but_not_on_labels() -> None:
    (one,) = read("text", "a.md")
    (again,) = read("text", "a.md")
    assert one == again
    (labelled,) = read_documents(
        b"text", "a.md", Place("default", "default", "/somewhere", ("hr",)), Recipe()
    )
    assert isinstance(labelled, DocumentRow)
    assert (labelled.id, labelled.hash, labelled.passages) == (one.id, one.hash, one.passages)
    for place in (
        Place("other", "default", "/somewhere", ("public",)),
        Place("default", "acme", "/somewhere", ("public",)),
        Place("default", "default", "/elsewhere", ("public",)),
    ):
        (other,) = read_documents(b"text", "a.md", place, Recipe())
        assert isinstance(other, DocumentRow)
        assert other.id != one.id
        assert other.passages[0].id != one.passages[0].id
    (changed,) = read("text.", "a.md")
    assert (changed.id, changed.hash != one.hash) == (one.id, True)


# -- refusals --------------------------------------------------------------------------------------


def test_each_bad_file_is_refused_with_its_reason() -> None:
    assert refusal(b"", "a.md") == "It is empty."
    assert refusal(b" \n\t ", "a.txt") == "It holds no text."
    assert "Line 1 is not valid JSON" in refusal('{"text": \n{"text": ', "a.jsonl")
    assert "It holds no record with text" in refusal('[{"text": ""}, {}, null]', "a.json")
    assert "It is a picture (PNG)" in refusal(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\xff", "a.txt")
    assert "binary" in refusal(bytes(range(256)) * 4, "a.csv")
    assert "not a valid PDF" in refusal(b"%PDF-1.7 nothing else", "a.pdf")
    assert "not a valid PDF" in refusal(pdf("x")[:200], "a.pdf")
    assert "not a valid .docx" in refusal(b"PK\x03\x04 nothing else", "a.docx")
    assert ".doc format" in refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.docx")
    assert "binary" in refusal(b"\x00\x01\x02" * 100, "a.html")
    assert "no text" in refusal("<html><script>x</script></html>", "a.html")


def test_a_line_without_end_is_refused() -> None:
    line = '{"text": "' + "x" * 50_000_000 + '"}'
    assert refusal(line, "a.jsonl").startswith("Line 1 holds 48 MB, more than 10 MB")
    assert len(read(f'{{"text": "a"}}\n{line}', "a.jsonl")) == 1
    assert "million characters" in refusal("word " * 5_000_000, "a.txt")
    assert "million characters" in refusal(json.dumps([{"text": "x" * 30_000_000}]), "a.json")


@pytest.mark.parametrize("file", ["a.json", "a.jsonl"])
def test_json_nested_without_end_is_refused(file: str) -> None:
    assert "nested too deep" in refusal("[" * 200_000 + "]" * 200_000, file)
    assert "nested too deep" in refusal('{"a":' * 100_000 + "1" + "}" * 100_000, file)


@pytest.mark.slow
def test_html_nested_without_end_is_read_or_refused() -> None:
    found = found_or_refused("<div>" * 50_000 + "text", "a.html")
    assert "not valid HTML" in found if isinstance(found, str) else text_of(found[0]) == "text"


def test_an_encrypted_pdf_is_refused() -> None:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret", algorithm="RC4-128")
    data = io.BytesIO()
    writer.write(data)
    assert "encrypted" in refusal(data.getvalue(), "a.pdf")


def test_a_pdf_without_text_says_that_it_may_be_a_scan() -> None:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    data = io.BytesIO()
    writer.write(data)
    assert "OCR" in refusal(data.getvalue(), "a.pdf")


#: Making what the real limit refuses takes seconds.
LARGEST = 8 * 2**20


def _bomb(declared: int | None = None) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        with archive.open("word/document.xml", "w") as part:
            for _ in range(LARGEST // 2**20 + 1):
                part.write(bytes(2**20))
    content = data.getvalue()
    if declared is not None:
        # The sizes of an archive are what it says they are.
        real = struct.pack("<I", LARGEST + 2**20)
        assert real in content
        content = content.replace(real, struct.pack("<I", declared))
    return content


def test_a_zip_bomb_is_refused_whatever_it_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.indexing.readers.docx.LARGEST_UNPACKED", LARGEST)
    bomb = _bomb()
    assert len(bomb) < 20_000
    assert "zip bomb" in refusal(bomb, "a.docx")
    # One that lies about its size is cut off where it says it ends, and then does not match its checksum.
    assert "not a valid .docx" in refusal(_bomb(declared=1000), "a.docx")


def test_an_archive_of_very_many_parts_is_refused() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for number in range(10_001):
            archive.writestr(str(number), "")
    assert "10,001 parts" in refusal(data.getvalue(), "a.docx")


def test_a_docx_that_expands_entities_is_harmless() -> None:
    word = docx.Document()
    word.add_paragraph("before")
    data = io.BytesIO()
    word.save(data)
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    out = io.BytesIO()
    with zipfile.ZipFile(data) as source, zipfile.ZipFile(out, "w") as target:
        for part in source.namelist():
            content = source.read(part).decode("utf-8", "surrogateescape")
            if part == "word/document.xml":
                content = content.replace("before", "&e11;").split("?>", 1)[1]
                content = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e0 "lol">{entities}]>{content}'
            target.writestr(part, content.encode("utf-8", "surrogateescape"))
    found = found_or_refused(out.getvalue(), "a.docx")
    assert isinstance(found, str) or sum(len(text_of(row)) for row in found) < 10_000


# -- others' readers -------------------------------------------------------------------------------


class ShoutingReader(BaseReader):
    """A reader as LlamaIndex has them: from a path, under ids of its own."""

    def load_data(self, file: Path, extra_info: object = None) -> list[Document]:
        return [Document(text="ONE", metadata={"title": "T", "page": 1, "odd": [1]}), Document(text="TWO")]


def test_a_reader_of_llamaindex_serves_here() -> None:
    recipe = Recipe(readers={**READERS, ".shout": f"{__name__}:ShoutingReader"})
    one, two = read("x", "a.shout", recipe)
    assert (one.document, one.title, dict(one.metadata)) == ("a.shout#1", "T", {"page": 1})
    assert (two.document, two.title) == ("a.shout#2", "a")
    assert read("x", "a.shout", recipe) == [one, two]


def test_readers_serve_in_a_program_of_llamaindex(tmp_path: Path) -> None:
    from llama_index.core import SimpleDirectoryReader

    (tmp_path / "a.md").write_text("# Title\n\nText.")
    reader = reader_for(".md")
    (document,) = SimpleDirectoryReader(str(tmp_path), file_extractor={".md": reader}).load_data()
    assert document.text == "# Title\n\nText."
    assert document.metadata["title"] == "Title"


@pytest.mark.parametrize("place", ["nowhere:Reader", "json:Reader", "json:JSONDecoder"])
def test_a_reader_that_is_none_is_told(place: str) -> None:
    with pytest.raises(SettingsError) as raised:
        reader_for(".x", {".x": place})
    assert raised.value.hint
