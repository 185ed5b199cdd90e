"""What servers send is read however the network cuts it, and half of it is an error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.errors import ModelError, ModelUnreachable
from orchestrator.ports import GenerationRequest
from tests.connectors.vllm.test_protocol import PROMPT, asking
from tests.connectors.vllm.test_replies import USAGE, delta
from tests.services.scripted import Reply, chunk, completion, serving


def events(*lines: str, end: str = "\n") -> bytes:
    return "".join(f"{line}{end}" for line in lines).encode()


YES, END = json.dumps(chunk("Yes, ça.")), json.dumps(chunk(finish="stop"))
BYTES: dict[str, bytes] = {
    "as it should be": events(f"data: {YES}", "", f"data: {END}", "", "data: [DONE]", ""),
    "carriage returns": events(f"data: {YES}", "", f"data: {END}", "", "data: [DONE]", "", end="\r\n"),
    "only carriage returns": events(f"data: {YES}", "", f"data: {END}", "", "data: [DONE]", "", end="\r"),
    "byte order mark": b"\xef\xbb\xbf" + events(f"data: {YES}", "", f"data: {END}", "", "data: [DONE]", ""),
    "comments": events(
        ": hello", "", f"data: {YES}", ": ping", "", ":", f"data: {END}", "", "data: [DONE]", ""
    ),
    "no blanks after colons": events(f"data:{YES}", "", f"data:{END}", "", "data:[DONE]", ""),
    "no empty lines": events(f"data: {YES}", f"data: {END}", "data: [DONE]"),
    "names and numbers": events(
        "event: message", "id: 1", "retry: 10", f"data: {YES}", "", f"data: {END}", ""
    ),
    "an event of two lines": events(f"data: {YES[:20]}", f"data: {YES[20:]}", "", f"data: {END}", ""),
    "no last line end": events(f"data: {YES}", "")[:-1] + f"\ndata: {END}".encode(),
    "empty data": events("data:", "", f"data: {YES}", "", f"data: {END}", ""),
    "one JSON": json.dumps(completion("Yes, ça.")).encode(),
    "JSON over several lines": json.dumps(completion("Yes, ça."), indent=2).encode(),
    "JSON with a byte order mark": b"\xef\xbb\xbf" + json.dumps(completion("Yes, ça.")).encode(),
    "after the end": events(f"data: {YES}", "", f"data: {END}", "", "data: [DONE]", "", "data: nonsense", ""),
}


@pytest.mark.quick(every=4)
@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("text/event-stream", 1),
        ("text/event-stream", 10_000),
        ("application/json", 7),
        ("text/plain", 10_000),
    ],
)
@pytest.mark.parametrize("fault", BYTES)
async def test_bytes_are_read_however_they_come(fault: str, size: int, kind: str) -> None:
    data = BYTES[fault]
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    async with asking(serving(lambda _: Reply(pieces, kind=kind))) as (model, _):
        shown: list[str] = []
        assert (
            (await model.generate(GenerationRequest(PROMPT), on_text=shown.append)).text
            == "".join(shown)
            == "Yes, ça."
        )
        if fault != "after the end":
            assert (await model.generate(GenerationRequest(PROMPT))).text == "Yes, ça."


async def test_letters_that_are_none_are_marked() -> None:
    data = json.dumps(completion("Yes X.")).encode().replace(b"X", b"\xff\xfe")
    async with asking(serving(lambda _: Reply([data]))) as (model, _):
        assert (await model.generate(GenerationRequest(PROMPT))).text == "Yes \ufffd\ufffd."
        assert (
            await model.generate(GenerationRequest(PROMPT), on_text=lambda _: None)
        ).text == "Yes \ufffd\ufffd."


async def test_a_line_of_a_megabyte_is_read() -> None:
    long = "word " * 200_000
    async with asking(serving(lambda _: Reply(pieces=[chunk(long), chunk(finish="stop"), "[DONE]"]))) as (
        model,
        _,
    ):
        assert (await model.generate(GenerationRequest(PROMPT), on_text=lambda _: None)).text == long


@pytest.mark.parametrize(
    ("pieces", "error", "told"),
    [
        ([chunk("Half a")], ModelUnreachable, "broke off"),
        ([delta(role="assistant")], ModelUnreachable, "broke off"),
        ([chunk("Half a"), chunk(finish="error")], ModelUnreachable, "broke off"),
        ([chunk("Half a"), chunk(finish="abort"), "[DONE]"], ModelUnreachable, "broke off"),
        ([chunk("Half a"), {"error": {"message": "out of memory"}}], ModelError, "out of memory"),
        ([chunk("Half a"), {"error": "out of memory"}], ModelError, "out of memory"),
        ([chunk("Half a"), "{not JSON", "[DONE]"], ModelError, "failed"),
        (["[DONE]"], ModelError, "without a choice"),
        ([USAGE, "[DONE]"], ModelError, "without a choice"),
    ],
)
async def test_half_an_answer_is_an_error_and_not_an_end(
    pieces: list[Any], error: type[ModelError], told: str
) -> None:
    async with asking(serving(lambda _: Reply(pieces=pieces)), attempts=1) as (model, _):
        with pytest.raises(error, match=told):
            await model.generate(GenerationRequest(PROMPT), on_text=lambda _: None)


async def test_a_line_that_breaks_within_an_event_is_an_error() -> None:
    half = f"data: {YES}\n\ndata: {END[:10]}".encode()
    for cut in (True, False):
        async with asking(serving(lambda _, cut=cut: Reply([half], cut=cut)), attempts=1) as (model, _):
            with pytest.raises(ModelError):
                await model.generate(GenerationRequest(PROMPT), on_text=lambda _: None)
