"""Compression keeps what matters for the question, as spans, within its budget."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.bm25 import Bm25Encoder
from orchestrator.nodes.answer._evidence import Evidence, focused, gather
from orchestrator.nodes.answer._question_terms import question_terms
from orchestrator.nodes.answer._sentence_scores import Balance, sentence_scores
from orchestrator.nodes.answer.compress import excerpts
from orchestrator.text.tokens import token_count
from orchestrator.types import Context, Passage, Query

ENCODER = Bm25Encoder()


def passage(number: int, text: str, title: str = "") -> Passage:
    return Passage(id=f"p{number}", document=f"d{number}", text=text, title=title)


def evidence(question: str, *texts: str, title: str = "") -> Evidence:
    passages = [passage(number, text, title) for number, text in enumerate(texts)]
    return gather(passages, question_terms(Query(question), ENCODER), ENCODER)


def compressed(found: Evidence, tokens: int = 1200, per_passage: int = 400, trade: float = 0.9) -> Context:
    scores = sentence_scores(found, None, Balance())
    return excerpts(found, scores, tokens=tokens, per_passage=per_passage, trade=trade)


def texts(found: Evidence, context: Context) -> list[list[str]]:
    by_id = {one.id: one.text for one in found.passages}
    return [[by_id[one.passage][start:end] for start, end in one.spans] for one in context]


WHALES = (
    "Whales are mammals. They feed their young with milk. Many sailors feared them.\n\n"
    "Blue whales eat krill, up to 3.6 tonnes a day. Their song carries far."
)
SHIPS = "Ships were built of oak. A frigate carried 38 guns. The crew ate biscuits."


def test_sentences_about_the_question_come_first() -> None:
    found = evidence("What do blue whales eat?", SHIPS, WHALES)
    context = compressed(found, tokens=20)
    assert texts(found, context)[0] == ["Blue whales eat krill, up to 3.6 tonnes a day."]


def test_coverage_is_the_share_of_the_question() -> None:
    found = evidence("whales krill", "Whales eat krill.\n\nWhales sing.\n\nShips sail.")
    assert found.coverage[0] == pytest.approx(1.0)
    assert 0.2 < found.coverage[1] < 0.5, "the word that two sentences have weighs less"
    assert found.coverage[2] == 0
    assert found.share(found.terms(0)) == pytest.approx(1.0)


def test_words_of_the_title_and_heading_count_half() -> None:
    found = evidence("whales krill", "# Krill\n\nIt is small.", title="Whales")
    row = next(n for n, one in enumerate(found.candidates) if one.text == "It is small.")
    assert found.coverage[row] == pytest.approx(0.5)


def test_words_of_the_sentence_before_and_words_in_a_program_count_half() -> None:
    program = "```\n1\n2\n3\n4\nkrill\n```"
    text = f"Krill is small. Ships sail.\n\nNothing.\n\n```\nkrill\n```\n\nNothing more.\n\n{program}"
    found = evidence("krill", text)
    assert dict(zip((one.text for one in found.candidates), found.coverage.tolist(), strict=True)) == {
        "Krill is small.": 1.0,
        "Ships sail.": 0.5,
        "Nothing.": 0.0,
        "```\nkrill\n```": 1.0,
        "Nothing more.": 0.0,
        program: 0.5,
    }


def test_words_that_ask_weigh_less_than_words_that_name() -> None:
    def weights(text: str) -> list[float]:
        return list(question_terms(Query(text), ENCODER).values())

    assert sorted(weights("How does krill work?")) == [0.25, 1.0]
    assert weights("What works?") == [1.0], "where nothing is named, they are all there is"


def test_a_passage_about_all_of_the_question_comes_before_one_about_a_word_of_it() -> None:
    found = focused(evidence("blue whales krill", "Whales sing.", "Krill is small. Blue whales eat."))
    assert found.coverage[1] > found.coverage[0]


def test_what_a_sentence_needs_comes_with_it() -> None:
    text = (
        "## Tools\n\nThere are three:\n\n- hammers for nails\n- saws for planks\n\n"
        "| tool | price |\n|---|---|\n| hammer | 5 |\n| saw | 7 |\n\nTo start:\n\n```\nmake tools\n```\n\n"
        "A plane costs a lot. It is worth its price."
    )
    for question, expected in [
        ("planks", ["## Tools", "There are three:", "- saws for planks"]),
        ("7", None),
        ("worth", ["## Tools", "A plane costs a lot.", "It is worth its price."]),
    ]:
        found = evidence(question, text)
        best = int(np.argmax(found.coverage)) if expected else 6
        candidate = found.candidates[best]
        together = [found.candidates[row].text for row in (*candidate.needs, best)]
        assert together == (expected or ["## Tools", "| tool | price |\n|---|---|", "| saw | 7 |"])
    alone = {one.text: one.alone for one in evidence("x", text).candidates}
    assert not alone["## Tools"]
    assert not alone["There are three:"]
    assert alone["- saws for planks"]


def test_a_sentence_that_two_passages_share_is_taken_once() -> None:
    found = evidence("What do blue whales eat?", WHALES, WHALES)
    said = [piece for pieces in texts(found, compressed(found)) for piece in pieces]
    assert len(said) == len(set(said)) == 5


def test_one_passage_cannot_crowd_out_the_others() -> None:
    long = " ".join(f"Whales eat krill number {number}." for number in range(100))
    found = evidence("What do whales eat?", long, "Whales also eat squid.")
    context = compressed(found, tokens=200, per_passage=100)
    spent = {one.passage: sum(end - start for start, end in one.spans) for one in context}
    assert set(spent) == {"p0", "p1"}


def test_a_budget_below_any_sentence_gives_its_beginning() -> None:
    found = evidence("What do blue whales eat?", WHALES)
    [[piece]] = texts(found, compressed(found, tokens=5))
    assert piece == "Blue whales eat"
    assert compressed(found, tokens=1) == Context()


def test_nothing_compresses_to_nothing() -> None:
    assert compressed(evidence("What?")) == Context()
    assert compressed(evidence("", "")) == Context()


def test_the_pool_is_bounded_by_whole_passages() -> None:
    passages = [passage(number, "One two three four. " * 3) for number in range(10)]
    long = [passage(number, f"{'Many words of a sentence ' * 4}end. " * 3) for number in range(10)]
    found = gather(long, {}, ENCODER, limit=10)
    assert [one.id for one in found.passages] == ["p0", "p1", "p2"]
    # Of short lines there may be more, up to four times as many.
    assert len(gather(passages, {}, ENCODER, limit=3).passages) == 3
    assert (
        len(gather([passage(n, "a. b. c. d. ") for n in range(99)], {}, ENCODER, limit=10).candidates) <= 40
    )


_PIECES = [
    "# Head\n",
    "Whales eat krill. ",
    "They sing! ",
    "- item one\n",
    "- two:\n",
    "| a | b |\n|---|---|\n",
]
_PIECES += ["| 1 | 2 |\n", "\n\n", "```\ncode()\n```\n", "Some more words, ", "unendlich " * 100]
_TEXTS = st.lists(st.lists(st.sampled_from(_PIECES), max_size=12).map("".join), max_size=5)


@settings(max_examples=60, deadline=None)
@given(_TEXTS, st.integers(1, 300), st.integers(1, 300), st.sampled_from([0.0, 0.5, 0.9, 1.0]))
def test_spans_slice_the_text_and_the_budget_holds(
    pieces: list[str], tokens: int, per_passage: int, trade: float
) -> None:
    found = evidence("Do whales eat krill?", *pieces)
    context = compressed(found, tokens, per_passage, trade)
    by_id = {one.id: one.text for one in found.passages}
    spent = 0
    for excerpt in context:
        text = by_id[excerpt.passage]
        reached = 0
        cost = 0
        for start, end in excerpt.spans:
            assert reached <= start < end <= len(text)
            cost += token_count(text[start:end])
            reached = end
        assert cost <= per_passage
        spent += cost
    assert spent <= tokens
    ids = [excerpt.passage for excerpt in context]
    assert len(ids) == len(set(ids))
    scores = [excerpt.score for excerpt in context]
    assert scores == sorted(scores, reverse=True)


@settings(max_examples=30, deadline=None)
@given(_TEXTS)
def test_equal_input_gives_equal_output(pieces: list[str]) -> None:
    question = "Do whales eat krill?"
    assert compressed(evidence(question, *pieces)) == compressed(evidence(question, *pieces))


def test_weights_of_query_terms_decide() -> None:
    terms = question_terms(Query("ignored", terms=(("whales", 0.1), ("ships", 1.0))), ENCODER)
    found = gather([passage(0, "Whales swim. Ships sail.")], terms, ENCODER)
    assert found.coverage[1] > found.coverage[0] > 0


@given(
    st.lists(st.lists(st.sampled_from(["whales", "krill", "ships", "sail", "oak"]), max_size=5), max_size=6)
)
def test_similarity_is_the_cosine_of_tf_idf(sentences: list[list[str]]) -> None:
    found = evidence("x", *(f"{' '.join(words)} end{number}." for number, words in enumerate(sentences)))
    vectors = ENCODER.passages([one.text for one in found.candidates])
    n = len(vectors)
    counts = Counter(term for vector in vectors for term in vector.indices)
    weighed = [
        {
            term: value * math.log(1 + n / (counts[term] + 0.5))
            for term, value in zip(vector.indices, vector.values, strict=True)
        }
        for vector in vectors
    ]
    for i, first in enumerate(weighed):
        for j, second in enumerate(weighed):
            dot = sum(weight * second.get(term, 0.0) for term, weight in first.items())
            length = math.hypot(*first.values()) * math.hypot(*second.values())
            assert found.similarity[i, j] == pytest.approx(dot / length if length else 0.0, abs=1e-5)


def test_a_long_sentence_without_spaces_is_cut_at_a_clause_and_kept() -> None:
    text = "灰鲸的年度迁徙路线包括" + "，".join(f"第{number}站的浅水湾" for number in range(120)) + "。"
    found = gather(
        [passage(1, text), passage(2, "天气很好。灰鲸很大。")],
        question_terms(Query("灰鲸的迁徙路线包括什么"), ENCODER),
        ENCODER,
    )
    scores = sentence_scores(found, None, Balance())
    kept = excerpts(found, scores, tokens=1200, per_passage=400, trade=0.9)
    best = next(one for one in kept if one.passage == "p1")
    assert text[best.spans[0][0] : best.spans[0][1]].startswith("灰鲸的年度迁徙路线")
    assert all(text[end - 1] in "，。" for one in kept if one.passage == "p1" for _, end in one.spans)
