from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.bm25 import AVERAGE_LENGTH, Bm25Encoder
from orchestrator.errors import SettingsError
from orchestrator.ports import SparseEncoder
from orchestrator.testing.sparse_encoder import SparseEncoderConformance
from orchestrator.text.languages import language_of

ENCODER = Bm25Encoder()


class TestBm25Encoder(SparseEncoderConformance):
    @pytest.fixture
    def encoder(self) -> SparseEncoder:
        return ENCODER


def test_weights_are_those_of_bm25() -> None:
    (vector,) = ENCODER.passages(["otter otter river"])
    norm = 1.2 * (1 - 0.75 + 0.75 * 3 / AVERAGE_LENGTH)
    expected = sorted([2 * 2.2 / (2 + norm), 1 * 2.2 / (1 + norm)])
    assert sorted(vector.values) == pytest.approx(expected, rel=1e-5)


def test_forms_of_a_word_are_one_term() -> None:
    assert ENCODER.query("swimming") == ENCODER.query("swims") == ENCODER.query("SWIM")
    assert ENCODER.query("naïve") == ENCODER.query("naive")
    assert ENCODER.query("\ufb01nite") == ENCODER.query("finite")


def test_stop_words_and_single_letters_are_no_terms() -> None:
    assert ENCODER.query("what is the x of a y?").indices == ()


@given(st.lists(st.sampled_from(["otter", "badger", "owl", "swift"]), max_size=400))
def test_counts_are_exact(words: list[str]) -> None:
    vector = ENCODER.query(" ".join(words))
    counted = dict(zip(vector.indices, vector.values, strict=True))
    assert counted == {ENCODER.query(word).indices[0]: words.count(word) for word in set(words)}


@given(st.text(max_size=200))
def test_any_text_has_a_vector(text: str) -> None:
    (passage,) = ENCODER.passages([text])
    found = set(ENCODER.query(text).indices)
    # Between two and three function words, a question tells its language and a passage does not.
    if language_of(text, enough=2) in (None, language_of(text)):
        assert set(passage.indices) <= found


def test_a_name_says_what_vectors_depend_on() -> None:
    made = [
        Bm25Encoder(),
        Bm25Encoder("german"),
        Bm25Encoder(k=2),
        Bm25Encoder(b=0),
        Bm25Encoder(average_length=9),
    ]
    assert len({encoder.name for encoder in made}) == len(made)


@pytest.mark.parametrize("wrong", [{"b": 2.0}, {"k": -1.0}, {"average_length": 0.0}])
def test_what_cannot_be_set_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="BM25 cannot be set up") as caught:
        Bm25Encoder(**wrong)  # type: ignore[arg-type]
    assert "length" in caught.value.hint


def test_an_unknown_language_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="no language 'klingon'") as caught:
        Bm25Encoder("klingon")
    assert all(language in caught.value.hint for language in ("auto", "english", "hindi", "korean"))


def shared(one: str, other: str) -> int:
    """How many terms of a query a passage holds."""
    (passage,) = ENCODER.passages([other])
    return len(set(ENCODER.query(one).indices) & set(passage.indices))


@pytest.mark.parametrize(
    ("query", "passage"),
    [
        ("年假可以结转", "未使用的年假最多可以结转五天。"),
        ("有給休暇", "未使用の有給休暇は翌年に繰り越すことができます。"),
        ("휴가를", "사용하지 않은 휴가는 다음 해로 이월됩니다."),
        ("วันลาพักร้อน", "พนักงานทุกคนมีวันลาพักร้อนสามสิบวัน"),
        ("छुट्टी के दिन", "हर कर्मचारी को तीस छुट्टी के दिन मिलते हैं।"),
        ("отпуска", "Каждый сотрудник имеет тридцать дней отпуск."),
        ("الإجازات", "لكل موظف ثلاثون يومًا من الإجازة السنوية"),
        ("άδειες", "Κάθε εργαζόμενος δικαιούται τριάντα ημέρες άδεια."),
    ],
)
def test_a_word_is_found_in_every_script(query: str, passage: str) -> None:
    assert shared(query, passage) > 0
    assert shared(query, "Something else entirely, in English.") == 0


@pytest.mark.parametrize(
    ("bare", "marked"), [("كتاب", "كِتَاب"), ("שלום", "שָׁלוֹם"), ("work", "wo\u00adrk"), ("נמל", "נָ\u200fמֵל")]
)
def test_a_word_is_the_same_with_and_without_its_marks(bare: str, marked: str) -> None:
    assert ENCODER.passages([marked]) == ENCODER.passages([bare])
    assert ENCODER.query(marked) == ENCODER.query(bare)


