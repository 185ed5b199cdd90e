"""The probability of an option is that of all its spellings, and next to nothing is no verdict."""

from __future__ import annotations

import math
from typing import Any

import pytest

from connectors.vllm.option_mass import FLOOR, by_text, variants
from orchestrator.errors import InvalidOutput
from tests.connectors.vllm.test_protocol import PROMPT, asking
from tests.services.scripted import Asked, Reply, completion, serving, step

CHAT = "/v1/chat/completions"


def listed(**masses: float) -> dict[str, float]:
    return {name: math.log(value) for name, value in masses.items()}


def shares(found: dict[str, float], *options: str) -> list[float | None]:
    return [None if value is None else round(math.exp(value), 6) for value in by_text(found, options)]


SPELLINGS = {
    "yes": 0.2,
    " yes": 0.1,
    "YES": 0.05,
    "Yes.": 0.02,
    "▁Yes": 0.03,
    "No": 0.3,
    "ĠNO": 0.1,
    "maybe": 0.1,
}


def test_spellings_of_an_option_are_one() -> None:
    found = {name: math.log(value) for name, value in SPELLINGS.items()}
    assert shares(found, "yes", "no") == [0.4, 0.4]
    assert shares(found, "Yes", "NO") == [0.4, 0.4]
    assert shares(found, " Yes", "No.") == [0.4, 0.4]


def test_options_that_differ_in_case_alone_are_told_apart() -> None:
    assert shares(listed(A=0.5, a=0.2), "A", "a") == [0.5, 0.2]
    assert shares({" A": math.log(0.5), "a.": math.log(0.2)}, "A", "a") == [0.5, 0.2]


def test_an_option_of_two_tokens_has_the_mass_of_its_beginning() -> None:
    assert shares(listed(may=0.4, no=0.3, m=0.1), "maybe", "no") == [0.4, 0.3]
    assert shares(listed(rel=0.4, irrel=0.3), "relevant", "irrelevant") == [None, 0.3]
    assert shares(listed(relev=0.4, irrel=0.3), "relevant", "irrelevant") == [0.4, 0.3]
    # It may begin either.
    assert shares(listed(par=0.4), "partly", "parted") == [None, None]
    assert shares(listed(**{"1": 0.4, "10": 0.2}), "1", "10") == [0.4, 0.2]


def test_marks_may_be_options() -> None:
    assert shares({"+": math.log(0.4), " -": math.log(0.3)}, "+", "-") == [0.4, 0.3]


def test_only_words_have_other_spellings() -> None:
    assert variants("yes") == ("yes", "YES", "Yes", " yes", " YES", " Yes")
    assert variants("A") == ("A",)
    assert variants("10") == ("10",)


async def test_half_of_a_verdict_in_small_letters_is_counted() -> None:
    likeliest = step(
        ("Yes", math.log(0.27)), ("yes", math.log(0.43)), (" YES", math.log(0.2)), ("No", math.log(0.02))
    )
    async with asking(serving(lambda _: Reply(completion(logprobs=likeliest)))) as (model, _):
        chosen = await model.choose(PROMPT, ["Yes", "No"])
        assert chosen.values[0] == pytest.approx(0.9 / 0.92)


#: The token of each spelling, for a server that is vLLM.
TOKENS = {"yes": 11, "YES": 12, "Yes": 13, " yes": 14, " Yes": 13, "no": 21, "No": 22, " no": 23}


def vllm(probabilities: dict[int, float], text: str = '{"label": "yes"}') -> Any:
    def script(asked: Asked) -> Reply:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": "m", "owned_by": "vllm"}]})
        if asked.path == "/tokenize":
            last = asked.body["messages"][-1]
            said = [TOKENS[last["content"]]] if last["content"] in TOKENS else [90, 91]
            return Reply({"tokens": [1, *said] if last["role"] == "assistant" else [1]})
        if "logprobs" not in asked.body:
            return Reply(completion(text))
        found = [(f"token_id:{token}", math.log(value)) for token, value in probabilities.items()]
        return Reply(completion("yes", logprobs=step(*found)))

    return script


async def test_spellings_are_asked_for_by_their_tokens_where_that_can_be_done() -> None:
    async with asking(vllm({11: 0.2, 12: 0.1, 13: 0.1, 14: 0.1, 21: 0.2, 22: 0.1, 23: 0.1, 7: 0.1})) as (
        model,
        server,
    ):
        chosen = await model.choose(PROMPT, ["yes", "no"])
        assert chosen.values == pytest.approx((0.5 / 0.9, 0.4 / 0.9))
        (asked,) = server.of(CHAT)
        assert sorted(asked.body["logprob_token_ids"]) == [11, 12, 13, 14, 21, 22, 23]
        tokenized = len(server.of("/tokenize"))
        await model.choose(PROMPT, ["yes", "no"])
        assert len(server.of("/tokenize")) == tokenized
        assert all(
            each.body["chat_template_kwargs"]["enable_thinking"] is False for each in server.of("/tokenize")
        )


async def test_options_that_are_spellings_of_each_other_share_no_token() -> None:
    async with asking(vllm({11: 0.6, 13: 0.3, 14: 0.05})) as (model, server):
        chosen = await model.choose(PROMPT, ["yes", "Yes"])
        assert chosen.values == pytest.approx((2 / 3, 1 / 3))
        (asked,) = server.of(CHAT)
        assert sorted(asked.body["logprob_token_ids"]) == [11, 13]


@pytest.mark.parametrize("mass", [FLOOR * 0.9, 1e-9])
async def test_options_with_next_to_no_mass_are_no_verdict(mass: float) -> None:
    """The model was about to write something else; it is made to choose."""
    async with asking(vllm({7: 0.9, 11: mass / 3, 21: mass * 2 / 3})) as (model, server):
        assert (await model.choose(PROMPT, ["yes", "no"])).values == (1.0, 0.0)
        assert "response_format" in server.of(CHAT)[-1].body
    async with asking(vllm({7: 0.9, 11: FLOOR, 21: FLOOR})) as (model, server):
        assert (await model.choose(PROMPT, ["yes", "no"])).values == pytest.approx((0.5, 0.5))


async def test_a_pick_of_what_was_not_offered_is_no_verdict_either() -> None:
    async with asking(vllm({7: 0.9, 11: 1e-9}, text="Well, that depends.")) as (model, _):
        with pytest.raises(InvalidOutput, match="not offered"):
            await model.choose(PROMPT, ["yes", "no"])


async def test_many_options_are_asked_for_in_parts() -> None:
    def script(asked: Asked) -> Reply:
        if asked.path == "/v1/models":
            return Reply({"data": [{"id": "m", "owned_by": "vllm"}]})
        if asked.path == "/tokenize":
            last = asked.body["messages"][-1]
            return Reply(
                {"tokens": [1, sum(map(ord, last["content"]))] if last["role"] == "assistant" else [1]}
            )
        ids = asked.body["logprob_token_ids"]
        assert len(ids) <= 128
        return Reply(completion(logprobs=step(*((f"token_id:{one}", math.log(1 / 200)) for one in ids))))

    options = [chr(0x4E00 + number) for number in range(200)]
    async with asking(script) as (model, server):
        assert (await model.choose(PROMPT, options)).values == pytest.approx([1 / 200] * 200)
        assert len(server.of(CHAT)) == 2
