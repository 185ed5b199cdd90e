"""What a group's grades are worth as a model writes them, and as means of what it might have written.

    python -m benchmarks.group_grades --url URL --record FILE [--sample N] [--noveleval N] [--data DIR]

Both are read from the same replies of `groupwise`, without the retriever's part of a score: first of the
judged sample of `orchestrator doctor --model` (8 questions of 6 short passages, two calls each; nDCG@3),
then of so many questions of NovelEval (20 passages of 100 tokens, two calls of 10; nDCG@10).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks.reranking import EMBEDDER, TOKENS, Texts, ndcg, tasks
from orchestrator import ANONYMOUS, Hits, Question, workflow
from orchestrator.bootstrap import interval
from orchestrator.evaluation.judged_sample import judged_sample
from orchestrator.evaluation.strategy_trials import strategy_trials
from orchestrator.models.recorded import RecordedModel
from orchestrator.models.wrapper import WrapperModel
from orchestrator.nodes import Rerank
from orchestrator.nodes.rerank.replies.expectations import expected_grades
from orchestrator.nodes.rerank.replies.scores import parse_scores
from orchestrator.ports import Documents, Embedder, Generation, GenerationRequest, LanguageModel, close_model
from orchestrator.settings import Settings
from orchestrator.types import Hit


class Read(WrapperModel):
    """Keeps every reply, and hands it on with or without its log-probabilities."""

    def __init__(self, model: LanguageModel, *, written: bool) -> None:
        super().__init__(model)
        self.written = written
        self.replies: list[Generation[Any]] = []

    async def generate(self, request: GenerationRequest, **how: Any) -> Generation[Any]:
        """The reply of the model."""
        made = await super().generate(request, **how)
        self.replies.append(made)
        return replace(made, tokens=()) if self.written else made


async def sample(model: LanguageModel, number: int) -> dict[str, Any]:
    """nDCG@3 of the judged sample by one way of reading."""
    questions = judged_sample()[:number]
    (trial,) = [each async for each in strategy_trials(model, ["groupwise"], questions)]
    if trial.error:
        raise SystemExit(trial.error)
    return {"scores": trial.scores, "given": trial.given, "chance": trial.chance}


async def noveleval(model: LanguageModel, folder: Path, number: int) -> dict[str, Any]:
    """nDCG@10 of questions of NovelEval by one way of reading."""
    node = Rerank(strategy="groupwise", repeats=1, keep=10, tokens=TOKENS, weight=1.0)
    flow = workflow("rerank", node, inputs=(Question, Hits))
    scores: list[float] = []
    given: list[float] = []
    for task in tasks(folder / "noveleval", 20, number, judged_only=True):
        hits = Hits(tuple(Hit(name, score) for name, _, score in task.candidates))
        ports: dict[Any, Any] = {Documents: Texts(task), Embedder: EMBEDDER, LanguageModel: model}
        result = await flow.run(Question(task.question, ANONYMOUS), hits, ports=ports)
        scores.append(ndcg(result.output.ids, task))
        given.append(ndcg(hits.ids, task))
    return {"scores": tuple(scores), "given": tuple(given)}


def told(title: str, written: dict[str, Any], expected: dict[str, Any], replies: Sequence[Any]) -> None:
    """Print both, and the difference."""
    rows = [("as given", shown(written["given"]))]
    if "chance" in written:
        rows.append(("chance", f"{sum(written['chance']) / len(written['chance']):.3f}"))
    rows += [("as written", shown(written["scores"])), ("expected", shown(expected["scores"]))]
    gain = interval([a - b for a, b in zip(expected["scores"], written["scores"], strict=True)])
    rows.append(("gain, paired", f"{gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"))
    print(f"\n## {title}, {len(written['scores'])} questions\n\n{harness.table(('grades', 'nDCG'), rows)}\n")
    alike, spread = 0, list[float]()
    for made in replies:
        size = made.text.count(":")
        alike += len(set(parse_scores(made.text, size).values())) == 1
        grades = list(expected_grades(made, 10).values())
        spread.append(max(grades) - min(grades) if grades else 0.0)
    print(f"{alike} of {len(replies)} replies have one grade for all; expectations of a group lie ", end="")
    print(f"{sum(spread) / len(spread):.2f} grades apart in the mean.", flush=True)


def shown(scores: Sequence[float]) -> str:
    """Mean and interval."""
    return "{:.3f} ({:.3f}–{:.3f})".format(*interval(scores))


async def study(arguments: Any) -> None:
    """Both parts. What was recorded is not asked again, so that the second reading is of the same replies."""
    from connectors.vllm.configured import model_of

    named = {"llm_model": arguments.model} if arguments.model else {}
    asked = model_of(Settings(llm_url=(arguments.url,), llm_timeout=3600, **named)) if arguments.url else None
    model = RecordedModel(arguments.record, asked)
    try:
        written, expected = Read(model, written=True), Read(model, written=False)
        began = time.perf_counter()
        first = await sample(written, arguments.sample)
        print(f"{len(written.replies)} calls in {time.perf_counter() - began:.0f} s")
        told("The judged sample", first, await sample(expected, arguments.sample), expected.replies)
        if arguments.noveleval:
            written, expected = Read(model, written=True), Read(model, written=False)
            first = await noveleval(written, arguments.data, arguments.noveleval)
            second = await noveleval(expected, arguments.data, arguments.noveleval)
            told("NovelEval", first, second, expected.replies)
    finally:
        await close_model(model)


def main() -> None:
    """Measure and print."""
    parser = harness.Arguments(__doc__, data=True)
    parser.add_argument("--url", help="the server; without one, --record is replayed")
    parser.add_argument("--model", help="its name, where the server has several")
    parser.add_argument("--record", type=Path, required=True, metavar="FILE", help="keep answers in FILE")
    parser.add_argument("--sample", type=int, default=8, metavar="N", help="so many of its questions")
    parser.add_argument("--noveleval", type=int, default=0, metavar="N", help="so many of its questions")
    arguments = parser.parse_args()
    asyncio.run(study(arguments))
    print("\n" + harness.machine("openai", "numpy"))


if __name__ == "__main__":
    main()
