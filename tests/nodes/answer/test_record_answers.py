"""Answers from records: the fields that say what was asked, whose they are, and ids as one word each."""

from __future__ import annotations

import pytest

from connectors.bm25 import Bm25Encoder
from orchestrator.nodes.answer._evidence import gather
from orchestrator.nodes.answer._extractive_answer import quotation, quotes, unsaid
from orchestrator.nodes.answer._question_terms import question_terms
from orchestrator.nodes.answer._sentence_scores import Balance, sentence_scores
from orchestrator.text.identifiers import holds, identifiers
from orchestrator.types import Passage, Query

ENCODER = Bm25Encoder()
MUG = Passage(
    "1",
    "1",
    "A ceramic mug with a blue glaze.\n\nsku: A-100\nprice: 12.50\nstock: 40",
    "Blue Mug",
    metadata=(("sku", "A-100"), ("price", "12.50"), ("stock", "40")),
)
CONTACTS = "\n\n".join(
    f"Name: {name}\nDepartment: {department}\nPhone: {phone}"
    for name, department, phone in (
        ("Karl Thorn", "Payroll", "555-1000"),
        ("Nora Frost", "Legal", "555-1001"),
        ("Hilde Wood", "Sales", "555-1002"),
    )
)


def answered(question: str, *passages: Passage, sentences: int = 4) -> list[str]:
    found = gather(passages, question_terms(Query(question), ENCODER), ENCODER, asked=question)
    scores = sentence_scores(found, None, Balance())
    chosen = quotes(found, scores, found.coverage, range(len(found.candidates)), sentences=sentences)
    return [quotation(found, quote, n) for n, quote in enumerate(chosen, 1)]


def test_a_field_that_no_word_of_the_question_names_comes_with_its_record() -> None:
    [quote] = answered("What does the Blue Mug cost?", MUG)
    assert quote == "Blue Mug: A ceramic mug with a blue glaze. sku: A-100; price: 12.50; stock: 40 [1]"


def test_a_record_is_named_where_its_text_does_not() -> None:
    [quote] = answered("Which ceramic thing has a glaze?", MUG, sentences=1)
    assert quote.startswith("Blue Mug: A ceramic mug with a blue glaze.")


@pytest.mark.parametrize(
    ("question", "said", "unsaid"),
    [
        ("What is the phone of Nora Frost?", "Name: Nora Frost; Phone: 555-1001", "Legal"),
        ("In which department is Hilde Wood?", "Name: Hilde Wood; Department: Sales", "555"),
    ],
)
def test_a_field_comes_with_the_line_that_says_whose_it_is(question: str, said: str, unsaid: str) -> None:
    [quote] = answered(question, Passage("1", "d", CONTACTS), sentences=1)
    assert quote == f"{said} [1]"
    assert unsaid not in quote


def test_an_id_is_not_answered_by_another_of_the_same_parts() -> None:
    orders = [
        Passage(str(n), "d", f"order: {order}\nstatus: {status}")
        for n, (order, status) in enumerate(
            [("ORD-2024-17", "shipped"), ("ORD-2024-18", "open"), ("ORD-2023-18", "returned")]
        )
    ]
    assert answered("What is the status of order ORD-2024-18?", *orders, sentences=1) == [
        "order: ORD-2024-18; status: open [1]"
    ]
    question = "What is the status of order ORD-2024-99?"
    found = gather(orders, question_terms(Query(question), ENCODER), ENCODER, asked=question)
    words = {word: ENCODER.query(word).indices for word in ("order", "ORD-2024-99")}
    assert unsaid(words, found) == ["ORD-2024-99"]


def test_identifiers_are_ids_dates_and_numbers_whatever_joins_them() -> None:
    assert identifiers("Is A-100 of 2024-05-13, 12.50 or v1.2.3? Not e.g. so-called.") == [
        "A-100",
        "2024-05-13",
        "12.50",
        "v1.2.3",
    ]
    assert holds("of covid 19 and", "COVID-19")
    assert holds("A100,", "a-100")
    assert not holds("A-1001", "A-100")
    assert not holds("BA-100", "A-100")


def test_a_date_that_is_written_otherwise_is_found_by_its_parts() -> None:
    [quote] = answered("party 2024-05-13", Passage("1", "d", "The party is on 13 May 2024."))
    assert quote == "The party is on 13 May 2024. [1]"


def test_the_lines_of_a_long_record_are_quoted_one_by_one() -> None:
    lines = "\n".join(f"field{number}: {number * 7}" for number in range(80))
    wide = Passage("1", "1", f"Phone: 555-1042\n{lines}", "Sven Finch", metadata=(("Phone", "555-1042"),))
    [quote] = answered("What is the phone number of Sven Finch?", wide)
    assert quote == "Sven Finch: Phone: 555-1042 [1]"
