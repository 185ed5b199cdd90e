"""What a real language model does to rankings: every strategy, and queries in the model's own words.

    python -m benchmarks.small_model --url URL [--model NAME] [--record FILE] [--data DIR]
        [--parts noveleval scifact reformulation] [--arms yes_no …] [--queries N] [--json FILE]

`--url` is an OpenAI-compatible server. With `--record FILE`, answers are kept there, and what is kept is not
asked again: a run that was broken off goes on, and without `--url` the whole run replays without a server.

NovelEval gives its 20 candidates in the order of BM25, SciFact the first 20 of BM25 for 40 queries that
have a relevant one among them: the order, cut to 100 tokens, that `benchmarks.reranking` makes. nDCG@10
is over these candidates, with a 95 % bootstrap interval of the mean. Beside each stand the order as it was
retrieved, and what the simulated judge (`orchestrator.testing.judge`) predicts at three levels of noise.
Tokens and seconds are of one question; seconds include waiting for a server that has few slots.

`reformulation` searches SciFact's corpus for its first 40 queries: as they are, with GenQR's keywords, and
with pseudo-documents, beside the stored reformulations of larger models where the data have them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks.reranking import EMBEDDER, NOISE, TOKENS, Task, Texts, arm, interval, ndcg, tasks
from orchestrator import ANONYMOUS, Hits, Question, Workflow, workflow
from orchestrator.application.application import Application
from orchestrator.evaluation import beir, experiment
from orchestrator.models.recorded import RecordedModel
from orchestrator.nodes import GenQREnsemble, PseudoDocuments, Rerank, Retrieve, StoredReformulations
from orchestrator.ports import Documents, Embedder, LanguageModel, close_model
from orchestrator.settings import Settings
from orchestrator.types import Hit, Usage

#: The strategies that ask a language model, in the order in which they are measured: the cheap ones first.
STRATEGIES: dict[str, dict[str, Any]] = {
    "yes_no": {},
    "graded": {},
    "full": {},
    "first": {},
    "groupwise": {"repeats": 1},
    "groupwise of 4": {"strategy": "groupwise", "group": 4, "repeats": 1},
    "setwise": {},
    "listwise": {"window": 10, "step": 5},
    "elimination": {},
    "pairwise": {},
}
#: Texts that a model writes for a query; the published methods take five and ten.
REFORMULATIONS = {
    "GenQR, 3 instructions": GenQREnsemble(instructions=3, max_tokens=64),
    "query2doc": PseudoDocuments(method="query2doc", max_tokens=128),
    "mugi, 2 texts": PseudoDocuments(method="mugi", number=2, max_tokens=128),
}
QUERIES = 40
METRIC = "ndcg@10"


async def reranked(
    given: Sequence[Task], settings: Mapping[str, Any], model: LanguageModel
) -> dict[str, Any]:
    """One strategy over all tasks: nDCG@10 of each, the cost of one, and what it said of itself."""
    wf = workflow("rerank", Rerank(keep=10, tokens=TOKENS, **settings), inputs=(Question, Hits))
    scores: list[float] = []
    spent, said, unmoved = Usage(), Counter[str](), 0
    began = time.perf_counter()
    for task in given:
        hits = Hits(tuple(Hit(name, score) for name, _, score in task.candidates))
        ports: dict[Any, Any] = {Documents: Texts(task), Embedder: EMBEDDER, LanguageModel: model}
        result = await wf.run(Question(task.question, ANONYMOUS), hits, ports=ports)
        scores.append(ndcg(result.output.ids, task))
        spent = spent + result.usage
        said.update(result.degraded)
        unmoved += result.output.ids == hits.ids[:10]
        print(f"    {scores[-1]:.3f} {task.question[:60]}", flush=True)
    size = len(given)
    return {
        "scores": scores,
        "calls": spent.calls / size,
        "read": spent.prompt_tokens / size,
        "written": spent.completion_tokens / size,
        "seconds": (time.perf_counter() - began) / size,
        "unmoved": unmoved,
        "degraded": dict(said),
    }


async def predicted(given: Sequence[Task], settings: Mapping[str, Any]) -> dict[str, float]:
    """nDCG@10 by the simulated judge, by the level of its noise."""
    return {level: (await arm(settings, given, noise)).mean for level, noise in NOISE.items()}


async def reranking(
    title: str, given: Sequence[Task], names: Sequence[str], model: LanguageModel
) -> dict[str, Any]:
    """A table of the strategies on one set of tasks, printed as it is measured."""
    retrieved = [ndcg([name for name, _, _ in task.candidates], task) for task in given]
    print(f"\n## {title}, {len(given)} queries; as retrieved {shown(retrieved)}\n", flush=True)
    rows: dict[str, Any] = {}
    for name in names:
        settings = {"strategy": name, **STRATEGIES[name]}
        print(f"{name}:", flush=True)
        rows[name] = await reranked(given, settings, model)
        rows[name]["predicted"] = await predicted(given, settings)
    heads = ("strategy", "nDCG@10", *(f"judge, {level} noise" for level in NOISE))
    costs = ("calls", "tokens read", "written", "seconds", "order kept", "said")
    table = [
        (
            name,
            shown(row["scores"]),
            *(f"{value:.3f}" for value in row["predicted"].values()),
            *(f"{row[cost]:,.0f}" for cost in ("calls", "read", "written", "seconds")),
            f"{row['unmoved']} of {len(given)}",
            sum(row["degraded"].values()),
        )
        for name, row in rows.items()
    ]
    print("\n" + harness.table((*heads, *costs), table), flush=True)
    return {"retrieved": retrieved, "strategies": rows}


def shown(scores: Sequence[float]) -> str:
    """Mean and interval."""
    return "{:.3f} ({:.3f}–{:.3f})".format(*interval(scores))


def searches(folder: Path) -> list[Workflow]:
    """Term and vector search: of the question, of the model's words, and of stored words."""
    bm25, dense = Retrieve(k=100, mode="bm25"), Retrieve(k=100, mode="dense", fusion="max")
    arms = [workflow("bm25", bm25), workflow("dense", dense)]
    for name, node in REFORMULATIONS.items():
        arms.append(workflow(f"bm25, {name}", node >> bm25))
        if isinstance(node, PseudoDocuments):
            arms.append(workflow(f"dense, {name}", node >> dense))
    for file in sorted((folder / "reformulations").glob("*.jsonl")):
        if file.name != "index.jsonl":
            stored = StoredReformulations(file, folder / "queries.jsonl")
            arms.append(workflow(f"bm25, stored {file.stem}", stored >> bm25))
    return arms


