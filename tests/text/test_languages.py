from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.text.languages import FUNCTION_WORDS, language_of, may_be_english, possible_languages

TEXTS = {
    "english": "The train to the airport leaves from platform four, and will not wait.",
    "german": "Der Zug zum Flughafen fährt von Gleis vier ab, und er wartet nicht auf uns.",
    "french": "Le train pour l'aéroport part du quai quatre, et il ne sera pas en retard.",
    "spanish": "El tren para el aeropuerto sale de la vía dos, y no espera mucho tiempo por los demás.",
    "italian": "Il treno per l'aeroporto parte dal binario quattro e non aspetta chi è in ritardo.",
    "portuguese": "O trem para o aeroporto parte da plataforma quatro e não espera por ninguém.",
    "dutch": "De trein naar het vliegveld vertrekt van spoor vier en wacht niet op wie te laat is.",
    "swedish": "Tåget till flygplatsen går från spår fyra och väntar inte på den som är sen.",
    "finnish": "Juna lentokentälle lähtee raiteelta neljä, ja se ei odota, jos joku on myöhässä.",
    "hungarian": "A vonat a repülőtérre a négyes vágányról indul, és nem vár meg senkit, aki késik.",
    "romanian": "Trenul către aeroport pleacă de la linia patru și nu așteaptă pe cei care sunt târziu.",
    "turkish": "Havaalanına giden bir tren dört numaralı perondan kalkar ve geç kalan için beklemez.",
}


@pytest.mark.parametrize(("language", "text"), TEXTS.items())
def test_a_sentence_tells_its_language(language: str, text: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Wie viele Urlaubstage hat jeder?", "german"),
        ("¿Cuánto cuesta?", "spanish"),
        ("Combien coûte la livraison ?", "french"),
        ("How long is it?", "english"),
        ("Melfi Kontu kimdi?", "turkish"),
    ],
)
def test_a_question_may_be_in_the_language_of_its_words(question: str, language: str) -> None:
    assert possible_languages(question)[0] == language


@pytest.mark.parametrize("text", ["", "1234 5678", "x = y + z", "GET /v1/users/{id}", "PGE2 COX-2 IL-6"])
def test_what_tells_nothing_has_no_language(text: str) -> None:
    assert language_of(text) is None
    assert possible_languages(text) == ()


@pytest.mark.parametrize(
    "question",
    [
        "cold war causes",
        "no smoking policy",
        "die casting",
        "cost per mile",
        "Ångström scale",
        "reduces non-toxic goitre",
    ],
)
def test_words_that_are_english_as_well_leave_english_open(question: str) -> None:
    assert may_be_english(question)


@pytest.mark.parametrize(
    "question", ["Wer war Luther?", "Der Mann war alt.", "¿Por qué no funciona?", "Bis wann?"]
)
def test_one_word_of_another_language_alone_is_enough_against_it(question: str) -> None:
    assert not may_be_english(question)


def test_a_letter_of_several_languages_leaves_them_open() -> None:
    assert set(possible_languages("Hvornår er kontoret åbent?")) == {"danish", "norwegian"}


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    told = language_of(text)
    assert told is None or told in possible_languages(text)
    assert told is None or told in FUNCTION_WORDS
