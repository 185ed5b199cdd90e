"""A web page's content is read, tables in place, without what stands beside it."""

from __future__ import annotations

import re
from itertools import count

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrator.errors import UnreadableFile
from orchestrator.indexing.readers.file import FileDocument
from orchestrator.indexing.readers.html import HtmlReader, page_text


def text(body: str) -> str:
    return page_text(f"<html><body>{body}</body></html>".encode())


# -- tables ----------------------------------------------------------------------------------------


def test_paragraphs_in_cells_do_not_tear_a_row() -> None:
    body = "<table><tr><th><p>Item</p></th><th><p>2025</p></th><th>2024</th></tr>"
    body += "<tr><td><div>Total <b>revenue</b></div></td><td><p>19,984</p></td><td>10,230</td></tr></table>"
    assert text(body) == "| Item | 2025 | 2024 |\n| --- | --- | --- |\n| Total revenue | 19,984 | 10,230 |"


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ([["Name", "Phone", "Office"], ["Karl", "555-1000", "A1"]], True),
        ([["", "2025", "2024"], ["Revenue", "5", "4"]], True),
        ([["Item", "Price"], ["Coffee", "7.99"], ["Tea", "5.00"]], True),
        ([["Karl Thorn", "Payroll", "555-1000"], ["Nora Frost", "Legal", "555-1001"]], False),
        ([["Founded", "1998"], ["Seat", "Oslo"]], False),
        ([["Name:", "Karl", "x"], ["Seat:", "Oslo", "y"]], False),
        (
            [
                ["It is a long sentence that names nothing and ends in a full stop.", "b", "c"],
                ["d", "e", "f"],
            ],
            False,
        ),
    ],
)
def test_a_plain_table_has_the_header_that_its_first_row_reads_like(
    rows: list[list[str]], header: bool
) -> None:
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    lines = text(f"<table>{body}</table>").splitlines()
    assert (
        lines[0] == re.sub(" +", " ", f"| {' | '.join(rows[0])} |")
        or lines[0] == f"| {' | '.join(rows[0])} |"
    )
    assert (len(lines) > 1 and lines[1].startswith("| ---")) is header
    assert len(lines) == len(rows) + header


def test_cells_that_span_rows_and_columns_keep_the_others_in_place() -> None:
    body = """<table><thead><tr><th rowspan=2>Region</th><th colspan=2>2025</th></tr>
        <tr><th>spring</th><th>autumn</th></tr></thead>
        <tr><td rowspan="2">North</td><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr>
        <tr><td colspan="2">Total</td><td>10</td></tr><tr><td>South</td></tr></table>"""
    assert text(body).splitlines() == [
        "| Region | 2025 spring | 2025 autumn |",
        "| --- | --- | --- |",
        "| North | 1 | 2 |",
        "| North | 3 | 4 |",
        "| Total |  | 10 |",
        "| South |  |  |",
    ]


def test_names_of_rows_are_no_header() -> None:
    body = "<table><tr><th>Opened</th><td>1998</td></tr><tr><th>Seat</th><td>Oslo</td></tr></table>"
    assert text(body) == "| Opened | 1998 |\n| Seat | Oslo |"


def test_an_amount_is_one_value_though_its_signs_have_cells_of_their_own() -> None:
    cells = "<td>{}</td><td></td><td>$</td><td>{}</td><td></td><td>$</td><td>({}</td><td>)</td>"
    body = "<tr><td></td><td></td><td colspan=2>2025</td><td></td><td colspan=3>2024</td></tr>"
    body += f"<tr>{cells.format('Net income', '2,111', '1,002')}</tr><tr>{cells.format('Tax', '7', '8')}</tr>"
    assert text(f"<table>{body}</table>").splitlines() == [
        "|  | 2025 | 2024 |",
        "| --- | --- | --- |",
        "| Net income | $2,111 | $(1,002) |",
        "| Tax | $7 | $(8) |",
    ]


def test_a_table_that_places_text_is_read_as_text() -> None:
    body = "<table><tr><td><a href=x>Menu</a></td><td><h1>Head</h1><p>One.</p>"
    body += "<table><tr><td>a</td><td>b</td><td>c</td></tr><tr><td>1</td><td>2</td><td>3</td></tr></table>"
    assert text(body + "</td></tr></table>") == (
        "Menu\n\n# Head\n\nOne.\n\n| a | b | c |\n| --- | --- | --- |\n| 1 | 2 | 3 |"
    )


def test_a_table_in_a_cell_follows_its_row_below_which_the_header_stands_again() -> None:
    inner = "<table><tr><td>k</td><td>1</td></tr><tr><td>l</td><td>2</td></tr></table>"
    body = f"<table><tr><th>A</th><th>B</th></tr><tr><td>a</td><td>see{inner}</td></tr>"
    body += "<tr><td>c</td><td>d</td></tr></table>"
    assert text(body) == (
        "| A | B |\n| --- | --- |\n| a | see |\n\n| k | 1 |\n| l | 2 |\n\n| A | B |\n| --- | --- |\n| c | d |"
    )


