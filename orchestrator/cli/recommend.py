"""`orchestrator recommend`: train and compare recommenders, and show recommendations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from orchestrator.cli.options import JsonOption, PrincipalOption, WaitOption, complete, invocation
from orchestrator.cli.output import note, progress, say, say_json

if TYPE_CHECKING:
    from orchestrator.graph.run.result import RunResult
    from orchestrator.recommendation.editions.training import Trained
    from orchestrator.types import Slate

program = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Train, compare and query recommenders on a log of user–item interactions.",
    epilog="Example: `orchestrator recommend train --data shop && orchestrator recommend top --user 17`",
)

DataOption = Annotated[
    Path,
    typer.Option(
        "--data",
        "-d",
        help="Folder with sequences.txt or interactions.csv or .jsonl, and items.jsonl or items.csv.",
        metavar="DIR",
    ),
]
RankersOption = Annotated[
    str | None,
    typer.Option(
        "--rankers", help="Names of rankers, separated by commas.", metavar="NAMES", show_default="all"
    ),
]
WithoutOption = Annotated[
    str,
    typer.Option(
        "--without", help="Rankers to leave out, also as parts of combined rankers.", metavar="NAMES"
    ),
]
Ids = Literal["tree", "collaborative", "semantic", "hybrid", "sequential", "atomic"]
IdsOption = Annotated[
    Ids | None,
    typer.Option(
        "--ids",
        help="Kind of item identifiers of the generative ranker.",
        show_default="chosen on validation",
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", help="Size of the deep models: full, tiny.", metavar="NAME", show_default="full"),
]


@program.command(epilog="Example: `orchestrator recommend train --data shop --rankers fusion`")
def train(
    context: typer.Context,
    data: DataOption,
    rankers: RankersOption = None,
    without: WithoutOption = "",
    ids: IdsOption = None,
    model: ModelOption = None,
    seed: Annotated[int, typer.Option("--seed", help="Random seed of training.", metavar="N")] = 0,
    only: Annotated[
        bool, typer.Option("--only", help="Use these rankers alone, without those trained before.")
    ] = False,
    wait: WaitOption = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Train rankers on a log, and use them for recommendations once all are trained.

    Rankers trained before stay in use. Rankers whose library is not installed are skipped and reported.
    A training that was stopped is resumed.
    """
    from orchestrator.application.application import Application
    from orchestrator.application.rankers import editions_of
    from orchestrator.ports import Ledger
    from orchestrator.recommendation.training_jobs import LocalTraining, train_locally

    container = Application(invocation(context).settings()).container
    wanted = {
        "data": str(data),
        "rankers": _names(rankers),
        "without": _split(without),
        "settings": _settings(ids, model),
        "seed": seed,
        "only": only,
    }
    with progress("Training") as report_progress:
        training = LocalTraining(
            editions_of(container), report_progress, lambda name: note(f"{name} is trained.")
        )
        report = complete(train_locally(container.get(Ledger), training, wanted, wait=wait))
    _tell(report, {}, "", as_json)


@program.command(epilog="Example: `orchestrator recommend refresh --data shop`")
def refresh(
    context: typer.Context, data: DataOption, wait: WaitOption = 60.0, as_json: JsonOption = False
) -> None:
    """Update the rankers to new items and interactions without training.

    DIR holds the whole log and the whole item table, as for `train`. New items are recommended by their
    text and attributes, deleted items no longer. Counts are computed again; networks, constants and weights
    stay. A ranker that cannot be updated is skipped and reported. The old edition is used until the new
    one is complete.
    """
    from orchestrator.application.application import Application
    from orchestrator.application.rankers import editions_of
    from orchestrator.ports import Ledger
    from orchestrator.recommendation.training_jobs import LocalTraining, refresh_locally

    container = Application(invocation(context).settings()).container
    with progress("Refreshing") as report_progress:
        training = LocalTraining(
            editions_of(container),
            report_progress,
            lambda name: note(f"{name} is carried over to the new items."),
        )
        report = complete(refresh_locally(container.get(Ledger), training, data, wait=wait))
    changes = {"new": report.new, "gone": report.gone}
    _tell(report.trained, changes, f"; {report.new:,} new, {report.gone:,} gone", as_json)


