"""`orchestrator tree`: build, update and show the semantic trees of an index."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.background import BackgroundOption, submit
from orchestrator.cli.existing_index import existing_index
from orchestrator.cli.options import IndexOption, JsonOption, WaitOption, complete, invocation
from orchestrator.cli.output import note, progress, say, say_json, table
from orchestrator.cli.tree_show import show

if TYPE_CHECKING:
    from orchestrator.ports import TreeState
    from orchestrator.tree.build_job import TreeReport
    from orchestrator.tree.cost import TreeCost
    from orchestrator.tree.update_job import UpdateReport

program = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Build and show the semantic trees of an index.",
    epilog="Example: `orchestrator tree build --index docs`",
)


program.command(epilog="Example: `orchestrator tree show --query 'How are jobs resumed?' --svg tree.svg`")(
    show
)


@program.command(epilog="Example: `orchestrator tree build --index docs --dry-run`")
def build(
    context: typer.Context,
    index: IndexOption = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            "-m",
            help="How: auto, bottom-up, top-down, or structure (folders of files, or --topics).",
            metavar="NAME",
        ),
    ] = "auto",
    at_most: Annotated[
        int, typer.Option("--children", help="Children of a node, at most.", metavar="N", min=2)
    ] = 12,
    topics: Annotated[
        str,
        typer.Option(
            "--topics",
            help='Metadata field that holds the place of a document, "A > B", for --method structure.',
            metavar="FIELD",
        ),
    ] = "",
    no_model: Annotated[
        bool, typer.Option("--no-model", help="Extract summaries, although there is a language model.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the cost, and build nothing.")] = False,
    wait: WaitOption = 60.0,
    background: BackgroundOption = False,
    as_json: JsonOption = False,
) -> None:
    """Build the semantic trees of an index: one for each tenant and set of labels.

    The cost is shown first. A build that was stopped goes on where it was. A language model writes summaries
    if one is configured; otherwise they are extracted.
    """
    from orchestrator.application.application import Application
    from orchestrator.ports import Embedder, IndexRegistry, LanguageModel, Ledger, TreeRegistry, VectorStore
    from orchestrator.tree.build_job import SCOPE, TreePlan, build_trees_locally
    from orchestrator.tree.cost import tree_cost

    settings = invocation(context).settings(index=index)
    plan = TreePlan(_method(method), at_most, topics, not no_model)
    if background and not dry_run:
        submit(invocation(context), SCOPE, "build", index, asdict(plan), as_json)
        return

    async def done() -> tuple[TreeCost, TreeReport | None]:
        async with Application(settings) as application:
            version = existing_index(application)
            ports: Any = application.ports()
            cost = await tree_cost(
                ports[TreeRegistry],
                ports[IndexRegistry],
                ports[VectorStore],
                ports[Embedder],
                ports[LanguageModel],
                version,
                plan,
            )
            if dry_run:
                return cost, None
            note(_told(cost))
            with progress("Building") as moved:
                report = await build_trees_locally(
                    ports[Ledger],
                    ports,
                    version,
                    plan,
                    principal=settings.principal,
                    progress=moved,
                    wait=wait,
                )
            return cost, report

    cost, report = complete(done())
    if as_json:
        say_json({"cost": asdict(cost), "report": None if report is None else asdict(report)})
    elif report is None:
        say(_told(cost))
    else:
        say(_built(report))
    if report is not None and report.failed:
        raise typer.Exit(2)


@program.command(epilog="Example: `orchestrator tree update --index docs`")
def update(
    context: typer.Context,
    index: IndexOption = None,
    no_model: Annotated[
        bool, typer.Option("--no-model", help="Extract summaries, although there is a language model.")
    ] = False,
    wait: WaitOption = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Put new documents into the trees of an index, and repair summaries: at most two for each edit.

    Removed documents are out of the trees already. Labels without a tree get one.
    """
    from orchestrator.application.application import Application
    from orchestrator.ports import Ledger
    from orchestrator.tree.update_job import update_trees_locally

    settings = invocation(context).settings(index=index)

    async def done() -> UpdateReport:
        async with Application(settings) as application:
            version = existing_index(application)
            ports: Any = application.ports()
            with progress("Updating") as moved:
                return await update_trees_locally(
                    ports[Ledger],
                    ports,
                    version,
                    principal=settings.principal,
                    progress=moved,
                    written=not no_model,
                    wait=wait,
                )

    report = complete(done())
    if as_json:
        say_json(asdict(report))
    else:
        say(_updated(report))
    if report.failed:
        raise typer.Exit(2)


