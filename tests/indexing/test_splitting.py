"""Passages are small enough, lose nothing, and keep sections and sentences whole."""

from __future__ import annotations

import re
import socket
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestrator.indexing.splitting import CLAUSE, Splitting
from orchestrator.text.sentences import sentences
from orchestrator.text.tokens import token_count

SENTENCE = "The index holds passages, and each of them is found by its words and by its meaning. "
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=12)


def test_a_small_text_is_one_passage_as_it_is() -> None:
    assert Splitting().split("  One sentence.\n\nAnother.  ") == ["One sentence.\n\nAnother."]
    assert Splitting().split(" \n ") == []


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@example([(word, " ") for word in ("0", "000", "00000.0", "0000000000", "000000000000")], False)
@given(
    st.lists(st.tuples(words, st.sampled_from([" ", ". ", "\n", "\n\n", "\n## ", ", "])), max_size=200),
    st.booleans(),
)
def test_every_word_is_in_a_passage_and_no_passage_is_too_large(
    parts: list[tuple[str, str]], markdown: bool
) -> None:
    text = "".join(word + space for word, space in parts)
    splitting = Splitting(32, 8)
    passages = splitting.split(text, markdown=markdown)
    assert all(passage == passage.strip() and passage for passage in passages)
    # Joining two sections costs a line break more than counting them apart says.
    assert all(token_count(passage) <= 32 for passage in passages)
    missing = [word for word in text.split() if word.strip("#") and not any(word in p for p in passages)]
    # A word longer than a passage is cut.
    assert all(token_count(word) > 16 for word in missing)


def of_llamaindex(text: str, splitting: Splitting, *, markdown: bool) -> list[str]:
    """The passages that LlamaIndex's parsers make of the same sentences, clauses and counts of tokens."""
    from llama_index.core.node_parser import MarkdownNodeParser, SentenceSplitter
    from llama_index.core.schema import Document

    def pieces(text: str) -> list[str]:
        starts = [0, *(sentence.start for sentence in sentences(text)[1:]), len(text)]
        return [text[start:end] for start, end in pairwise(starts) if end > start]

    splitter = SentenceSplitter(
        chunk_size=splitting.tokens,
        chunk_overlap=splitting.overlap,
        tokenizer=lambda text: range(token_count(text)),  # type: ignore[arg-type, return-value]
        chunking_tokenizer_fn=pieces,
        secondary_chunking_regex=CLAUSE,
    )
    sections = [text]
    if markdown:
        sections = [node.text for node in MarkdownNodeParser().get_nodes_from_node(Document(text=text))]  # type: ignore[attr-defined]
    return [part for section in sections for part in splitter.split_text(section)]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(
        st.tuples(
            words, st.sampled_from([" ", ". ", "\n", "\n\n", "\n\n\n", "\n## ", ", ", "! ", "\n```\n"])
        ),
        max_size=200,
    ),
    st.integers(0, 20),
    st.booleans(),
)
def test_passages_are_those_of_llamaindex(parts: list[tuple[str, str]], overlap: int, markdown: bool) -> None:
    text = "".join(word + space for word, space in parts).strip()
    splitting = Splitting(40, overlap)
    if token_count(text) > 40:
        expected = of_llamaindex(text, splitting, markdown=markdown)
        found = splitting.split(text, markdown=markdown)
        # Small sections are joined here: one alone may be a heading that says nothing.
        assert "\n\n".join(found) == "\n\n".join(expected)
        assert markdown or found == expected


def test_passages_are_those_of_llamaindex_in_this_projects_own_pages() -> None:
    pages = sorted((Path(__file__).parents[2] / "docs").glob("*.md"))
    assert pages
    for page in pages:
        text = page.read_text().strip()
        assert Splitting(200, 30).split(text) == of_llamaindex(text, Splitting(200, 30), markdown=False)


