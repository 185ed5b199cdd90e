"""The token estimate is cheap, additive and on the safe side."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.text.tokens import fits, token_count


@pytest.mark.parametrize(
    "text",
    [
        "The retriever returns the twenty best passages of the index for every formulation of a question.",
        "def search(self, query: str, *, limit: int = 10) -> Hits:\n    return self._index.top(query, limit)",
        "## Install\n\n- Run `make demo`, which needs Python 3.11.\n- Open http://127.0.0.1:8000/docs\n",
    ],
)
def test_the_estimate_is_near_a_real_vocabulary(text: str) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    wordllama = pytest.importorskip("wordllama", reason="wordllama is not installed")
    folder = Path(wordllama.__file__).parent / "tokenizers"
    real = tokenizers.Tokenizer.from_file(str(folder / "l2_supercat_tokenizer_config.json"))
    real.no_padding()
    count = len(real.encode(text, add_special_tokens=False).ids)
    assert 0.85 * count <= token_count(text) <= 1.5 * count


@given(st.text(), st.text())
def test_parts_cost_at_least_what_the_whole_costs(first: str, second: str) -> None:
    assert token_count(f"{first} {second}") <= token_count(first) + token_count(second)
    assert token_count(first) <= token_count(f"{first} {second}")


def test_scripts_without_spaces_count_by_character() -> None:
    assert token_count("今日は晴れです。") == 8
    assert token_count("") == token_count("   ") == 0


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_is_counted_as_any_other_text(text: str) -> None:
    assert token_count(f"{text} é") == token_count(text) + 1


@given(st.text(max_size=300) | st.text("abc _-1.\n\r\x0b\t", max_size=300), st.integers(0, 100))
def test_a_text_fits_if_its_tokens_do(text: str, tokens: int) -> None:
    assert fits(text, tokens) == (token_count(text) <= tokens)