@program.command(epilog="Example: `orchestrator recommend evaluate --data shop --rankers rules,fusion`")
def evaluate(
    context: typer.Context,
    data: DataOption,
    rankers: RankersOption = None,
    without: WithoutOption = "",
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, help="Number of seeds: trainings of each ranker.", metavar="N")
    ] = 1,
    ids: IdsOption = None,
    model: ModelOption = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the report as JSON; - prints it.", metavar="FILE")
    ] = None,
) -> None:
    """Compare rankers offline: train on all but the last two items of every user, test on the last.

    The whole catalogue is ranked, once without the user's history and once with it. Trained rankers are
    kept, so that a comparison that was stopped is resumed, and another on the same log is quick.
    """
    from orchestrator.application.application import Application
    from orchestrator.application.rankers import editions_of
    from orchestrator.cli.result_files import require_writable, write_whole
    from orchestrator.interactions.log_files import read_log
    from orchestrator.recommendation.evaluation.evaluation_report import as_json, as_text
    from orchestrator.recommendation.evaluation.ranker_evaluation import evaluate as evaluated

    require_writable(json_file)
    settings = invocation(context).settings()
    application = Application(settings)
    log = read_log(data)
    with progress("Training") as report_progress:
        report = evaluated(
            log,
            editions_of(application.container).rankers.without(_split(without)),
            settings.home / "evaluation" / "recommendations",
            rankers=_names(rankers),
            seeds=seeds,
            settings=_settings(ids, model),
            progress=report_progress,
            told=lambda name, seed, seconds: note(f"{name}, seed {seed}: {seconds:.1f} s."),
        )
    if json_file is not None and str(json_file) != "-":
        write_whole(json_file, json.dumps(as_json(report), indent=2, ensure_ascii=False) + "\n")
    if json_file is not None and str(json_file) == "-":
        say_json(as_json(report))
    else:
        say(as_text(report))


