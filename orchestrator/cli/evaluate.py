"""`orchestrator evaluate`: compare workflows on judged queries by quality, significance and cost."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.judged_data import dataset_of
from orchestrator.cli.options import Invocation, RecordOption, ReplayOption, command, complete, invocation
from orchestrator.cli.output import note, plain, progress, say, say_json
from orchestrator.cli.result_files import require_writable, write_whole

if TYPE_CHECKING:
    from orchestrator.application.application import Application
    from orchestrator.evaluation import Dataset, Report, SavedRun
    from orchestrator.graph.workflow import Workflow


@command("orchestrator evaluate search hybrid --data beir/scifact")
def evaluate(
    context: typer.Context,
    arms: Annotated[
        list[str],
        typer.Argument(
            help="Names or files of workflows; a file that ends in .run is a saved run. "
            "The first is the baseline.",
            metavar="WORKFLOW...",
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            "--data",
            "-d",
            help="Folder in BEIR's layout, irds:ID, one of a plug-in, or a collection.",
            metavar="DATA",
        ),
    ],
    metrics: Annotated[
        str, typer.Option("--metrics", "-m", help="Metrics, separated by commas.", metavar="NAMES")
    ] = "ndcg@10,recall@100",
    split: Annotated[
        str | None,
        typer.Option("--split", help="Split of the judgements.", metavar="NAME", show_default="test"),
    ] = None,
    topics: Annotated[Path | None, typer.Option(help="TREC topics.", metavar="FILE")] = None,
    qrels: Annotated[Path | None, typer.Option(help="TREC judgements.", metavar="FILE")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the report as JSON; - prints it.", metavar="FILE")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Draw quality against cost: .png, .svg, .pdf.", metavar="FILE"),
    ] = None,
    runs: Annotated[
        Path | None,
        typer.Option(
            "--runs", help="Folder for the runs, in TREC's format.", metavar="DIR", show_default="in --home"
        ),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            "--concurrency",
            min=1,
            help="Queries run at the same time.",
            metavar="N",
            show_default="1, 8 with a model",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Random seed of resampling.", metavar="N")] = 0,
    record: RecordOption = None,
    replay: ReplayOption = None,
) -> None:
    """Compare workflows on judged queries: quality with intervals, significance, latency, model cost.

    The data is indexed on first use, in an index of its own. A comparison that was stopped is resumed.
    """
    from orchestrator.evaluation.metrics import metrics_for
    from orchestrator.evaluation.plot import plot as draw_plot
    from orchestrator.evaluation.plot import require_plot

    # Refused now rather than after an hour of work.
    if plot is not None:
        require_plot(plot)
    for file in (plot, json_file):
        require_writable(file)
    dataset = dataset_of(data, split, topics, qrels)
    chosen = metrics_for([name for name in metrics.split(",") if name.strip()], dataset)
    report = complete(
        _compared(
            invocation(context),
            arms,
            dataset,
            list(map(str, chosen)),
            runs,
            concurrency,
            seed,
            record,
            replay,
        )
    )
    if plot is not None:
        draw_plot(report, plot)
    if json_file is not None and str(json_file) != "-":
        write_whole(json_file, json.dumps(report.json(), indent=2, ensure_ascii=False) + "\n")
    if json_file is not None and str(json_file) == "-":
        say_json(report.json())
    else:
        _show(report)


async def _compared(
    invoked: Invocation,
    names: Sequence[str],
    data: Dataset,
    metrics: Sequence[str],
    runs: Path | None,
    concurrency: int | None,
    seed: int,
    record: Path | None,
    replay: Path | None,
) -> Report:
    from orchestrator.application.application import Application
    from orchestrator.evaluation import experiment
    from orchestrator.evaluation.arms import contenders, needed_ports
    from orchestrator.evaluation.experiment import work_folder
    from orchestrator.evaluation.indexed import indexed

    settings = invoked.settings()
    folder = runs or settings.home / "evaluation" / "runs" / data.name
    async with AsyncExitStack() as opened:
        application = await opened.enter_async_context(Application(settings, record=record, replay=replay))
        arms = contenders([_arm(application, name) for name in names])
        folder = work_folder(folder)
        # Saved runs alone need no index.
        needed = any(not name.endswith(".run") for name in names)
        with progress("Indexing") as moved:
            ports: Mapping[Any, Any] = {}
            if needed:
                needs = needed_ports(arms)
                ports = await opened.enter_async_context(indexed(data, application, moved, needs))
        with progress("Asking") as moved:
            report = await experiment(
                arms,
                data=data,
                metrics=metrics,
                ports=ports,
                work=folder,
                concurrency=concurrency,
                seed=seed,
                progress=moved,
            )
    note(f"Runs are in {folder}.")
    return report


def _arm(application: Application, name: str) -> Workflow | SavedRun:
    from orchestrator.evaluation import read_run

    if name.endswith(".run"):
        return read_run(name, name=Path(name).name)
    return application.workflow(name)


def _show(report: Report) -> None:
    if not sys.stdout.isatty():
        say(str(report))
        return
    from rich.console import Console

    console = Console()
    console.print(report.table())
    for each in report.notes:
        console.print(f"Note: {plain(each)}", markup=False, highlight=False)