def test_a_bar_in_a_cell_makes_no_column() -> None:
    assert text("<table><tr><th>a|b</th><th>c</th></tr><tr><td>1</td><td>2</td></tr></table>").startswith(
        "| a\\|b | c |"
    )


def test_spans_without_end_are_cut() -> None:
    body = '<table><tr><td colspan="999999" rowspan="999999">a</td><td>b</td></tr><tr><td>c</td></tr></table>'
    assert {"a", "c"} <= set(re.findall(r"\w+", text(body)))


# -- text ------------------------------------------------------------------------------------------


def test_blocks_are_written_as_markdown() -> None:
    body = """<h2>Fees<a class="headerlink" href="#x">¶</a></h2>Loose text<br>second line<br><br>third
        <ul><li>one<ol start=3><li>deep</li><li><p>deeper</p><p>more</p></li></ol></li><li>two</li></ul>
        <dl><dt>Fee</dt><dd>12 euros</dd><dt>May I?</dt><dd><p>Yes.</p><p>Always.</p></dd>
        <dt>x</dt><dt>y</dt></dl>
        <details><summary>More</summary>Tours.</details>
        <figure><img alt="unseen"><figcaption>A map.</figcaption></figure>
        <pre>a <b><i>b</i></b>
  c</pre><p>10<sup>6</sup> of H<sub>2</sub>O, co&shy;operate, A&nbsp;B</p>"""
    assert text(body) == (
        "## Fees\n\nLoose text\nsecond line\n\nthird\n\n- one\n  3. deep\n  4. deeper\n\n    more\n- two\n\n"
        "Fee: 12 euros\n\nMay I? Yes.\n\nAlways.\n\nx, y\n\nMore\n\nTours.\n\nA map.\n\n"
        "```\na b\n  c\n```\n\n10^6 of H2O, cooperate, A B"
    )


def test_what_no_reader_sees_is_left_out() -> None:
    body = """<p>Seen.</p><p hidden>1</p><p style="color:red; display: none">2</p><p aria-hidden="true">3</p>
        <template>4</template><noscript>5</noscript><script>6</script><button>7</button><select><option>8</select>
        <span class="sr-only">9</span><!-- 10 --><div hidden><table><tr><td>11</td></tr></table></div>tail"""
    assert text(body) == "Seen.\n\ntail"


def test_what_a_click_unfolds_is_kept() -> None:
    body = """<h3><button aria-expanded="false" aria-controls="a">Do you ship?</button></h3>
        <div id="a" hidden>Yes.</div><div role="tabpanel" hidden>A tab.</div>
        <div class="accordion-body" style="display:none">A fold.</div>"""
    assert text(body) == "### Do you ship?\n\nYes.\n\nA tab.\n\nA fold."


PROSE = "<p>The museum opens at ten and closes at six, and it is closed on Mondays in winter.</p>" * 3


@pytest.mark.parametrize(
    "beside",
    [
        "<nav><ul><li>Menu</li></ul></nav>",
        "<div role=navigation>Menu</div>",
        "<header><h2>Menu</h2></header>",
        "<footer>Menu</footer>",
        "<div id=footer>Menu 2026 <a href=x>Imprint</a></div>",
        "<aside>Menu</aside>",
        "<div class='cookie-banner'>Menu: accept all cookies</div>",
        "<div id='cookieConsent' class='notice'>Menu</div>",
        "<div class='site-menu'><a href=x>Menu</a> <a href=y>Tickets</a></div>",
        "<ul class=breadcrumbs><li><a href=x>Menu</a></li><li>Hours</li></ul>",
        "<form role=search>Menu</form>",
        "<dialog>Menu</dialog>",
        "<div class='share-buttons'>Menu</div>",
    ],
)
def test_what_stands_beside_the_content_is_left_out(beside: str) -> None:
    for page in (
        f"{beside}<h1>Hours</h1>{PROSE}{beside}",
        f"{beside}<main><h1>Hours</h1>{PROSE}</main>{beside}",
    ):
        found = text(page)
        assert found.startswith("# Hours\n\nThe museum")
        assert "Menu" not in found


def test_what_only_has_the_name_of_a_menu_stays() -> None:
    body = "<h1>Lunch</h1><div class=menu><p>Soup of the day, 8 euros</p><p>Fish, 12 euros</p></div>"
    body += "<section id=cookies><h2>Cookies</h2><p>We bake them at noon.</p></section>"
    body += "<article><header><p>By Ada</p></header><p>Text.</p><footer>Written in May.</footer></article>"
    found = text(body)
    assert all(words in found for words in ("Soup", "Fish", "We bake", "By Ada", "Written in May"))


