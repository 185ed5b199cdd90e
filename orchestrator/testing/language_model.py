"""What every `LanguageModel` must do, whatever it knows."""

from __future__ import annotations

import asyncio
import math

import pytest
from pydantic import BaseModel, Field

from orchestrator.errors import ModelError, OrchestratorError
from orchestrator.ports import GenerationRequest, LanguageModel
from orchestrator.types import Message

PROMPT = (Message("system", "You are brief."), Message("user", "Describe a city as JSON."))
LONG = (Message("user", "Count from one to ten thousand, in words."),)


class City(BaseModel):
    """What is asked for."""

    name: str = Field(max_length=40)
    people: int = Field(ge=0, le=99_999_999)


@pytest.mark.asyncio
class LanguageModelConformance:
    """Subclass it with a fixture `model`. A model that lacks an operation says so: `chooses`, `scores`.

    Its `running`, where it can be known, counts the requests under way at the server: after a call was
    cancelled it must be 0 within `drained` seconds.
    """

    #: Whether the model gives probabilities, and relevance scores.
    chooses = True
    scores = True
    #: Seconds that a server has to let go of a cancelled request.
    drained = 2.0

    @pytest.fixture
    def model(self) -> LanguageModel:
        """The model under test."""
        raise NotImplementedError

    async def running(self) -> int | None:
        """Requests under way at the server; None if that cannot be known."""
        return None

    async def test_it_has_a_name_and_is_available(self, model: LanguageModel) -> None:
        assert isinstance(model, LanguageModel)
        assert model.name
        assert model.available

    async def test_a_text_is_generated_and_its_tokens_are_counted(self, model: LanguageModel) -> None:
        generation = await model.generate(GenerationRequest(PROMPT, max_tokens=24))
        assert isinstance(generation.text, str)
        assert generation.parsed is None
        assert generation.usage.calls == 1
        assert generation.usage.prompt_tokens > 0
        assert 0 < generation.usage.completion_tokens <= 24
        assert generation.finish in ("stop", "length")

    async def test_without_chance_the_same_prompt_gives_the_same_text(self, model: LanguageModel) -> None:
        first = await model.generate(GenerationRequest(PROMPT, max_tokens=24))
        assert (await model.generate(GenerationRequest(PROMPT, max_tokens=24))).text == first.text

    async def test_what_a_model_may_think_is_no_part_of_its_text(self, model: LanguageModel) -> None:
        pieces: list[str] = []
        generation = await model.generate(
            GenerationRequest(PROMPT, max_tokens=24, temperature=0.5, top_p=0.9, seed=1, reasoning=8),
            on_text=pieces.append,
        )
        assert "".join(pieces) == generation.text
        assert generation.usage.completion_tokens <= 32
        for told in (generation.text, generation.reasoning):
            assert "<think>" not in told

    async def test_tokens_with_their_alternatives_make_the_text(self, model: LanguageModel) -> None:
        generation = await model.generate(GenerationRequest(PROMPT, max_tokens=12, alternatives=5))
        # Whose server gives none has none.
        for token in generation.tokens:
            place = max(0, token.start)
            assert token.text.endswith(generation.text[place : token.start + len(token.text)])
            assert token.text in token.likeliest
            assert all(value <= 0 for value in token.likeliest.values())
        assert "".join(token.text for token in generation.tokens) in ("", generation.text)

    async def test_a_text_that_reaches_its_limit_says_so(self, model: LanguageModel) -> None:
        assert (await model.generate(GenerationRequest(PROMPT, max_tokens=1))).finish == "length"

    async def test_a_streamed_text_is_the_text(self, model: LanguageModel) -> None:
        pieces: list[str] = []
        generation = await model.generate(GenerationRequest(PROMPT, max_tokens=24), on_text=pieces.append)
        assert "".join(pieces) == generation.text
        assert generation.usage.completion_tokens > 0
        assert generation.text == (await model.generate(GenerationRequest(PROMPT, max_tokens=24))).text

    async def test_a_schema_is_kept_to(self, model: LanguageModel) -> None:
        generation = await model.generate(GenerationRequest(PROMPT, schema=City, max_tokens=128))
        assert isinstance(generation.parsed, City)
        assert generation.usage.calls >= 1

    async def test_output_that_cannot_fit_its_schema_is_an_error(self, model: LanguageModel) -> None:
        with pytest.raises(ModelError):
            await model.generate(GenerationRequest(PROMPT, schema=City, max_tokens=2))

    async def test_probabilities_of_options_sum_to_one(self, model: LanguageModel) -> None:
        if not self.chooses:
            with pytest.raises(ModelError):
                await model.choose(PROMPT, ["yes", "no"])
            return
        for options in (["yes", "no"], ["A", "B", "C"], ["by train, at night", "by boat", "on foot"]):
            chosen = await model.choose(PROMPT, options)
            assert len(chosen.values) == len(options)
            assert all(0 <= value <= 1 and math.isfinite(value) for value in chosen.values)
            assert math.fsum(chosen.values) == pytest.approx(1.0)
            assert chosen.usage.prompt_tokens > 0
        again = await model.choose(PROMPT, ["A", "B", "C"])
        turned = await model.choose(PROMPT, ["C", "B", "A"])
        assert again.values == pytest.approx(tuple(reversed(turned.values)), abs=0.02)

    async def test_one_option_is_certain_and_none_is_nothing(self, model: LanguageModel) -> None:
        assert (await model.choose(PROMPT, ["only"])).values == (1.0,)
        assert (await model.choose(PROMPT, [])).values == ()

    async def test_options_that_are_the_same_are_refused(self, model: LanguageModel) -> None:
        with pytest.raises(OrchestratorError):
            await model.choose(PROMPT, ["yes", "yes"])

    async def test_texts_are_scored_in_their_order(self, model: LanguageModel) -> None:
        if not self.scores:
            with pytest.raises(ModelError):
                await model.score("otters", ["an otter"])
            return
        texts = ["Otters sleep on their backs.", "Income tax is due.", "x"]
        scores = await model.score("Where do otters sleep?", texts)
        assert len(scores.values) == len(texts)
        assert all(map(math.isfinite, scores.values))
        turned = await model.score("Where do otters sleep?", texts[::-1])
        assert scores.values == pytest.approx(turned.values[::-1], abs=0.02)

    async def test_calls_made_side_by_side_are_kept_apart(self, model: LanguageModel) -> None:
        prompts = [(Message("user", f"Repeat the number {number}."),) for number in range(12)]
        together = await asyncio.gather(
            *(model.generate(GenerationRequest(prompt, max_tokens=8)) for prompt in prompts)
        )
        assert all(generation.usage.calls == 1 for generation in together)
        assert all(generation.usage.completion_tokens <= 8 for generation in together)

    async def test_a_cancelled_call_ends_at_once_and_at_the_server(self, model: LanguageModel) -> None:
        pieces: list[str] = []
        for on_text in (None, pieces.append):
            call = asyncio.create_task(
                model.generate(GenerationRequest(LONG, max_tokens=2000), on_text=on_text)
            )
            await asyncio.sleep(0.3)
            call.cancel()
            done, _ = await asyncio.wait({call}, timeout=1.0)
            assert done
        if await self.running() is not None:
            async with asyncio.timeout(self.drained):
                while await self.running():  # noqa: ASYNC110 - the server tells nobody
                    await asyncio.sleep(0.02)
        # What was cancelled leaves the model usable.
        assert (await model.generate(GenerationRequest(PROMPT, max_tokens=4))).usage.calls == 1
