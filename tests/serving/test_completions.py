"""What a completion says: the same in one piece and in many, and what is different when it went wrong."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from orchestrator import workflow
from orchestrator.errors import BadInput, WorkflowError
from orchestrator.ports import Generation, GenerationRequest, LanguageModel, Probabilities, Scores
from orchestrator.serving import Limits, create_app
from orchestrator.types import ANONYMOUS, Message, Usage
from tests.serving.asgi import Ports, asking, endpoint, events
from tests.serving.flows import CITED, facets, generates, whole

PATH = "/v1/chat/completions"
#: What a citation says of its place where nothing is known.
NOWHERE = {"page": None, "section": ""}


async def test_a_completion_holds_the_answer_and_what_it_cites():
    async with endpoint() as client:
        response = await client.post(PATH, json=asking("whole"))
    body = response.json()
    assert response.status_code == 200
    assert body["object"] == "chat.completion"
    assert body["model"] == "whole"
    assert body["id"] == f"chatcmpl-{body['run_id']}"
    assert response.headers["x-run-id"] == body["run_id"]
    assert body["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    assert body["degraded"] == []
    [choice] = body["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"] == CITED.text
    assert body["citations"] == [
        {"n": 1, "id": "a", "title": "First", "source": "/notes/a b.md", "text": "the first", **NOWHERE},
        {"n": 2, "id": "b", "title": "", "source": "https://example.org/b", "text": "the second", **NOWHERE},
    ]


async def test_annotations_point_at_the_numbers_in_the_text():
    async with endpoint() as client:
        body = (await client.post(PATH, json=asking("whole"))).json()
    message = body["choices"][0]["message"]
    cited = [each["url_citation"] for each in message["annotations"]]
    assert [each["type"] for each in message["annotations"]] == ["url_citation"] * 2
    assert [message["content"][each["start_index"] : each["end_index"]] for each in cited] == ["[1]", "[2]"]
    assert [each["url"] for each in cited] == ["file:///notes/a%20b.md", "https://example.org/b"]
    assert [each["title"] for each in cited] == ["First", "https://example.org/b"]


@pytest.mark.parametrize("model", ["whole", "pieces", "degrades"])
async def test_a_stream_says_what_the_whole_answer_says(model: str):
    async with endpoint() as client:
        one = (await client.post(PATH, json=asking(model))).json()
        chunks = events((await client.post(PATH, json=asking(model, stream=True))).text)[:-1]
    message = one["choices"][0]["message"]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("content", "") for delta in deltas) == message["content"]
    assert deltas[-1]["annotations"] == message["annotations"]
    assert chunks[-1]["citations"] == one["citations"]
    assert chunks[-1]["degraded"] == one["degraded"]


async def test_a_stream_conforms():
    async with endpoint() as client:
        response = await client.post(PATH, json=asking("pieces", stream=True))
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-cache"
    assert re.fullmatch(r"(data: [^\n]+\n\n)+", response.text)
    *chunks, done = events(response.text)
    assert done == "[DONE]"
    assert len(chunks) > 4
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    for same in ("id", "created", "model"):
        assert len({chunk[same] for chunk in chunks}) == 1
    choices = [chunk["choices"][0] for chunk in chunks]
    assert choices[0]["delta"] == {"role": "assistant", "content": ""}
    assert all("role" not in choice["delta"] for choice in choices[1:])
    assert [choice["finish_reason"] for choice in choices] == [None] * (len(choices) - 1) + ["stop"]
    assert not any("usage" in chunk for chunk in chunks)


async def test_usage_comes_in_a_chunk_of_its_own_and_only_when_wanted():
    async with endpoint() as client:
        wanted = asking("pieces", stream=True, stream_options={"include_usage": True})
        *chunks, usage, done = events((await client.post(PATH, json=wanted)).text)
    assert done == "[DONE]"
    assert usage["choices"] == []
    assert usage["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    assert all(chunk["usage"] is None for chunk in chunks)


async def test_an_answer_that_contradicts_what_was_streamed_follows_it():
    async with endpoint() as client:
        *chunks, _ = events((await client.post(PATH, json=asking("contradicts", stream=True))).text)
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert text == f"A first thought\n\n{CITED.text}"
    cited = chunks[-1]["choices"][0]["delta"]["annotations"]
    spans = [(each["url_citation"]["start_index"], each["url_citation"]["end_index"]) for each in cited]
    assert [text[start:end] for start, end in spans] == ["[1]", "[2]"]


async def test_what_was_left_out_is_said():
    async with endpoint() as client:
        body = (await client.post(PATH, json=asking("degrades"))).json()
    assert body["degraded"] == ["Two of three sources were away."]


# -- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "status", "code", "says"),
    [
        ("breaks", 500, None, "The node 'breaks' failed."),
        ("unavailable", 503, None, "A store could not be read or written. The server's log says why."),
        ("modelless", 503, "no_model", "Configure one."),
        ("nonsense", 404, "model_not_found", "Models: breaks, breaks_midway"),
    ],
)
async def test_an_error_before_the_first_word_has_its_status(
    model: str, status: int, code: str | None, says: str, stream: bool
):
    async with endpoint() as client:
        response = await client.post(PATH, json=asking(model, stream=stream))
    error = response.json()["error"]
    assert response.status_code == status
    assert {"message", "type", "param", "code"} <= set(error)
    assert error["code"] == code
    assert says in error["message"]
    assert "tulip" not in response.text
    if status == 503:
        assert int(response.headers["retry-after"]) > 0
    if status >= 500:
        assert response.headers["x-should-retry"] == "false"
        assert error["run_id"]


async def test_an_error_after_the_first_word_ends_the_stream_as_an_event_without_choices():
    async with endpoint() as client:
        response = await client.post(PATH, json=asking("breaks_midway", stream=True))
    *chunks, last = events(response.text)
    assert response.status_code == 200
    assert chunks[-1]["choices"][0]["delta"]["content"] == "Half an "
    assert set(last) == {"error"}
    assert last["error"]["message"].startswith("The node 'breaks_midway' failed.")
    assert "tulip" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", PATH, 405, "method_not_allowed"),
        ("DELETE", "/v1/models", 405, "method_not_allowed"),
        ("GET", "/v1/models/nonsense", 404, "model_not_found"),
    ],
)
async def test_an_address_that_is_none_answers_in_the_same_shape(
    method: str, path: str, status: int, code: str
):
    async with endpoint() as client:
        response = await client.request(method, path)
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    assert response.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "invalid_json"),
        (b'{"model": "whole"}', "application/json", 400, "missing_required_parameter"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b'{"model": "' + b"x" * 2_000_000 + b'"}', "application/json", 413, "request_too_large"),
    ],
)
async def test_a_body_that_cannot_be_used_is_refused(content: bytes, kind: str, status: int, code: str):
    async with endpoint() as client:
        response = await client.post(PATH, content=content, headers={"Content-Type": kind})
    assert response.status_code == status
    assert response.json()["error"]["code"] == code


async def test_a_question_too_long_to_search_by_is_refused():
    async with endpoint() as client:
        response = await client.post(PATH, json=asking("whole", "word " * 10_000))
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "context_length_exceeded"


async def test_a_body_that_does_not_arrive_is_not_waited_for():
    async def trickle() -> Any:
        yield b'{"model": '
        await asyncio.sleep(60)

    async with endpoint(limits=Limits(durability="none", arrival=0.05)) as client:
        response = await client.post(PATH, content=trickle(), headers={"Content-Type": "application/json"})
    assert response.status_code == 408


# -- load --------------------------------------------------------------------------------------


async def test_runs_wait_for_a_place_and_are_turned_away_when_too_many_wait():
    limits = Limits(durability="none", concurrent=1, queued=1)
    async with endpoint(limits=limits) as client:
        responses = await asyncio.gather(*(client.post(PATH, json=asking("waits")) for _ in range(3)))
    assert sorted(response.status_code for response in responses) == [200, 200, 503]
    [refused] = [response for response in responses if response.status_code == 503]
    assert refused.json()["error"]["code"] == "overloaded"
    assert int(refused.headers["retry-after"]) > 0
    assert refused.headers["x-should-retry"] == "true"


@pytest.mark.slow
async def test_one_key_cannot_take_all_the_places_to_wait():
    limits = Limits(durability="none", concurrent=1, queued=4)
    keys = {"a-greedy-key": ANONYMOUS, "a-modest-key": ANONYMOUS}
    async with endpoint(limits=limits, api_keys=keys) as client:

        async def ask(key: str) -> httpx.Response:
            headers = {"Authorization": f"Bearer {key}"}
            return await client.post(PATH, json=asking("waits"), headers=headers)

        greedy = [asyncio.create_task(ask("a-greedy-key")) for _ in range(5)]
        await asyncio.sleep(0.05)
        modest = await ask("a-modest-key")
        responses = await asyncio.gather(*greedy)
    assert modest.status_code == 200
    assert sorted(response.status_code for response in responses) == [200, 200, 200, 429, 429]
    refused = next(response for response in responses if response.status_code == 429)
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert "2 of your requests wait already" in refused.json()["error"]["message"]
    assert int(refused.headers["retry-after"]) > 0


async def test_nobody_waits_for_a_place_for_ever():
    limits = Limits(durability="none", concurrent=1, queued=9, patience=0.05)
    async with endpoint(limits=limits) as client:
        responses = await asyncio.gather(*(client.post(PATH, json=asking("waits")) for _ in range(2)))
    assert sorted(response.status_code for response in responses) == [200, 503]


async def test_a_place_is_free_again_after_an_error():
    limits = Limits(durability="none", concurrent=1, queued=0)
    async with endpoint(limits=limits) as client:
        for model in ("breaks", "unavailable", "breaks_midway", "whole"):
            response = await client.post(PATH, json=asking(model, stream=True))
    assert response.status_code == 200


async def test_silence_is_filled_with_comments():
    limits = Limits(durability="none", keep_alive=0.02)
    async with endpoint(limits=limits) as client:
        response = await client.post(PATH, json=asking("waits", stream=True))
    assert response.text.startswith(": keep-alive\n\n")
    assert events(response.text)[0]["choices"][0]["delta"]["role"] == "assistant"
    assert events(response.text)[-1] == "[DONE]"


# -- models ------------------------------------------------------------------------------------


async def test_each_workflow_is_a_model():
    async with endpoint([workflow("one", whole), workflow("a/b", whole)]) as client:
        listed = (await client.get("/v1/models")).json()
        single = (await client.get("/v1/models/a/b")).json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["one", "a/b"]
    assert single == listed["data"][1]
    assert set(single) == {"id", "object", "created", "owned_by"}


def test_a_workflow_that_ends_in_something_else_is_not_served():
    with pytest.raises(BadInput, match=r"goes from Question to Facets.*Answer, Hits or Slate"):
        create_app(Ports(), [workflow("facets", facets)])


def test_two_workflows_of_one_name_are_not_served():
    with pytest.raises(BadInput, match="Two workflows are named 'same'"):
        create_app(Ports(), [workflow("same", whole), workflow("same", whole)])


def test_a_broken_workflow_is_not_served():
    with pytest.raises(WorkflowError, match="broken"):
        create_app(Ports(), [workflow("broken", facets >> facets >> whole, inputs=())])


# -- the client's limit on tokens --------------------------------------------------------------


class Counting:
    """A model that writes as many words as it may."""

    name = "counting"
    available = True

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        words = [f"{number} " for number in range(min(request.max_tokens, 20))]
        for word in words if on_text else ():
            on_text(word)
        finish = "stop" if request.max_tokens > 20 else "length"
        return Generation("".join(words), usage=Usage(1, 3, len(words)), finish=finish)

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        raise NotImplementedError

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        raise NotImplementedError


async def test_max_tokens_limits_what_the_user_reads_and_not_the_work_behind_it():
    ports = {LanguageModel: Counting()}
    async with endpoint([workflow("generates", generates)], ports=ports) as client:
        short = (await client.post(PATH, json=asking("generates", max_tokens=5))).json()
        long = (await client.post(PATH, json=asking("generates"))).json()
    assert short["choices"][0]["message"]["content"] == "0 1 2 3 4 "
    assert short["choices"][0]["finish_reason"] == "length"
    assert short["usage"] == {"prompt_tokens": 6, "completion_tokens": 25, "total_tokens": 31}
    assert long["choices"][0]["finish_reason"] == "stop"
    assert long["usage"]["completion_tokens"] == 40
