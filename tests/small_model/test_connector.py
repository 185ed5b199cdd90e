"""The connector with a real small model behind llama.cpp's server."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from orchestrator import Application
from orchestrator.errors import ContextTooLong, ModelUnreachable
from orchestrator.ports import GenerationRequest, LanguageModel
from orchestrator.settings import Settings
from orchestrator.testing.language_model import PROMPT, LanguageModelConformance
from orchestrator.types import Message
from tests.services.llama import LlamaServer
from tests.services.vllm import free_port

pytestmark = pytest.mark.llm


class Animal(BaseModel):
    """What is asked for: of every kind of field."""

    name: str = Field(max_length=30)
    lives_in: Literal["water", "air", "land"]
    legs: int = Field(ge=0, le=99)
    eats: list[str] = Field(max_length=2)


class TestSmallModel(LanguageModelConformance):
    scores = False
    # Streams are let go at once (test_answers.py, test_endpoint.py). Of a whole reply, llama.cpp's server
    # sees late that nobody waits for it any more: at the latest when it is written.
    drained = 240.0

    @pytest.fixture
    async def model(self, llama: LlamaServer) -> AsyncGenerator[LanguageModel]:
        self.server = llama
        async with Application(Settings(llm_url=(llama.url,), llm_timeout=300)) as application:
            yield application.container.base(LanguageModel)

    async def running(self) -> int:
        return await asyncio.to_thread(lambda: self.server.running)


@pytest.fixture
def model(application: Application) -> LanguageModel:
    return application.container.get(LanguageModel)


async def test_a_reply_of_a_nested_schema_validates(model: LanguageModel) -> None:
    prompt = [Message("user", "Describe a sea otter as JSON.")]
    made = await model.generate(GenerationRequest(prompt, schema=Animal, max_tokens=160))
    assert isinstance(made.parsed, Animal)
    assert Animal.model_validate_json(made.text) == made.parsed


async def test_eleven_grades_have_probabilities(model: LanguageModel) -> None:
    chosen = await model.choose(PROMPT, [str(grade) for grade in range(11)])
    assert len(chosen.values) == 11
    assert math.fsum(chosen.values) == pytest.approx(1.0)
    assert all(value > 0 for value in chosen.values)


async def test_a_sampled_text_follows_its_seed(model: LanguageModel) -> None:
    prompt = [Message("user", "Name an animal.")]
    texts = [
        (await model.generate(GenerationRequest(prompt, max_tokens=12, temperature=1.5, seed=seed))).text
        for seed in (1, 1, 2, 3, 4)
    ]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


async def test_a_prompt_that_is_too_long_is_named_so(model: LanguageModel) -> None:
    with pytest.raises(ContextTooLong):
        await model.generate(GenerationRequest([Message("user", "word " * 9000)]))


async def test_a_server_that_is_not_there_is_named(settings: Settings) -> None:
    gone = settings.model_copy(update={"llm_url": (f"http://127.0.0.1:{free_port()}",)})
    async with Application(gone) as application:
        with pytest.raises(ModelUnreachable, match=r"127\.0\.0\.1"):
            await application.container.get(LanguageModel).generate(GenerationRequest(PROMPT))