@pytest.mark.parametrize(
    ("asked", "other"),
    [
        ("2025-03-04", "2025-04-03"),
        ("3.11.17", "3.17.11"),
        ("INV-2025-0042", "INV-0042-2025"),
        ("4/5/2025", "5/4/2025"),
    ],
)
def test_a_date_or_id_says_more_than_its_parts(asked: str, other: str) -> None:
    assert shared(f"what is {asked}?", f"it is {asked}.") > shared(f"what is {asked}?", f"it is {other}.")
    assert shared(f"што гэта, {asked}?", f"это {asked}.") > shared(f"што гэта, {asked}?", f"это {other}.")


@pytest.mark.parametrize(
    ("query", "passage"),
    [
        # Nothing in these words alone tells Ukrainian from Russian, Persian or Urdu from Arabic.
        ("мова", "Київ є столицею України, і її мова українська."),
        ("кава", "Кава в їдальні коштує сорок гривень, і чай теж."),
        ("Київ", "В этом городе, который называется Київ, живут миллионы людей, и он очень старый."),
        ("مدارس", "یہ شہر کے پرانے مدارس ہیں اور بہت مشہور ہیں۔"),
        ("ايران", "ایران کشوری در آسیا است."),
        ("שלום", "שָׁלוֹם עוֹלָם"),
        ("software", "The soft\u00adware of this house."),
        ("елка", "Наша ёлка стоит в зале."),
        ("1404", "سال ۱۴۰۴"),
        ("हिंदी", "यह हिन्दी में है।"),
        ("ｺｰﾋｰ", "カフェのコーヒーは四百円です。"),
    ],
)
def test_a_word_is_found_however_it_is_written(query: str, passage: str) -> None:
    assert shared(query, passage) > 0


@pytest.mark.parametrize("language", ["russian", "greek", "arabic"])
def test_a_named_language_of_another_script_loses_no_word(language: str) -> None:
    encoder = Bm25Encoder(language)
    (vector,) = encoder.passages(["otter 2024 выдра ενυδρίδα ثعلب"])
    assert len(vector.indices) == 5


def test_a_stop_word_of_one_language_is_no_term_in_its_neighbours() -> None:
    assert len(ENCODER.query("что и на него").indices) == 0


def test_each_passage_is_stemmed_in_its_own_language() -> None:
    german = "Die Häuser sind alt, und in den Gärten der Stadt blühen nicht mehr viele Blumen."
    english = "The houses are old, and in the gardens of the city there are not many flowers left."
    assert shared("In welchem Haus blüht die Blume?", german) == 2
    assert shared("which house has a flower", english) == 2


@pytest.mark.parametrize("name", ["Los Angeles", "Die Hard", "La La Land", "Van Gogh", "Le Mans", "El Al"])
def test_a_name_may_hold_another_languages_function_word(name: str) -> None:
    (words,) = ENCODER.passages([f"{name} x"])
    assert set(words.indices) <= set(ENCODER.query(name).indices)


def test_a_few_words_are_looked_for_in_every_language_that_they_may_be_of() -> None:
    spanish = "Los trabajadores de las ciudades no tienen que pagar por los servicios de la red."
    assert shared("servicio de la ciudad", spanish) == 2


def test_english_text_is_weighed_as_ever_whatever_stands_beside_it() -> None:
    text = "The otter swims in the river, and the river is cold."
    named, auto = Bm25Encoder("english"), Bm25Encoder()
    assert named.passages([text]) == auto.passages([text])
    (plain,), (mixed,) = auto.passages([text]), auto.passages([f"{text} 未使用的年假"])
    assert set(plain.indices) < set(mixed.indices)


def test_a_mixed_text_is_as_long_as_all_its_parts() -> None:
    (vector,) = ENCODER.passages(["otter otter выдра"])
    norm = 1.2 * (1 - 0.75 + 0.75 * 3 / AVERAGE_LENGTH)
    assert sorted(vector.values) == pytest.approx(sorted([2 * 2.2 / (2 + norm), 2.2 / (1 + norm)]), rel=1e-5)


def test_a_passage_is_expanded_by_its_keyphrases() -> None:
    plain, expanded = Bm25Encoder(), Bm25Encoder(keyphrases=1)
    text = "Krill\nWhales eat krill. The krill of the south."
    assert expanded.name == f"{plain.name}-p1"
    (before,), (after,) = plain.passages([text]), expanded.passages([text])
    assert before.indices == after.indices
    (krill,) = plain.query("krill").indices
    (south,) = plain.query("south").indices
    weight = [dict(zip(each.indices, each.values, strict=True)) for each in (before, after)]
    assert weight[1][krill] / weight[1][south] > weight[0][krill] / weight[0][south]
    assert expanded.query(text) == plain.query(text)