def test_passages_end_where_sentences_do_and_overlap() -> None:
    passages = Splitting(64, 24).split(SENTENCE * 20)
    assert len(passages) > 4
    assert all(passage.endswith("meaning.") for passage in passages)
    assert passages[0].split(". ")[-1] == passages[1].split(". ")[0].rstrip(".") + "."


def test_markdown_is_split_at_headings_and_small_sections_stay_together() -> None:
    body = SENTENCE * 8
    text = f"# Guide\n\nIntro.\n\n## Install\n\nRun it.\n\n## Use\n\n{body}\n\n## Leave\n\n{body}"
    passages = Splitting(160, 0).split(text, markdown=True)
    assert passages[0].startswith("# Guide")
    assert "Run it." in passages[0]
    assert [passage.splitlines()[0] for passage in passages if passage.startswith("#")] == [
        "# Guide",
        "## Use",
        "## Leave",
    ]


def test_a_heading_in_code_is_no_heading() -> None:
    code = "```\n# not a heading\n```"
    passages = Splitting(64, 0).split(
        f"# One\n\n{SENTENCE * 2}\n\n{code}\n\n# Two\n\n{SENTENCE * 2}", markdown=True
    )
    assert not any(passage.startswith("# not") for passage in passages)


def test_numbers_and_addresses_are_not_cut() -> None:
    text = "the price of www.example.org/a,b was 1,024.50 in all and v1.2.3 ".replace(" ", " , ") * 30
    passages = Splitting(32, 0).split(text)
    assert len(passages) > 10
    assert {word for passage in passages for word in passage.split()} == set(text.split())


def test_data_without_spaces_is_cut_behind_its_marks() -> None:
    passages = Splitting().split(",".join(f"{number:08}" for number in range(5_000)))
    assert len(passages) > 10
    cells = {cell for passage in passages for word in passage.split() for cell in word.split(",")}
    assert cells == {f"{number:08}" for number in range(5_000)} | {""}


def test_a_word_without_end_is_cut() -> None:
    passages = Splitting().split("A" * 200_000)
    assert len(passages) > 10
    assert "".join(passages).replace(" ", "").count("A") >= 200_000


def test_splitting_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("splitting went online")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert len(Splitting(64, 8).split(SENTENCE * 50, markdown=True)) > 1


@pytest.mark.parametrize(("tokens", "overlap"), [(10, 0), (100, 60), (100, -1)])
def test_sizes_that_cannot_be_are_refused(tokens: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="at least 32"):
        Splitting(tokens, overlap)


def test_every_passage_of_a_long_table_has_its_header() -> None:
    head = "| Name | Phone |\n| --- | --- |"
    rows = [f"| Person {number} | 555-{number:04} |" for number in range(120)]
    text = "\n".join(["# Staff", "", "Who to call.", "", head, *rows, "", "Ask the desk otherwise."])
    passages = Splitting(96, 16).split(text, markdown=True)
    assert len(passages) > 10
    assert passages[0].startswith(f"# Staff\n\nWho to call.\n\n{head}\n{rows[0]}")
    assert all(head in passage for passage in passages)
    assert all(token_count(passage) <= 96 for passage in passages)
    found = [line for passage in passages for line in passage.splitlines() if line.startswith("| Person")]
    assert found == rows
    assert passages[-1].endswith("Ask the desk otherwise.")


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(st.sampled_from(["a b\n", "| a | b |\n", "|---|---|\n", "\n", "# c\n", "```\n", "word " * 9]))
)
def test_tables_lose_no_word_however_they_are_written(parts: list[str]) -> None:
    text = "".join(f"w{number} {part}" if part[0] in "aw" else part for number, part in enumerate(parts * 3))
    passages = Splitting(32, 8).split(text, markdown=True)
    assert all(token_count(passage) <= 32 for passage in passages)
    assert set(text.split()) <= {word for passage in passages for word in passage.split()}
    numbers = re.findall(r"\bw\d+", "\n".join(passages))
    first = list(dict.fromkeys(numbers))
    assert first == sorted(first, key=lambda number: int(number[1:]))
