"""What of a question a sentence says: in any form of its words, and among what the passages say at all."""

from __future__ import annotations

import pytest

from connectors.bm25 import Bm25Encoder
from connectors.wordllama import WordLlamaEmbedder
from orchestrator.nodes.answer._evidence import Evidence, gather
from orchestrator.nodes.answer._question_terms import question_terms
from orchestrator.nodes.answer._quoting import aboutness
from orchestrator.nodes.answer._sentence_scores import cosines
from orchestrator.types import Passage, Query

ENCODER = Bm25Encoder()


def gathered(question: str, text: str) -> Evidence:
    passages = [Passage("1", "1", text)]
    return gather(passages, question_terms(Query(question), ENCODER), ENCODER, asked=question)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("мова столиця", "Київ є столицею, і його мова українська. Мова і столиця."),
        ("Hvor er kontoret?", "Kontoret er i byen, og der er ikke langt til det."),
        ("кофе столовой", "Кофе в столовой стоит сорок рублей."),
    ],
)
def test_a_word_that_may_be_of_several_languages_is_said_once(question: str, text: str) -> None:
    found = gathered(question, text)
    assert max(found.coverage) == pytest.approx(1.0)
    assert found.share(found.terms(0)) == pytest.approx(1.0)


def test_words_that_ask_count_less_in_every_language_that_has_them_listed() -> None:
    for question, subject in (("Сколько стоит кофе?", "кофе"), ("What does coffee cost?", "coffee")):
        weights = question_terms(Query(question), ENCODER)
        heaviest = {term for term, weight in weights.items() if weight == max(weights.values())}
        assert heaviest == set(ENCODER.query(subject).indices)


def test_a_word_that_no_passage_says_tells_no_sentence_from_another() -> None:
    text = "Otters swim in rivers. Owls hunt at night."
    plain, more = gathered("otters rivers", text), gathered("otters rivers telephone", text)
    assert list(plain.coverage) == list(more.coverage)
    assert more.share(more.terms(0)) < 1.0


async def test_an_embedder_that_does_not_read_the_question_decides_nothing() -> None:
    embedder = WordLlamaEmbedder()
    text = "すべての社員は年間三十日の有給休暇を取得できます。コーヒーは四百円です。"
    unknown = "ブラジルの大統領は誰ですか？"
    assert await cosines(gathered(unknown, text), unknown, embedder) is None
    assert aboutness(gathered(unknown, text), None) < 0.375
    assert aboutness(gathered("有給休暇は何日取得できますか？", text), None) >= 0.375