@program.command(epilog="Example: `orchestrator tree remove --index docs`")
def remove(context: typer.Context, index: IndexOption = None) -> None:
    """Remove the trees of an index. Its documents stay."""
    from orchestrator.application.application import Application
    from orchestrator.ports import TreeRegistry

    settings = invocation(context).settings(index=index)

    async def done() -> int:
        async with Application(settings) as application:
            existing_index(application)
            return await application.container.get(TreeRegistry, settings.index).remove()

    say(f"Removed {_counted(complete(done()), 'tree')}")


@program.command(epilog="Example: `orchestrator tree status --json`")
def status(context: typer.Context, index: IndexOption = None, as_json: JsonOption = False) -> None:
    """Show how old the trees of an index are, what they lack, and whether to build them again."""
    from orchestrator.application.application import Application
    from orchestrator.ports import Clock, TreeRegistry
    from orchestrator.tree.advice import advice

    settings = invocation(context).settings(index=index)

    async def read() -> tuple[list[TreeState], float]:
        async with Application(settings) as application:
            existing_index(application)
            states = await application.container.get(TreeRegistry, settings.index).states()
            return states, application.container.get(Clock).now()

    states, now = complete(read())
    if as_json:
        say_json([{**_stated(state, now), "advice": advice(state)} for state in states])
        return
    header = ("group", "passages", "in tree", "missing", "nodes", "stale", "edited", "drift", "built")
    table(
        header,
        (
            (
                str(state.group),
                f"{state.passages:,}",
                f"{state.leaves:,}",
                f"{state.missing:,}",
                f"{state.nodes:,}",
                f"{state.stale:,}",
                f"{state.edited:.0%}",
                f"{state.drift:+.1%}",
                _age(now - state.built) if state.recipe else "never",
            )
            for state in states
        ),
    )
    for told in map(advice, states):
        if told:
            note(told)


def _method(given: str) -> Any:
    """The name of a method as the library has it."""
    return {"structure": "given"}.get(given, given.replace("-", "_"))


def _told(cost: TreeCost) -> str:
    what = f"{_counted(cost.trees, 'tree')} over {cost.passages:,} passages"
    if not cost.calls:
        return f"{what}: no call of a model"
    return (
        f"{what}: about {cost.calls:,} calls of the model for {cost.summaries:,} summaries, "
        f"{cost.read:,} tokens read and {cost.written:,} written"
    )


def _built(report: TreeReport) -> str:
    told = (
        f"Built {_counted(report.trees, 'tree')} ({', '.join(report.methods) or 'none'}) over "
        f"{report.passages:,} passages: {report.nodes:,} nodes, {report.depth} levels, "
        f"in {report.seconds:.1f} s"
    )
    if report.left:
        told += f"; {report.left:,} passages have no vector yet: run `orchestrator tree update`"
    if report.failed:
        told += f"; {report.failed:,} texts were extracted, since the model failed: {report.reason}"
    return told


def _updated(report: UpdateReport) -> str:
    told = f"Put {report.inserted:,} passages in, repaired {report.repaired:,} summaries"
    if report.built:
        told += f", built {_counted(report.built, 'tree')}"
    told += f", in {report.seconds:.1f} s"
    if report.stale:
        told += f"; {report.stale:,} summaries are stale still"
    if report.left:
        told += f"; {report.left:,} passages have no vector yet"
    if report.failed:
        told += f"; {report.failed:,} texts were extracted, since the model failed: {report.reason}"
    return told


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _stated(state: TreeState, now: float) -> dict[str, Any]:
    shown = asdict(state)
    return {
        **shown,
        "group": str(state.group),
        "edited": state.edited,
        "drift": state.drift,
        "age": now - state.built if state.recipe else None,
    }


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{max(0.0, seconds):.0f} seconds ago"