async def reformulation(folder: Path, home: Path, queries: int, model: LanguageModel) -> dict[str, Any]:
    """Searches of SciFact's first queries, printed as a table."""
    data = beir(folder)
    first = dict(list(data.queries.items())[:queries])
    few = replace(data, queries=first, qrels={query: data.qrels[query] for query in first})
    async with Application(Settings(home=home, embedder="light"), model=model) as application:
        report = await experiment(searches(folder), data=few, metrics=[METRIC], application=application)
    rows: list[tuple[str, str]] = []
    for name, found in report.arms.items():
        at = found.metrics[METRIC]
        rows.append((name, f"{at.mean:.3f} ({at.low:.3f}–{at.high:.3f})"))
    print(
        f"\n## SciFact, searched, {len(first)} queries\n\n" + harness.table(("arm", METRIC), rows), flush=True
    )
    return report.json()


async def study(arguments: Any) -> dict[str, Any]:
    """The parts that were asked for."""
    from connectors.vllm.configured import model_of

    asked = None
    if arguments.url:
        named = {"llm_model": arguments.model} if arguments.model else {}
        # A server of one slot lets the last of a hundred calls wait for all others.
        asked = model_of(Settings(llm_url=(arguments.url,), llm_timeout=3600, **named))
    model: Any = RecordedModel(arguments.record, asked) if arguments.record else asked
    try:
        return await measured(arguments, model)
    finally:
        await close_model(model)


async def measured(arguments: Any, model: LanguageModel) -> dict[str, Any]:
    """What was found of each part."""
    found: dict[str, Any] = {}
    if "noveleval" in arguments.parts:
        given = tasks(arguments.data / "noveleval", 20, arguments.queries or 21, judged_only=True)
        title = "NovelEval, 20 candidates"
        found["noveleval"] = await reranking(title, given, arguments.arms, model)
    if "scifact" in arguments.parts:
        given = tasks(arguments.data / "scifact", 20, arguments.queries or QUERIES, judged_only=False)
        title = "SciFact, the first 20 of BM25"
        found["scifact"] = await reranking(title, given, arguments.arms, model)
    if "reformulation" in arguments.parts:
        number = arguments.queries or QUERIES
        found["reformulation"] = await reformulation(
            arguments.data / "scifact", arguments.home, number, model
        )
    return found


def main() -> None:
    """Measure and print."""
    parser = harness.Arguments(__doc__, data=True, home="small-model")
    parser.add_argument("--url", help="the server; without one, --record is replayed")
    parser.add_argument("--model", help="its name, where the server has several")
    parser.add_argument("--record", type=Path, metavar="FILE", help="keep answers in FILE, and use them")
    parts = ("noveleval", "scifact", "reformulation")
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--arms", nargs="+", choices=tuple(STRATEGIES), default=tuple(STRATEGIES))
    parser.add_argument("--queries", type=int, help="of each part; by default 21 of NovelEval, 40 of SciFact")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if not arguments.url and not arguments.record:
        parser.error("give --url, or the --record of an earlier run")
    found = asyncio.run(study(arguments))
    print("\n" + harness.machine("openai", "numpy"))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
