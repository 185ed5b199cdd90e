"""Which documents a question names: by titles, names of files, covers and years, written in full or not."""

from __future__ import annotations

import pytest

from orchestrator.tree.long_document_names import DocumentNames, Named

REPORTS = (
    Named("FORM 10-K", "BESTHARBOR_2018_10K", "BEST HARBOR CO., INC. Fiscal year ended December 31, 2018"),
    Named("FORM 10-K", "BESTHARBOR_2019_10K", "BEST HARBOR CO., INC. Fiscal year ended December 31, 2019"),
    Named("FORM 10-K", "4K_2018_10K", "4K MATERIALS COMPANY. Fiscal year ended December 31, 2018"),
    Named("FORM 10-K", "4K_2019_10K", "4K MATERIALS COMPANY. Fiscal year ended December 31, 2019"),
    Named("Union of Northern Mills", "report", ""),
)


def named(question: str) -> str:
    """The file that is named best."""
    scores = DocumentNames(REPORTS).scores(question)
    return REPORTS[scores.index(max(scores))].file


@pytest.mark.parametrize(
    ("question", "file"),
    [
        ("What was 4K's capital expenditure in FY2018?", "4K_2018_10K"),
        ("What did 4K Materials earn in FY19?", "4K_2019_10K"),
        ("How much cash had Best Harbor in 2019?", "BESTHARBOR_2019_10K"),
        ("And BestHarbor's for fiscal 2018?", "BESTHARBOR_2018_10K"),
        ("What does UON say of its looms?", "report"),
    ],
)
def test_a_document_is_found_by_its_name_and_year(question: str, file: str) -> None:
    assert named(question) == file


def test_the_best_one_may_be_named_in_full_or_in_part() -> None:
    scores = DocumentNames(REPORTS).scores("How did Best Harbor do in 2018?")
    assert scores[0] == pytest.approx(max(scores))
    assert scores[0] > scores[1] > 0
    assert scores[0] > scores[2] > 0


def test_a_question_without_a_name_names_nothing() -> None:
    assert DocumentNames(REPORTS).scores("How do I boil an egg?") == [0.0] * len(REPORTS)


def test_function_words_of_a_title_name_nothing() -> None:
    names = DocumentNames([Named("The Art of the Deal"), Named("Botany")])
    assert names.scores("What is the use of it?") == [0.0, 0.0]


def test_no_documents_have_no_scores() -> None:
    assert DocumentNames([]).scores("4K in 2018") == []


def test_a_single_document_may_be_named() -> None:
    assert DocumentNames([Named("Handbook of Otters")]).scores("What says the handbook of food?") == [1.0]


def test_a_name_in_the_title_counts_more_than_one_on_a_cover() -> None:
    names = DocumentNames(
        [Named("Otters", "a"), Named("Rivers", "b", "for friends of otters"), Named("Tax", "c")]
    )
    first, second, third = names.scores("Do otters sleep?")
    assert first > second > third == 0.0


def test_the_names_in_a_question_are_given_as_they_stand_there() -> None:
    assert DocumentNames(REPORTS).within("What did 4K spend on R&D in FY2018?") == "4k fy2018"
