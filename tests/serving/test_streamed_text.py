"""Text that was streamed and the answer agree, whatever became of the nodes that said it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import Answer, Question, Run, node, workflow
from orchestrator.graph.run.events import Restarted
from orchestrator.ports import Cache
from orchestrator.serving.wire.streamed_text import BREAK, StreamedText
from tests.serving.asgi import asking, endpoint, events
from tests.serving.flows import CITED, pieces


def sent_by(*said: str | None, answer: str) -> tuple[str, int]:
    """What a client gets of what one node says; None is where the node begins again."""
    text = StreamedText()
    got = ""
    for each in said:
        if each is None:
            text.restart("node")
        else:
            got += text.add("node", each)
    got += text.finish(answer)
    assert got == text.sent
    return got, text.offset


@pytest.mark.parametrize(
    ("said", "answer", "got"),
    [
        (["Hello ", "world"], "Hello world", "Hello world"),
        ([], "Hello world", "Hello world"),
        (["Hello "], "Hello world", "Hello world"),
        (["Hello ", None, "Hello ", "world"], "Hello world", "Hello world"),
        (["Hello ", None, "Hel", "lo wor", "ld"], "Hello world", "Hello world"),
        (["Hello ", None], "Hello world", "Hello world"),
        (["Hello ", None, "Good day"], "Good day", f"Hello {BREAK}Good day"),
        (["Hello ", None, None, "Hello"], "Hello", f"Hello {BREAK}Hello"),
        (["A", None, "B", None, "B", "C"], "BC", f"A{BREAK}BC"),
        # Nobody said that the node had begun again.
        (["Hello ", "Hello ", "world"], "Hello world", f"Hello Hello world{BREAK}Hello world"),
        (["A first thought"], "Another", f"A first thought{BREAK}Another"),
    ],
)
def test_what_is_sent_ends_with_the_answer(said: list[str | None], answer: str, got: str) -> None:
    assert sent_by(*said, answer=answer)[0] == got


@given(st.lists(st.one_of(st.none(), st.text("ab", min_size=1, max_size=3)), max_size=8), st.text("ab"))
def test_whatever_is_said_the_answer_stands_where_the_offset_points(
    said: list[str | None], answer: str
) -> None:
    got, offset = sent_by(*said, answer=answer)
    assert got[offset:] == answer


def test_a_node_that_begins_anew_takes_back_its_own_words_alone() -> None:
    text = StreamedText()
    assert text.add("first", "One. ") == "One. "
    assert text.add("second", "Tw") == "Tw"
    text.restart("second")
    assert text.add("second", "Two.") == "o."
    assert text.finish("One. Two.") == ""


class Memory:
    """A cache that forgets nothing."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    async def put(
        self, key: str, value: bytes, *, sources: object = (), seconds: float | None = None
    ) -> None:
        self.kept[key] = value


@node
async def stammers(question: Question, run: Run) -> Answer:
    """Begins again, as the engine says it of a node that it tries again."""
    run.emit("Ünïcode fi")
    run._state.events.put_nowait(Restarted("stammers"))  # type: ignore[union-attr]
    for start in range(0, len(CITED.text), 7):
        run.emit(CITED.text[start : start + 7])
    return CITED


async def streamed(flow: Any, ports: Mapping[type, object]) -> list[Any]:
    async with endpoint([flow], ports=ports) as client:
        reply = await client.post("/v1/chat/completions", json=asking(flow.name, stream=True))
    return events(reply.text)[:-1]


async def test_an_answer_from_a_cache_is_streamed_as_the_first_was() -> None:
    ports = {Cache: Memory()}
    flow = workflow("kept", pieces.within(cache=60))
    for _ in range(2):
        chunks = await streamed(flow, ports)
        assert "".join(each["choices"][0]["delta"].get("content", "") for each in chunks) == CITED.text
        assert len(chunks[-1]["choices"][0]["delta"]["annotations"]) == 2


async def test_an_answer_that_was_begun_anew_is_streamed_once() -> None:
    flow = workflow("stammers", stammers)
    chunks = await streamed(flow, {})
    text = "".join(each["choices"][0]["delta"].get("content", "") for each in chunks)
    assert text == CITED.text
    spans = [each["url_citation"] for each in chunks[-1]["choices"][0]["delta"]["annotations"]]
    assert [text[each["start_index"] : each["end_index"]] for each in spans] == ["[1]", "[2]"]
