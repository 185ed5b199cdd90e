"""Hits as a reply: titles, snippets, numbers."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from orchestrator import Hits, Question, node, workflow
from orchestrator.ports import Documents
from orchestrator.serving.listing import snippet
from orchestrator.types import Hit, Passage, Principal
from tests.serving.asgi import asking, endpoint

TEXT = "Cats sleep all day. The ferry to Naxos leaves at noon. Dogs bark [3] at night."


@node
async def finds(question: Question) -> Hits:
    return Hits((Hit("b", 2.0), Hit("a", 1.0)))


class Shelf:
    """Two passages, one of which only the board may read."""

    async def passages(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Passage]:
        kept = [
            Passage("b", "b.md", "The board met [1] in May.", "Minutes [2]", "/n/b.md", labels=("board",)),
            Passage("a", "a.md", TEXT, "", "/n/a.md", labels=("public",)),
        ]
        return {each.id: each for each in kept if each.id in ids and principal.grants & set(each.labels)}


async def listed(grants: set[str]) -> tuple[str, list[str]]:
    keys = {"key": Principal(grants=frozenset(grants), name="reader")}
    ports = {Documents: Shelf()}
    async with endpoint([workflow("finds", finds)], ports=ports, api_keys=keys, key="key") as client:
        body = (
            await client.post("/v1/chat/completions", json=asking("finds", "When does the ferry go?"))
        ).json()
    assert [each["n"] for each in body["citations"]] == list(range(1, len(body["citations"]) + 1))
    return body["choices"][0]["message"]["content"], [each["id"] for each in body["citations"]]


async def test_hits_are_listed_by_title_with_a_snippet():
    text, cited = await listed({"public", "board"})
    assert cited == ["b", "a"]
    assert text == (
        "1. Minutes (2) [1]\n   The board met (1) in May.\n"
        "2. a.md [2]\n   Cats sleep all day. The ferry to Naxos leaves at noon. Dogs bark (3) at night."
    )


async def test_a_hit_that_the_asker_may_not_read_is_not_listed():
    text, cited = await listed({"public"})
    assert cited == ["a"]
    assert "board" not in text


async def test_a_search_without_hits_says_so():
    assert await listed(set()) == ("Nothing was found.", [])


def test_a_snippet_begins_with_the_sentence_that_answers():
    assert snippet(TEXT, frozenset({"ferry", "noon"}), 40) == "The ferry to Naxos leaves at noon. Dogs"


@given(st.text(alphabet="ab. \n!?", max_size=200), st.integers(min_value=1, max_value=60))
def test_a_snippet_is_a_part_of_its_passage(text: str, length: int):
    part = snippet(text, frozenset({"ab"}), length)
    assert len(part) <= length
    assert part in " ".join(text.split())
