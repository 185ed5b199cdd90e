"""Several concurrent completions; failed ones are skipped and reported."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from orchestrator.errors import BudgetExhausted, ModelError
from orchestrator.graph.run_context import Run
from orchestrator.ports import GenerationRequest, LanguageModel
from orchestrator.types import Message


async def completions(
    prompts: Sequence[Sequence[Message]],
    model: LanguageModel,
    run: Run,
    *,
    purpose: str,
    max_tokens: int,
    temperature: float,
) -> list[str | None]:
    """What the model writes to each prompt, in their order; None where it failed or wrote nothing.

    Prompt number i is sampled with seed i, so that equal prompts give different texts, and the same
    ones again. Without a model all are None. `purpose` says what is missing, in what the run reports.
    """
    if not model.available:
        run.degrade(f"no language model is configured: {purpose}")
        return [None] * len(prompts)
    reasons: list[str] = []

    async def one(seed: int, prompt: Sequence[Message]) -> str | None:
        try:
            generation = await model.generate(
                GenerationRequest(prompt, max_tokens=max_tokens, temperature=temperature, seed=seed)
            )
        except (BudgetExhausted, ModelError) as error:
            reasons.append(error.message)
            return None
        return generation.text.strip() or None

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(seed, prompt)) for seed, prompt in enumerate(prompts)]
    except ExceptionGroup as failed:
        # One failing call stops the others; its error is the node's.
        raise failed.exceptions[0] from None
    texts = [task.result() for task in tasks]
    lost = texts.count(None)
    if lost:
        why = f" ({reasons[0].rstrip('.')})" if reasons else ""
        run.degrade(f"{lost} of {len(texts)} model calls gave nothing{why}: {purpose}")
    return texts