def test_a_page_within_a_form_or_one_of_links_keeps_its_text() -> None:
    assert (
        text("<form id=aspnetForm><h1>Benefits</h1><p>700 crowns.</p></form>") == "# Benefits\n\n700 crowns."
    )
    assert text("<nav><a href=a>Alpha</a> <a href=b>Beta</a></nav>") == "Alpha Beta"
    assert "Alpha" in text("<div class=sidebar-layout><nav>Menu</nav><p>Alpha</p></div>")


def test_the_main_part_is_taken_with_the_heading_above_it() -> None:
    body = f"<div><h1>Hours</h1></div><div>unmarked</div><main>{PROSE}</main>"
    found = text(body)
    assert found.startswith("# Hours\n\nThe museum")
    assert "unmarked" not in found
    # A main part that holds hardly anything is not what the page is about.
    assert "museum" in text(f"<main>Loading</main><div>{PROSE * 3}</div>")


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ('<meta charset="iso-8859-1">', "cp1252"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">', "koi8-r"),
        ('<?xml version="1.0" encoding="shift_jis"?>', "shift_jis"),
        ("", "utf-8"),
        ("", "utf-16"),
        ("", "utf-16-le"),
        ("", "utf-32-be"),
        ('<meta charset="no-such">', "utf-8"),
        # Saved again in another encoding than its head still names.
        ('<meta charset="iso-8859-1">', "utf-8"),
        ('<meta charset="utf-8">', "cp1252"),
        # What Python reads and no browser does.
        ('<meta charset="punycode">', "utf-8"),
        ('<meta charset="undefined">', "utf-8"),
    ],
)
def test_the_encoding_is_what_the_page_says_or_what_fits(head: str, encoding: str) -> None:
    word = {"koi8-r": "Привет", "shift_jis": "こんにちは"}.get(encoding, "Größe – “x”")
    if encoding == "utf-8" and not head:
        word += " Привет"
    assert page_text(f"{head}<p>{word}</p>".encode(encoding)) == word


def test_a_placeholder_is_no_title() -> None:
    for title, expected in (("Untitled Document", "Hours"), ("Museum", "Museum"), ("", "Hours")):
        page = f"<title>{title}</title><h1>Hours</h1><p>Ten.</p>"
        (document,) = HtmlReader().read(page.encode(), "a.html")
        assert isinstance(document, FileDocument)
        assert document.metadata["title"] == expected


def test_a_mark_that_links_a_heading_to_itself_is_no_part_of_it() -> None:
    assert text('<h2>Setup<a href="#setup">#</a></h2><p>Turn it.</p>') == "## Setup\n\nTurn it."
    assert text("<h2>Programming in C#</h2>") == "## Programming in C#"


def test_numbers_that_are_none_count_nothing() -> None:
    long = "9" * 5000
    assert (
        text(f'<ol start="²"><li>a</li></ol><ol start="{long}"><li value="{long}">b</li></ol>')
        == "1. a\n1. b"
    )
    cells = '<tr><th colspan="²">a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr>'
    assert text(f"<table>{cells}</table>") == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_depth_costs_no_recursion() -> None:
    assert text("<div>" * 1500 + "deep") == "deep"
    assert text("<ul><li>" * 400 + "deep").strip() == "- deep"
    with pytest.raises(UnreadableFile, match="nested too deep"):
        text("<div>" * 5000 + "deep")


# -- any of it -------------------------------------------------------------------------------------

NUMBERS = count()
words = st.builds(lambda: f" w{next(NUMBERS)} ")
WRAPPERS = (
    "<p>{}</p>",
    "<div>{}</div>",
    "<ul><li>{}</li></ul>",
    "<ol><li>{}</li></ol>",
    "<dl><dt>{}</dt></dl>",
    "<dl><dd>{}</dd></dl>",
    "<blockquote>{}</blockquote>",
    "<form>{}</form>",
    "<section>{}</section>",
    "<b>{}</b>",
    "<pre>{}</pre>",
    "<h2>{}</h2>",
    "<details>{}</details>",
    "<table><tr><td>{}</td></tr></table>",
    "<table><tr><th>x</th><th>y</th></tr><tr><td>{}</td><td>z</td></tr></table>",
    "<figure>{}</figure>",
    "{}<br>",
)
bodies = st.recursive(
    words,
    lambda inner: st.builds(
        lambda wrapper, parts: wrapper.format("".join(parts)),
        st.sampled_from(WRAPPERS),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=100)
@example("<pre><b> w1 <i> w2 </i></b> w3 </pre>")
@given(bodies)
def test_no_word_is_lost_or_doubled(body: str) -> None:
    found = re.findall(r"w\d+", text(body))
    assert sorted(found) == sorted(re.findall(r"w\d+", body))
    if "<table><tr><th>" not in body:
        assert found == re.findall(r"w\d+", body)
