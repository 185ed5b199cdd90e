"""What searching by aspects and choosing for coverage buy, on questions with judged aspects.

    python -m benchmarks.facets [--data DIR] [--sets musique cranfield×3 scifact×3]
                                [--embedders light minilm] [--half odd] [--json FILE]

No collection at hand has judgements of aspects, so they are made of what was judged:

* `musique`: a question of several hops, whose supporting passages are one a hop. Aspects are the hops. With
  one passage an aspect, α-nDCG is nDCG, and nothing can be redundant.
* `cranfield×3`, `scifact×3`: three questions of the collection asked in one. Aspects are the three, each
  with its own judgements, so that one can be answered twice while another is not at all. A question is
  in one triple only, by the order of the SHA-256 of its id.

Two explorers: *clusters* (no model), and *plan*, a model's stand-in that names the true parts: the hops as
MuSiQue writes them down, without the answers of those before, or the three questions. So *plan* bounds
what a good explorer can give; *clusters* is what there is without one. (Without a model, `Explore` takes a
question of several sentences apart, which on the triples is the plan; this is turned off here.)

Constants were chosen on the even half (`--half even`): queries whose id's SHA-256 begins with an even byte.
Intervals are 95 % bootstrap intervals; p is of a paired test of α-nDCG against `search`, which is
`Retrieve` alone, uncorrected. `ready-made: research` is that workflow as it is, scored by the passages
that it chooses; it begins as `ready-made: hybrid` does, but for feedback.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from benchmarks import harness
from orchestrator import Workflow, workflow
from orchestrator.application.application import Application
from orchestrator.evaluation import Dataset, Report, beir, experiment
from orchestrator.evaluation.indexed import indexed
from orchestrator.evaluation.significance import paired_p
from orchestrator.nodes import Cover, Explore, Mmr, Retrieve, SearchFacets, SemanticCompression
from orchestrator.ports import Generation, GenerationRequest, LanguageModel
from orchestrator.settings import Settings
from orchestrator.types import Coverage, Message, Usage

METRICS = ("alpha_ndcg@10", "aspect_recall@5", "aspect_recall@10", "ndcg@10")
BASELINE = "search"
#: Ready-made workflows that are arms of their own, without a model.
READY = ("hybrid", "research")
Half = Literal["odd", "even", "all"]
Embedding = Literal["light", "minilm"]
SETS = ("musique", "cranfield×3", "scifact×3")


@dataclass
class Planner:
    """The `LanguageModel` port of an explorer that names the parts it was given for each question."""

    parts: Mapping[str, Sequence[str]]
    name: str = "plan"
    available: bool = True
    calls: int = field(default=0, compare=False)

    async def generate(self, request: GenerationRequest, **_: Any) -> Generation[Any]:
        """The parts of the question in the request.prompt, as JSON."""
        asked = json.loads(request.prompt[-1].text)["question"]
        text = json.dumps({"aspects": list(self.parts[asked])})
        return Generation(
            text, usage=Usage(1, sum(len(each.text) // 4 for each in request.prompt), len(text) // 4)
        )

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Any:
        """Never asked."""
        raise NotImplementedError

    async def score(self, query: str, texts: Sequence[str]) -> Any:
        """Never asked."""
        raise NotImplementedError


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def in_half(half: Half) -> Callable[[str], bool]:
    """Whether a query is in a half."""
    return lambda query: half == "all" or bool(_digest(query)[0] & 1) is (half == "odd")


def hops(folder: Path) -> tuple[Dataset, dict[str, list[str]]]:
    """MuSiQue with a hop an aspect, and what each hop asks."""
    data = beir(folder)
    written = {}
    for line in (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        written[entry["_id"]] = entry["decomposition"]
    aspects = {
        query: {f"hop {n}": {document: 1} for n, document in enumerate(sorted(grades), 1)}
        for query, grades in data.qrels.items()
    }
    plan = {
        text: [re.sub(r"\s*#\d+\s*", " ", part).replace(">>", " ").strip() for part in written[query]]
        for query, text in data.queries.items()
    }
    return _with_aspects(data, "musique", data.queries, aspects), plan


def triples(folder: Path) -> tuple[Dataset, dict[str, list[str]]]:
    """A collection whose questions are asked three at a time, and the three."""
    data = beir(folder)
    answered = (query for query in data.queries if any(grade > 0 for grade in data.qrels[query].values()))
    order = sorted(answered, key=_digest)
    queries: dict[str, str] = {}
    aspects: dict[str, dict[str, Mapping[str, int]]] = {}
    plan: dict[str, list[str]] = {}
    for begin in range(0, len(order) - 2, 3):
        three = order[begin : begin + 3]
        parts = [data.queries[query].strip() for query in three]
        text = " ".join(part if part.endswith((".", "?", "!")) else f"{part}." for part in parts)
        name = "+".join(three)
        queries[name], plan[text] = text, parts
        aspects[name] = {query: data.qrels[query] for query in three}
    return _with_aspects(data, f"{data.name}×3", queries, aspects), plan


def _with_aspects(
    data: Dataset,
    name: str,
    queries: Mapping[str, str],
    aspects: Mapping[str, Mapping[str, Mapping[str, int]]],
) -> Dataset:
    qrels: dict[str, dict[str, int]] = {}
    for query, graded in aspects.items():
        merged: dict[str, int] = {}
        for grades in graded.values():
            for document, grade in grades.items():
                merged[document] = max(grade, merged.get(document, 0))
        qrels[query] = merged
    return Dataset(name, data.source, data.corpus, queries, qrels, aspects)


def load(name: str, folder: Path) -> tuple[Dataset, dict[str, list[str]]]:
    """A set by its name, with the plans of its questions."""
    return triples(folder / name.removesuffix("×3")) if name.endswith("×3") else hops(folder / name)


def arms(explorer: str) -> list[Workflow]:
    """Everything that is compared, each one step more than one before it."""
    first = Retrieve(k=100)
    union = first >> Explore(parts=False) >> SearchFacets()
    return [
        workflow(BASELINE, first),
        workflow("search, MMR", first >> Mmr()),
        workflow("search, compressed", first >> SemanticCompression()),
        *(
            workflow(f"{explorer}: {name}", union >> chosen if chosen else union, outputs=(Coverage,))
            for name, chosen in (
                ("union", None),
                ("cover, no reset", Cover(reset=False)),
                ("cover", Cover()),
                ("MMR", Mmr()),
                ("compressed", SemanticCompression()),
            )
        ),
    ]


async def measured(
    data: Dataset, plan: Mapping[str, Sequence[str]], embedder: Embedding, home: Path
) -> dict[str, Report]:
    """The report of each explorer."""
    found: dict[str, Report] = {}
    async with (
        Application(Settings(home=home / embedder, embedder=embedder)) as application,
        indexed(data, application) as ports,
    ):
        for explorer in ("clusters", "plan"):
            model = {LanguageModel: Planner(plan)} if explorer == "plan" else {}
            # The planner names parts and writes no report.
            ready = [] if model else READY
            known = [workflow(f"ready-made: {one}", application.workflow(one)) for one in ready]
            found[explorer] = await experiment(
                [*arms(explorer), *known], data=data, metrics=METRICS, ports={**ports, **model}, concurrency=1
            )
    return found


def table(data: Dataset, embedder: str, reports: Mapping[str, Report]) -> Table:
    """One set and embedder: an arm a row."""
    shown = Table(title=f"{data.name}, {embedder}, {len(data.queries)} questions")
    shown.add_column("arm")
    for heading in METRICS:
        shown.add_column(heading, justify="right", no_wrap=True)
    for heading in ("p (α-nDCG)", "p50 ms"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for number, report in enumerate(reports.values()):
        base = report.arms[BASELINE]
        for name, arm in report.arms.items():
            if number and ":" not in name:
                continue
            found = [arm.metrics[each] for each in METRICS]
            means = [f"{one.mean:.3f} [{one.low:.3f}, {one.high:.3f}]" for one in found]
            scores = [list(one.scores[METRICS[0]].values()) for one in (arm, base)]
            p = "" if name == BASELINE else f"{paired_p(*scores):.3f}"
            shown.add_row(name, *means, p, f"{(arm.latency or (0.0, 0.0))[0]:.1f}")
    return shown


async def run(
    names: Sequence[str],
    folder: Path,
    embedders: Sequence[Embedding],
    home: Path,
    half: Half,
) -> dict[str, Any]:
    """Measure and print set by set."""
    console = Console(width=None if os.isatty(1) else 170)
    written: dict[str, Any] = {}
    versions: dict[str, str] = {}
    for name in names:
        data, plan = load(name, folder)
        data = data.only(in_half(half))
        for embedder in embedders:
            reports = await measured(data, plan, embedder, home)
            console.print(table(data, embedder, reports))
            for explorer, report in reports.items():
                written[f"{name}/{embedder}/{explorer}"] = report.json()
                versions |= {key: value for key, value in report.versions.items() if "VectorStore" not in key}
    console.print(", ".join(f"{key} {value}" for key, value in sorted(versions.items())), markup=False)
    return written


def main() -> None:
    """Read the arguments, measure, print, write."""
    parser = harness.Arguments(__doc__, data=True, home="facets")
    parser.add_argument("--sets", nargs="+", default=list(SETS), help="folders of --data, ×3 for triples")
    parser.add_argument("--embedders", nargs="+", default=["light"], choices=["light", "minilm"])
    parser.add_argument("--half", default="odd", choices=["odd", "even", "all"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = asyncio.run(
        run(arguments.sets, arguments.data, arguments.embedders, arguments.home, arguments.half)
    )
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
