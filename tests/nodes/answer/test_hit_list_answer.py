"""Hits as a reply: titles, snippets, numbers."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from connectors.bm25 import Bm25Encoder
from orchestrator import Answer, Hits, Question, node, workflow
from orchestrator.nodes.answer._evidence import gather
from orchestrator.nodes.answer.hit_list_answer import HitListAnswer, snippet
from orchestrator.ports import Documents, SparseEncoder
from orchestrator.types import Hit, Passage, Principal

TEXT = "# Travel\n\nCats *sleep* all day. The ferry to Naxos leaves at noon.\n\n- Dogs bark at [3] foxes."
ENCODER = Bm25Encoder()


class Shelf:
    """Two passages, one of which only the board may read."""

    async def passages(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Passage]:
        kept = [
            Passage("b", "b.md", "The board met in May.", "Minutes [2]", "/n/b.md", labels=("board",)),
            Passage("a", "a.md", TEXT, "", "/n/a.md", labels=("public",)),
        ]
        return {each.id: each for each in kept if each.id in ids and principal.grants & set(each.labels)}


PORTS = {Documents: Shelf(), SparseEncoder: ENCODER}


@node
async def finds(question: Question) -> Hits:
    return Hits((Hit("b", 2.0), Hit("a", 1.0)))


async def listed(*grants: str, **settings: int) -> Answer:
    question = Question("When does the ferry go?", Principal(grants=frozenset(grants)))
    found = workflow("finds", finds >> HitListAnswer(**settings))
    result = await found.run(question, ports=PORTS)
    assert result.answer is not None
    return result.answer


async def test_hits_are_listed_by_title_with_a_snippet():
    answer = await listed("public", "board")
    assert answer.text == (
        "1. Minutes [ 2 ] [1]\n   The board met in May.\n"
        "2. a.md [2]\n   Cats sleep all day. The ferry to Naxos leaves at noon. Dogs bark at [ 3 ] foxes."
    )
    assert [(each.n, each.id) for each in answer.citations] == [(1, "b"), (2, "a")]
    assert answer.citations[1].text in TEXT


async def test_a_short_snippet_is_about_the_question():
    answer = await listed("public", snippet=40)
    assert answer.text == "1. a.md [1]\n   The ferry to Naxos leaves at noon."


async def test_a_sentence_too_long_is_cut_at_a_word():
    answer = await listed("public", snippet=20)
    assert answer.text == "1. a.md [1]\n   The ferry to Naxos …"
    assert answer.citations[0].text == "The ferry to Naxos leaves at noon."


async def test_a_hit_that_the_asker_may_not_read_is_not_listed():
    answer = await listed("public")
    assert [each.id for each in answer.citations] == ["a"]
    assert "board" not in answer.text


async def test_a_search_without_hits_says_so():
    assert await listed() == Answer("Nothing was found.")


async def test_words_are_compared_as_search_compares_them():
    question = Question("leaving ferries", Principal(grants=frozenset({"public"})))
    result = await workflow("finds", finds >> HitListAnswer(snippet=40)).run(question, ports=PORTS)
    assert result.answer is not None
    assert result.answer.citations[0].text == "The ferry to Naxos leaves at noon."


@given(st.text(alphabet="ab. \n!?#-|`", max_size=200), st.integers(min_value=1, max_value=60))
def test_a_snippet_is_one_sentence_or_short(text: str, length: int):
    evidence = gather([Passage("a", "a.md", text)], {1: 1.0}, ENCODER)
    shown = [each.sentence for each in snippet(evidence, 0, length)]
    assert len(shown) <= 1 or shown[-1].end - shown[0].start <= length
    assert [each.start for each in shown] == sorted(each.start for each in shown)