@program.command(epilog="Example: `orchestrator recommend top --items A,B,C --where brand=Acme`")
def top(
    context: typer.Context,
    user: Annotated[str, typer.Option("--user", "-u", help="A user of the log.", metavar="ID")] = "",
    items: Annotated[
        list[str] | None,
        typer.Option(
            "--items",
            help="Ids of the history, oldest first: by commas or repeated; an id may be in double quotes.",
            metavar="IDS",
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", help="Items to exclude, written as in --items.", metavar="IDS"),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where", help="Recommend only items with this value. May be repeated.", metavar="FIELD=VALUE"
        ),
    ] = None,
    count: Annotated[int, typer.Option("-k", help="Number of items.", min=1, metavar="N")] = 10,
    ranker: Annotated[
        str, typer.Option("--ranker", help="Name of the ranker.", metavar="NAME", show_default="the best")
    ] = "",
    repeat: Annotated[bool, typer.Option("--repeat", help="Also recommend items of the history.")] = False,
    principal: PrincipalOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the top recommendations for a user or a history of items, with reasons."""
    from orchestrator.application.application import Application
    from orchestrator.application.served_run import ServedRun
    from orchestrator.cli.id_lists import listed
    from orchestrator.errors import BadInput
    from orchestrator.nodes.recommend.recommendations import recommendations
    from orchestrator.ports import Recommender, Runs
    from orchestrator.types import History, Question

    had, left_out = listed("--items", items or []), listed("--exclude", exclude or [])
    if not user and not had:
        raise BadInput(
            "Neither a user nor items were given.", hint="Give --user ID, or --items A,B,C, or both."
        )
    settings = invocation(context).settings()
    reader = settings.reader(principal)
    asked = Question("", reader, filters=_filters(where or []))
    flow = recommendations(k=count, ranker=ranker, exclude=left_out, repeat=repeat)

    async def recommended() -> RunResult:
        async with Application(settings) as application:
            # No index is asked, so that none has to be there.
            ports = {port: application.container.get(port) for port in (Recommender, Runs)}
            return await ServedRun(flow, (asked, History(user, tuple(had))), reader, ports).result()

    result = complete(recommended())
    slate: Slate = result.output
    for each in slate.notes:
        note(f"Note: {each}")
    if as_json:
        say_json(
            {
                "items": [
                    {
                        "id": item.id,
                        "title": item.title,
                        "score": item.score,
                        "ranker": item.why,
                        "reason": item.reason,
                    }
                    for item in slate
                ],
                "notes": list(slate.notes),
                "run_id": result.run_id,
            }
        )
        return
    for place, item in enumerate(slate, 1):
        called = f"{item.title} ({item.id})" if item.title else item.id
        say(f"{place:>3}. {called}" + (f": {item.reason}" if item.reason else ""))
    note(f"Run {result.run_id}")


@program.command(epilog="Example: `orchestrator recommend withdraw B0017`")
def withdraw(
    context: typer.Context,
    items: Annotated[list[str], typer.Argument(help="Ids of items.", metavar="ID")],
    back: Annotated[bool, typer.Option("--back", help="Undo a withdrawal.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Exclude items from all recommendations at once, without training."""
    from orchestrator.application.application import Application
    from orchestrator.application.rankers import editions_of
    from orchestrator.errors import BadInput

    editions = editions_of(Application(invocation(context).settings()).container)
    # The catalogue alone: taking an item out must not wait for models, nor need them.
    catalogue, _ = editions.catalogue()
    unknown = [one for one in items if one not in catalogue.numbers]
    if unknown:
        raise BadInput(
            f"Not in the catalogue: {', '.join(unknown)}.", hint="`recommend top` shows the ids of items."
        )
    left = editions.withdraw(items, back=back)
    if as_json:
        say_json({"withdrawn": sorted(left)})
    else:
        say(f"{len(left):,} item{'' if len(left) == 1 else 's'} withdrawn")


def _tell(report: Trained, changes: Mapping[str, int], changed: str, as_json: bool) -> None:
    """What is in use now."""
    for each in (*report.notes, *report.left_out.values()):
        note(f"Note: {each}")
    if as_json:
        say_json(
            {
                "edition": report.edition,
                "rankers": list(report.rankers),
                "default": report.default,
                "left_out": dict(report.left_out),
                "items": report.items,
                "users": report.users,
                **changes,
                "notes": list(report.notes),
            }
        )
    else:
        say(
            f"{report.edition}: {', '.join(report.rankers)}, for {report.users:,} users and "
            f"{report.items:,} items{changed}"
        )


def _names(given: str | None) -> tuple[str, ...]:
    from orchestrator.errors import BadInput
    from orchestrator.recommendation.rankers.registry import RANKERS

    if given is None:
        return RANKERS
    names = tuple(_split(given))
    if not names:
        raise BadInput("--rankers names none.", hint=f"Rankers: {', '.join(RANKERS)}.")
    return names


def _settings(ids: str | None, model: str | None) -> dict[str, str]:
    from orchestrator.errors import BadInput

    if model is not None and model not in ("full", "tiny"):
        raise BadInput(f"There is no model {model!r}.", hint="Models: full, tiny.")
    return {name: value for name, value in (("ids", ids), ("model", model)) if value is not None}


def _filters(where: Sequence[str]) -> tuple[Any, ...]:
    from orchestrator.errors import BadInput
    from orchestrator.types import Filter

    values: dict[str, list[str]] = {}
    for each in where:
        field, equals, value = each.partition("=")
        if not equals or not field.strip() or not value.strip():
            raise BadInput(
                f"--where {each!r} is not FIELD=VALUE.",
                hint="Write a field and a value: `--where brand=Acme`.",
            )
        values.setdefault(field.strip(), []).append(value.strip())
    # Values of one field are alternatives; different fields must all hold.
    return tuple(Filter(field, tuple(given)) for field, given in values.items())


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
