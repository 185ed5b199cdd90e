"""`orchestrator index features`: extract keyphrases, entities or summaries of passages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from orchestrator.cli.background import BackgroundOption, submit
from orchestrator.cli.existing_index import existing_index
from orchestrator.cli.options import IndexOption, JsonOption, WaitOption, complete, invocation
from orchestrator.cli.output import progress, say, say_json


def features(
    context: typer.Context,
    kind: Annotated[
        str,
        typer.Option(
            "--kind", "-k", help="What to extract: keyphrases, entities or summary.", metavar="KIND"
        ),
    ] = "keyphrases",
    index: IndexOption = None,
    wait: WaitOption = 60.0,
    background: BackgroundOption = False,
    as_json: JsonOption = False,
) -> None:
    """Extract keyphrases, entities or summaries of passages, for query expansion by PromptPrf.

    Only passages without them are processed: run it again after adding documents. A language model
    writes them if one is configured; otherwise keyphrases and entities are found by rules.
    """
    from orchestrator.application.application import Application
    from orchestrator.indexing.feature_jobs import make_features_locally
    from orchestrator.indexing.passage_features import SCOPE, FeatureReport
    from orchestrator.ports import Ledger

    if background:
        submit(invocation(context), SCOPE, "make", index, {"kind": kind}, as_json)
        return
    settings = invocation(context).settings(index=index)

    async def done() -> FeatureReport:
        async with Application(settings) as application:
            version = existing_index(application)
            ports: Any = application.ports()
            with progress("Extracting") as moved:
                return await make_features_locally(
                    ports[Ledger],
                    ports,
                    version,
                    kind,
                    principal=settings.principal,
                    progress=moved,
                    wait=wait,
                )

    report = complete(done())
    if as_json:
        say_json(asdict(report))
    else:
        left = f"; {report.failed} were left out: {report.reason}" if report.failed else ""
        say(f"Made {report.kind} of {report.made} passages{left}")
    if report.failed:
        raise typer.Exit(2)
