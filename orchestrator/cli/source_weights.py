"""`orchestrator source-weights`: learn a weight for each source of an index from judged queries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestrator.cli.judged_data import dataset_of
from orchestrator.cli.options import IndexOption, JsonOption, PrincipalOption, command, complete, invocation
from orchestrator.cli.output import note, say, say_json
from orchestrator.cli.result_files import require_writable

if TYPE_CHECKING:
    from orchestrator.evaluation.source_values import SourceReport


@command("orchestrator source-weights search --data judged --by folder --out sources.json")
def source_weights(
    context: typer.Context,
    workflow: Annotated[str, typer.Argument(help="Name or file of the workflow whose hits are weighted.")],
    data: Annotated[
        str, typer.Option("--data", "-d", help="Folder in BEIR's layout, or irds:ID.", metavar="DATA")
    ],
    by: Annotated[
        str,
        typer.Option("--by", help="What a source is: folder, label, or a metadata field.", metavar="NAME"),
    ] = "folder",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write the weights to.", metavar="FILE")
    ] = None,
    method: Annotated[
        Literal["prune", "reweight"],
        typer.Option("--method", help="prune: exclude bad sources. reweight: also lower mixed ones."),
    ] = "prune",
    split: Annotated[
        str | None,
        typer.Option("--split", help="Split of the judgements.", metavar="NAME", show_default="test"),
    ] = None,
    index: IndexOption = None,
    principal: PrincipalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Learn a weight for each source of an index from judged queries, for the node WeighSources.

    The index must hold the judged documents under the ids of the judgements. Weights are learned on half
    of the queries; the gain is measured on the other half.
    """
    from orchestrator.application.application import Application
    from orchestrator.cli.index_content import require_content

    require_writable(out)
    dataset = dataset_of(data, split)
    settings = invocation(context).settings(index=index)
    reader = settings.reader(principal)

    async def valued() -> SourceReport:
        from orchestrator.evaluation.source_values import value_sources

        async with Application(settings) as application:
            arm = application.workflow(workflow)
            require_content(application, settings.index, *arm.indexes)
            application.check_format()
            return await value_sources(
                arm, dataset, by=by, method=method, ports=application.ports(), principal=reader
            )

    report = complete(valued())
    if out is not None:
        report.weights.save(out)
    if as_json:
        say_json(_wire(report, out))
        return
    say(str(report))
    if out is not None:
        note(f"The weights are in {out}. Use them: `WeighSources(SourceWeights.load({str(out)!r}))`.")


def _wire(report: SourceReport, out: Path | None) -> dict[str, Any]:
    return {
        "weights": None if out is None else str(out),
        "by": report.weights.by,
        "sources": [
            {"source": one.source, "weight": one.weight, "value": one.value._asdict(), "queries": one.seen}
            for one in report.values
        ],
        "held_out": {
            "queries": report.held_out,
            "before": report.before._asdict(),
            "after": report.after._asdict(),
            "gain": report.gain._asdict(),
            "p": report.p,
        },
        "learned": report.learned,
    }
