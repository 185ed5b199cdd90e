"""Where a text cites, and under which address."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.serving.wire.openai import CitedPassage, TokenUsage
from orchestrator.serving.wire.reply import Reply, address


@given(st.text(alphabet="[]0123é😀 ", max_size=60), st.sets(st.integers(min_value=0, max_value=33)))
def test_every_annotation_spans_the_number_of_a_citation(text: str, numbers: set[int]):
    cited = tuple(CitedPassage(n=n, id=str(n), title=f"t{n}", source="", text="") for n in numbers)
    found = [each.url_citation for each in Reply(text, cited, (), TokenUsage()).annotations(offset=3)]
    spans = [text[each.start_index - 3 : each.end_index - 3] for each in found]
    assert all(f"t{int(span[1:-1])}" == each.title for span, each in zip(spans, found, strict=True))
    assert len(spans) == sum(text.count(f"[{form}]") for form in _forms(numbers))


def _forms(numbers: set[int]) -> list[str]:
    """How the numbers can be written, with up to as many leading zeros as fit."""
    return [str(n).zfill(width) for n in numbers for width in range(len(str(n)), 61)]


def test_a_path_is_a_file_address_and_an_address_stays():
    assert address("/notes/a b.md") == "file:///notes/a%20b.md"
    assert address("https://example.org/x?y") == "https://example.org/x?y"
    assert address("") == ""


def test_a_page_is_the_fragment_of_an_address_and_stands_behind_the_title():
    assert address("/notes/a.pdf", 12) == "file:///notes/a.pdf#page=12"
    assert address("", 12) == ""
    cited = CitedPassage(n=1, id="a", title="Handbook", source="/a.pdf", text="", page=12, section="Fees")
    [annotation] = Reply("So [1].", (cited,), (), TokenUsage()).annotations()
    assert annotation.url_citation.title == "Handbook, page 12 § Fees"
    assert annotation.url_citation.url == "file:///a.pdf#page=12"
