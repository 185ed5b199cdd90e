"""`orchestrator calibrate`: fit a relevance threshold on judged queries, for the node RelevanceFilter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.judged_data import dataset_of
from orchestrator.cli.options import Invocation, JsonOption, command, complete, invocation
from orchestrator.cli.output import note, progress, say, say_json
from orchestrator.cli.result_files import require_writable

if TYPE_CHECKING:
    from orchestrator.evaluation import Dataset
    from orchestrator.ranking.relevance_map import RelevanceMap


@command("orchestrator calibrate search --data judged --out relevance.json")
def calibrate(
    context: typer.Context,
    workflow: Annotated[str, typer.Argument(help="Name or file of the workflow whose hits are filtered.")],
    data: Annotated[
        str, typer.Option("--data", "-d", help="Folder in BEIR's layout, or irds:ID.", metavar="DATA")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write the relevance map to.", metavar="FILE")
    ],
    split: Annotated[
        str | None,
        typer.Option("--split", help="Split of the judgements.", metavar="NAME", show_default="test"),
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="Target precision, instead of the best F1.", metavar="SHARE"),
    ] = None,
    unanswerable: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, help="Expected share of questions without an answer.", metavar="SHARE"
        ),
    ] = 0.1,
    max_false_refusals: Annotated[
        float,
        typer.Option(
            "--max-false-refusals",
            min=0.0,
            max=0.5,
            help="Share of answerable questions that may be rejected as off-topic.",
            metavar="SHARE",
        ),
    ] = 0.05,
    as_json: JsonOption = False,
) -> None:
    """Fit a relevance threshold on judged queries, for the node RelevanceFilter.

    The data is indexed on first use, in an index of its own.
    """
    require_writable(out)
    dataset = dataset_of(data, split)
    found = complete(
        _fitted(invocation(context), workflow, dataset, precision, unanswerable, max_false_refusals)
    )
    found.save(out)
    if as_json:
        expected = dict(found.expected)
        say_json(
            {"map": str(out), "threshold": found.threshold, "queries": found.queries, "expected": expected}
        )
        return
    say(f"threshold {found.threshold:.3f}, from {found.queries} queries")
    say(", ".join(f"{name} {value:.3f}" for name, value in found.expected))
    note(f"The map is in {out}. Use it: `RelevanceFilter(RelevanceMap.load({str(out)!r}))`.")


async def _fitted(
    invoked: Invocation,
    name: str,
    data: Dataset,
    precision: float | None,
    unanswerable: float,
    max_false_refusals: float,
) -> RelevanceMap:
    from orchestrator.application.application import Application
    from orchestrator.evaluation.indexed import indexed
    from orchestrator.evaluation.relevance_fitting import fit_relevance

    async with Application(invoked.settings()) as application:
        workflow = application.workflow(name)
        with progress("Indexing") as moved:
            async with indexed(data, application, moved) as ports:
                pass
        with progress("Asking") as moved:
            return await fit_relevance(
                workflow,
                data,
                ports=ports,
                precision=precision,
                unanswerable=unanswerable,
                max_false_refusals=max_false_refusals,
                progress=moved,
            )
