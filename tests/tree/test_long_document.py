"""A long document as its own index: rare words of this document count, headings, numbers, and cosines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from connectors.bm25 import Bm25Encoder
from orchestrator.places import Place
from orchestrator.tree.long_document import LongDocument, WithinWeights, portions_of
from orchestrator.types import Passage

WORDS_ONLY = WithinWeights(0.0, 0.0, 0.0)


def passage(number: int, text: str, *places: Place) -> Passage:
    return Passage(f"p{number}", "report.pdf", text, position=number, places=places)


def within(passages: Sequence[Passage], question: str, weights: WithinWeights = WORDS_ONLY) -> list[str]:
    """The passages in their order."""
    encoder = Bm25Encoder()
    document = LongDocument(passages, {}, encoder)
    scores = document.scores(question, encoder.query(question), None, weights)
    return [name for name, _ in document.passage_scores(scores)]


def test_a_word_of_every_page_tells_none_apart() -> None:
    pages = [passage(at, f"acme acme acme subject{at} tells much") for at in range(9)]
    pages.append(passage(9, "the otter sleeps by the long river in the reeds where nobody goes"))
    assert within(pages, "Where does the acme otter sleep?")[0] == "p9"


def test_a_passage_is_parted_by_its_pages() -> None:
    one = passage(0, "income here balance there", Place(0, 28, "Item 8 › Income"), Place(12, 29, "Item 8"))
    first, second = portions_of(0, one)
    assert (first.page, first.text, first.headings) == (28, "income here ", "Item 8 Income")
    assert (second.page, second.text, second.headings) == (29, "balance there", "Item 8")


def test_sections_of_one_page_are_one_part() -> None:
    one = passage(0, "a word. b word.", Place(0, 3, "A"), Place(8, 3, "B"))
    (part,) = portions_of(0, one)
    assert (part.page, part.headings) == (3, "A B")


def test_a_passage_without_places_is_one_part() -> None:
    (part,) = portions_of(4, passage(0, "a note"))
    assert (part.passage, part.page, part.text) == (4, None, "a note")


def test_headings_above_a_passage_count_for_it() -> None:
    pages = [passage(0, "net 3 4", Place(0, 1, "Cash flows")), passage(1, "net 3 5", Place(0, 2, "Pensions"))]
    weights = WithinWeights(0.2, 0.0, 0.0)
    assert within(pages, "What are the net pensions?", weights)[0] == "p1"
    assert within(pages, "What are the net cash flows?", weights)[0] == "p0"


def test_numbers_count_where_a_quantity_is_asked_for() -> None:
    pages = [passage(0, "the capital of the firm is used well"), passage(1, "capital of firm 12 13 14 15 16")]
    weights = WithinWeights(0.0, 2.0, 0.0)
    assert within(pages, "How much capital has the firm?", weights)[0] == "p1"
    assert within(pages, "Who uses the capital of the firm well?", weights)[0] == "p0"


def test_cosines_count_beside_words() -> None:
    pages = [passage(0, "an apple"), passage(1, "a pear")]
    vectors = {"p0": np.array([1.0, 0.0], np.float32), "p1": np.array([0.0, 1.0], np.float32)}
    encoder = Bm25Encoder()
    document = LongDocument(pages, vectors, encoder)
    scores = document.scores("fruit", encoder.query("fruit"), np.array([0.0, 1.0], np.float32))
    assert document.passage_scores(scores)[0][0] == "p1"


def test_a_document_without_passages_has_no_scores() -> None:
    encoder = Bm25Encoder()
    document = LongDocument([], {}, encoder)
    scores = document.scores("x", encoder.query("x"), np.zeros(2, np.float32))
    assert document.passage_scores(scores) == []


def test_passages_without_a_word_of_the_question_score_nothing() -> None:
    encoder = Bm25Encoder()
    document = LongDocument([passage(0, "otter"), passage(1, "")], {}, encoder)
    scores = document.scores("tax", encoder.query("tax"), None, WORDS_ONLY)
    assert [score for _, score in document.passage_scores(scores)] == [0.0, 0.0]


def test_names_count_for_nothing_on_the_cover() -> None:
    pages = [
        passage(0, "acme report 2018 acme", Place(0, 1)),
        passage(1, "sales 2018 2017", Place(0, 2)),
        passage(2, "law", Place(0, 3)),
    ]
    encoder = Bm25Encoder()
    document = LongDocument(pages, {}, encoder)
    asked = encoder.query("acme sales 2018")
    plain = document.scores("", asked, None, WORDS_ONLY)
    named = document.scores("", asked, None, WORDS_ONLY, encoder.query("acme 2018"))
    assert plain[0] > plain[1]
    assert named[0] == 0.0
    assert named[1] == 1.0
