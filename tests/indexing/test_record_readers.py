"""Records: CSV, JSON and JSON lines as people write them, with each field where it belongs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.indexing.file_documents import Place, Recipe, read_documents
from orchestrator.indexing.readers.file import FileNote
from orchestrator.ports import DocumentRow

PLACE = Place("default", "default", "/somewhere", ("public",))


def read(data: bytes | str, file: str) -> tuple[list[DocumentRow], list[FileNote]]:
    data = data.encode() if isinstance(data, str) else data
    found = list(read_documents(data, file, PLACE, Recipe()))
    return (
        [each for each in found if isinstance(each, DocumentRow)],
        [each for each in found if isinstance(each, FileNote)],
    )


def texts(data: bytes | str, file: str) -> list[str]:
    return ["\n\n".join(passage.text for passage in row.passages) for row in read(data, file)[0]]


# -- delimited text ----------------------------------------------------------------------------------


def test_fields_beside_a_text_are_part_of_it() -> None:
    data = "sku,name,description,price,stock\nA-100,Blue Mug,A ceramic mug.,12.50,40\n"
    (row,) = read(data, "a.csv")[0]
    assert row.title == "Blue Mug"
    assert row.passages[0].text == "A ceramic mug.\n\nsku: A-100\nprice: 12.50\nstock: 40"
    assert dict(row.metadata) == {"sku": "A-100", "price": "12.50", "stock": "40"}


def test_quotes_that_first_occur_far_behind_are_doubled_ones() -> None:
    lines = [f'{number},"a mug, number {number}",1.5' for number in range(3000)]
    data = "\n".join(["id,text,price", *lines, '3000,"a ""big"" mug, and a bowl",2.5', '3001,"a fork",3.5'])
    rows, _ = read(data, "a.csv")
    assert len(rows) == 3002
    assert rows[-2].passages[0].text == 'a "big" mug, and a bowl\n\nprice: 2.5'


def test_a_quoted_field_may_hold_line_ends_and_quotes() -> None:
    found = texts(
        'id,text,price\n1,"A lamp, with ""quotes"" and\na second line",9.99\n2,A chair,15\n', "a.csv"
    )
    assert found == ['A lamp, with "quotes" and\na second line\n\nprice: 9.99', "A chair\n\nprice: 15"]


def test_a_quote_that_nothing_closes_spoils_its_own_line_only() -> None:
    data = 'id,size,colour\n1,"12 inch,red\n2,3 inch,"blue, light"\n3,4 inch,green\n'
    assert texts(data, "a.csv") == [
        'size: "12 inch\ncolour: red',
        "size: 3 inch\ncolour: blue, light",
        "size: 4 inch\ncolour: green",
    ]


@pytest.mark.slow
def test_a_quote_that_nothing_closes_swallows_no_list() -> None:
    lines = ["alpha", '"beta', "gamma 0", *("gamma " * 1700 for _ in range(1200))]
    found = texts("name\n" + "\n".join(lines), "a.csv")
    assert len(found) == len(lines)
    assert found[:3] == ["alpha", '"beta', "gamma 0"]


def test_digits_that_are_no_number_are_names_like_others() -> None:
    assert texts("²,³,name\n1,2,x\n", "a.csv") == ["²: 1\n³: 2"]
    assert len(texts(f"a,b\n{'1' * 5000},2\n", "a.csv")[0]) > 5000


def test_quotes_behind_a_backslash_are_quotes() -> None:
    assert texts('id,text\n1,"a \\"good\\" one, yes"\n2,"C:\\dir"\n', "a.csv") == [
        'a "good" one, yes',
        "C:\\dir",
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_that_of_most_lines(delimiter: str) -> None:
    rows = [("Name", "Note", "Place"), ("Anna", "x", "Bern"), ("Bea", "y", "Graz"), ("Cleo", "z", "Bonn")]
    data = "\ufeff" + "\r\n".join(delimiter.join(row) for row in rows)
    assert texts(data, "a.csv") == ["Note: x\nPlace: Bern", "Note: y\nPlace: Graz", "Note: z\nPlace: Bonn"]


def test_decimal_commas_end_no_field() -> None:
    assert texts("Ware;Preis\nKaffee;1,50\nTee;2,30\n", "a.csv") == [
        "Ware: Kaffee\nPreis: 1,50",
        "Ware: Tee\nPreis: 2,30",
    ]


def test_a_line_may_name_the_delimiter() -> None:
    assert texts("sep=;\nAge;City\n41;Bern\n", "a.csv") == ["Age: 41\nCity: Bern"]


def test_a_list_of_lines_with_commas_has_one_column() -> None:
    assert texts("text\nHello, world\nOne, two, three\nFour\n", "a.csv") == [
        "Hello, world",
        "One, two, three",
        "Four",
    ]


@pytest.mark.parametrize(
    "above",
    [
        "Report of November;;\n;;\n",
        "Report of November\n\n",
        "Report\nMade on;2026-11-30\n\n",
        "# exported by a program\n# version 3\n",
    ],
)
def test_what_stands_above_the_header_is_told_and_gives_no_names(above: str) -> None:
    rows, notes = read(f"{above}Name;City;Age\nAnna;Bern;41\nBea;Graz;38\nCleo;Bonn;20\n", "a.csv")
    assert dict(rows[0].metadata) == {"City": "Bern", "Age": "41"}
    assert [note.lost for note in notes] == [True]
    assert f"line {above.count(chr(10))}" in notes[0].text


@pytest.mark.parametrize(
    ("data", "first"),
    [
        ("Anna,Bern,41\nBea,Graz,38\nCleo,Bonn,20\n", "Anna, Bern, 41"),
        ("Karl Thorn,Payroll,555-1000\nNora Frost,Legal,555-1001\n", "Karl Thorn, Payroll, 555-1000"),
        ("2024-01-02,rent paid\n2024-01-09,tax paid\n", "2024-01-02, rent paid"),
        ("a@b.org,Anna\nc@d.org,Bea\n", "a@b.org, Anna"),
        ('"How long is it?","Two years."\n"Who pays?","The buyer."\n', "How long is it?\nTwo years."),
    ],
)
def test_a_first_line_of_data_is_no_header(data: str, first: str) -> None:
    found = texts(data, "a.csv")
    assert len(found) == data.count("\n")
    assert found[0] == first


@pytest.mark.parametrize(
    "header", ["country,2019,2020,2021", "name,phone,e-mail,date", "q1,q2,q3,q4", "a,b,c,d", "text,x,y,z"]
)
def test_a_header_is_one_though_it_holds_years_or_numbers(header: str) -> None:
    rows, _ = read(f"{header}\nCH,101,202,303\nDE,404,505,606\nFR,707,808,909\n", "a.csv")
    assert len(rows) == 3


def test_a_line_of_units_belongs_to_the_names() -> None:
    assert texts("name,weight,height\n,kg,cm\nAnna,60,170\nBea,70,165\n", "a.csv") == [
        "weight (kg): 60\nheight (cm): 170",
        "weight (kg): 70\nheight (cm): 165",
    ]
    assert len(texts("name,weight\nAnna,n/a\nBea,70\nCleo,64\n", "a.csv")) == 3


def test_columns_of_one_name_and_of_none_are_all_kept() -> None:
    (row,) = read("id,note,note,,note\n1,first,second,third,fourth\n", "a.csv")[0]
    assert dict(row.metadata) == {
        "note": "first",
        "note 2": "second",
        "column 4": "third",
        "note 3": "fourth",
    }
    assert row.passages[0].text == "note: first\nnote 2: second\ncolumn 4: third\nnote 3: fourth"


def test_empty_columns_and_rows_and_repeated_headers_say_nothing() -> None:
    assert texts("a,,c\n1,,x\n,,\na,,c\n2,,y\n", "a.csv") == ["a: 1\nc: x", "a: 2\nc: y"]


def test_a_very_wide_row_loses_no_field() -> None:
    names = [f"c{number}" for number in range(2000)]
    (text,) = texts(",".join(names) + "\n" + ",".join(f"v{number}" for number in range(2000)), "a.csv")
    assert all(f"c{number}: v{number}" in text for number in range(2000))


def test_a_file_of_tabs_is_read_by_its_own_name() -> None:
    assert texts("name\tphone\nAnna\t555-1\n", "a.tsv") == ["phone: 555-1"]


# -- JSON --------------------------------------------------------------------------------------------


def test_a_bad_line_is_named_and_the_others_are_read() -> None:
    data = '{"text": "one"}\n{bad}\n\n{"text": "two"}\n{"text": "cut'
    rows, notes = read(data, "a.jsonl")
    assert [row.document for row in rows] == ["1", "3"]
    assert [note.text.partition(" is")[0] for note in notes] == ["Line 2", "Line 5"]
    assert all(note.lost for note in notes)


def test_of_many_bad_lines_the_first_are_named_and_the_others_counted() -> None:
    _, notes = read('{"text": "one"}\n' + "x\n" * 50, "a.ndjson")
    assert len(notes) == 11
    assert notes[-1].text == "40 more lines are no records; left out."


def test_records_are_found_under_the_wrong_suffix() -> None:
    assert texts('{"a": "x"}\n{"a": "y"}\n', "a.json") == ["a: x", "a: y"]
    assert texts('[\n{"a": "x"},\n{"a": "y"}\n]\n', "a.jsonl") == ["a: x", "a: y"]
    assert texts('{\n"a": "x",\n"b": 2\n}\n', "a.jsonl") == ["a: x\nb: 2"]


def test_fields_of_one_name_in_an_object_are_all_kept() -> None:
    assert texts('{"note": "first", "note": "second"}', "a.json") == ["note: first\nnote 2: second"]


def test_records_are_found_deep_in_an_object_and_by_their_keys() -> None:
    wrapped = {"status": "ok", "result": {"rows": [{"name": "A", "price": 3}, {"name": "B", "price": 4}]}}
    assert texts(json.dumps(wrapped), "a.json") == ["price: 3", "price: 4"]
    keyed = {"A-1": {"name": "Mug", "price": 3}, "A-2": {"name": "Jug", "price": 4}}
    assert texts(json.dumps(keyed), "a.json") == ["key: A-1\nprice: 3", "key: A-2\nprice: 4"]


def test_the_items_of_an_order_are_lines_of_it() -> None:
    order = {
        "id": "2024-17",
        "customer": {"name": "Ann", "city": "Bern"},
        "items": [{"sku": "A-1", "qty": 2}, {"sku": "B-2", "qty": 1}],
    }
    items = "items: sku: A-1; qty: 2\nitems: sku: B-2; qty: 1"
    (text,) = texts(json.dumps(order), "a.json")
    assert text == f"id: 2024-17\ncustomer.name: Ann\ncustomer.city: Bern\n{items}"


def test_a_test_collection_is_its_titles_and_texts_alone() -> None:
    line = {"_id": "MED-10", "title": "T", "text": "The text.", "metadata": {"url": "http://x", "year": 2020}}
    assert texts(json.dumps(line), "corpus.jsonl") == ["The text."]


# -- encodings ---------------------------------------------------------------------------------------

SAMPLES = {
    "cp1252": "The café in Zürich costs 12 € – “very” expensive.",
    "iso8859-15": "L'été, le café coûte 3 € à Genève.",
    "cp1250": "Zażółć gęślą jaźń. Faktura została zapłacona w zeszłym tygodniu.",
    "cp1251": "Счёт номер 4714 был оплачен в прошлом месяце.",
    "koi8-r": "Счёт номер 4714 был оплачен в прошлом месяце.",
    "iso8859-5": "Счёт номер 4714 был оплачен в прошлом месяце.",
    "shift_jis": "請求書番号は4714です。東京で支払われました。",
    "euc-jp": "請求書番号は4714です。東京で支払われました。",
    "iso2022_jp": "請求書番号は4714です。東京で支払われました。",
    "gb18030": "发票号码是4714，上个月已在北京付款。",
    "big5": "發票號碼是4714，上個月已在台北付款。會議將於下週三舉行。",
    "euc-kr": "송장 번호는 4714입니다. 지난달 서울에서 지불되었습니다.",
    "utf-16": "Plain text — 請求書.",
    "utf-16-le": "Plain text saved without a mark, invoice 4714.",
    "utf-16-be": "請求書番号は4714です。東京で支払われました。",
    "utf-32": "Plain text — 請求書.",
    "utf-32-be": "Plain text saved without a mark, invoice 4714.",
}


@pytest.mark.parametrize("encoding", SAMPLES)
def test_encodings_before_utf8_are_understood_and_named(encoding: str) -> None:
    text = SAMPLES[encoding]
    for file, data in (("a.txt", text), ("a.csv", f"id,text\n1,{text.replace(',', ' ')}\n")):
        rows, notes = read(data.encode(encoding), file)
        assert rows[0].passages[0].text == (text if file == "a.txt" else text.replace(",", " "))
        assert notes[0].text.startswith("It is not in UTF-8; read as ")
        assert not notes[0].lost


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1255", "דף הבית של הספרייה העירונית"),
        ("cp1255", "ברוכים הבאים"),
        ("iso8859-8", "מחיר הכרטיס הוא עשרים שקלים."),
        ("cp1256", "تعمل المضخة ليلا فقط."),
        ("cp1251", "Дело передано в суд."),
        ("cp1251", "Дорога закрыта"),
        ("cp1251", "Добре дошли в библиотеката"),
        ("koi8-r", "ПОСТОРОННИМ ВХОД ВОСПРЕЩЁН"),
        ("cp1253", "Καλώς ήρθατε στη βιβλιοθήκη"),
    ],
)
def test_a_few_words_tell_alphabets_of_the_same_bytes_apart(encoding: str, text: str) -> None:
    assert texts(text.encode(encoding), "a.txt") == [text]


@pytest.mark.parametrize(
    ("file", "data", "expected"),
    [
        (
            "a.txt",
            "the quick brown fox\0 jumps over the lazy dog\n",
            "the quick brown fox jumps over the lazy dog",
        ),
        (
            "a.txt",
            "loremipsumdolor\nsitametconsectetur\n" * 9 + "\0x",
            "loremipsumdolor\nsitametconsectetur\n" * 9 + "x",
        ),
        ("a.csv", "a,b\n1,x\0y\n", "a: 1\nb: xy"),
        ("a.json", '{"a": "x\0y"}', "a: xy"),
    ],
)
def test_a_zero_byte_makes_no_other_encoding_of_a_text(file: str, data: str, expected: str) -> None:
    assert texts(data, file) == [expected]


def test_a_few_damaged_bytes_are_told_and_refuse_nothing() -> None:
    data = ("Größe und Übermaß. " * 20).encode() + b"\xff end"
    rows, notes = read(data, "a.txt")
    assert rows[0].passages[0].text.endswith("\ufffd end")
    assert "1 character is damaged" in notes[0].text
    assert notes[0].lost


def test_no_control_character_is_indexed() -> None:
    (text,) = texts("\x1b[31merror\x1b[0m: disk full\x07\n\x0cnext page, and more of it\n", "a.txt")
    assert text == "error: disk full\n\nnext page, and more of it"
    assert texts('{"text": "a\\u0000b\\u0007c \\u001b[31mred\\u000bnext"}', "a.json") == ["abc red\nnext"]
    assert texts("<p>a&#7;b&#x1b;c&#x7f;d</p>", "a.html") == ["abcd"]


def test_a_made_file_of_a_case_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "utf16.csv"
    path.write_bytes("name;note\nAnna;Größe ☃\n".encode("utf-16"))
    assert texts(path.read_bytes(), "utf16.csv") == ["note: Größe ☃"]
