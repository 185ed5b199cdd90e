"""`orchestrator doctor --model`: probe the language model, try reranking strategies, recommend one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from orchestrator.cli.output import note, progress, say, say_json, table

if TYPE_CHECKING:
    from orchestrator.application.container import Container
    from orchestrator.bootstrap import Interval
    from orchestrator.evaluation.model_abilities import Ability
    from orchestrator.evaluation.strategy_trials import StrategyTrial
    from orchestrator.models.trial import Trial
    from orchestrator.ports import Embedder, ModelProfile
    from orchestrator.settings import Settings

_STATES = {True: "yes", False: "no", None: "-"}


def probe_model(settings: Settings, strategies: Sequence[str], *, as_json: bool) -> None:
    """Probe the model of the settings, print what was found, and keep the recommendation. Exit code 2 without
    a model.
    """
    found = asyncio.run(_probed(settings, strategies))
    if found is None:
        note("There is no language model to probe. Set llm_url.")
        raise typer.Exit(2)
    profile, calls, abilities, trials = found
    if as_json:
        say_json(
            {
                **asdict(profile),
                "calls": [asdict(each) for each in calls],
                "abilities": [asdict(each) for each in abilities],
                "trials": [each.json() for each in trials],
            }
        )
    else:
        tell_probe(profile, calls, abilities, trials)


async def _probed(
    settings: Settings, strategies: Sequence[str]
) -> tuple[ModelProfile, list[Trial], list[Ability], list[StrategyTrial]] | None:
    from orchestrator.application.application import Application
    from orchestrator.evaluation.model_abilities import model_abilities
    from orchestrator.evaluation.strategy_trials import TRIED, recommended, strategy_trials
    from orchestrator.models.stack import served_by
    from orchestrator.models.trial import tried
    from orchestrator.ports import Clock, LanguageModel, ModelProfile, ModelProfiles, resolved_name

    async with Application(settings) as application:
        container = application.container
        # Without cache and recording: what is measured is the model.
        model = container.base(LanguageModel)
        if not model.available:
            return None
        name = await resolved_name(model)
        lengths = [
            getattr(served, "context", None) for role, served in await served_by(model) if role == "model"
        ]
        calls = await tried(model)
        abilities = await model_abilities(model, min(filter(None, lengths), default=None))
        chosen = strategies or TRIED
        embedder = await _embedder(container)
        trials: list[StrategyTrial] = []
        with progress("Reranking") as moved:
            moved(0, len(chosen), chosen[0])
            async for trial in strategy_trials(model, chosen, embedder=embedder):
                trials.append(trial)
                moved(len(trials), len(chosen), chosen[min(len(trials), len(chosen) - 1)])
        profile = ModelProfile(name, recommended(trials), container.get(Clock).now())
        await container.get(ModelProfiles).keep(profile)
        return profile, calls, abilities, trials


async def _embedder(container: Container) -> Embedder | None:
    """The embedder, whose order a model must beat; None, with a note, if it does not answer."""
    from orchestrator.errors import OrchestratorError
    from orchestrator.ports import Embedder

    try:
        embedder = container.get(Embedder)
        await embedder.embed(["?"], kind="query")
    except OrchestratorError as error:
        note(f"The embedder's order is not compared: {error.message}")
        return None
    return embedder


def tell_probe(
    profile: ModelProfile,
    calls: Sequence[Trial],
    abilities: Sequence[Ability],
    trials: Sequence[StrategyTrial],
) -> None:
    """Print what was found."""
    from orchestrator.evaluation.strategy_trials import EMBEDDER_ORDER

    say(f"model: {profile.model}\n")
    found = [(each.call, each.works, each.detail) for each in calls]
    found += [(each.name, each.there, each.detail) for each in abilities]
    table(("ability", "", "found"), [(name, _STATES[there], detail) for name, there, detail in found])
    say()
    table(
        ("strategy", "nDCG@3", "over chance", "over embedder", "follows", "calls", "tokens", "seconds"),
        [_row(each) for each in trials],
    )
    for each in trials:
        for reason in filter(None, (each.error, *each.degraded)):
            note(f"{each.strategy}: {reason}")
    say()
    say(_orders(trials))
    if profile.strategy == EMBEDDER_ORDER and not any(each.follows for each in trials):
        say("The model follows none of these strategies clearly better than chance.")
    elif profile.strategy == EMBEDDER_ORDER:
        say("The model orders by none of these strategies better than the embedder, which costs no call.")
    say(f'Recommended: {profile.strategy}. `Rerank("auto")` takes it for this model from now on.')


def _row(trial: StrategyTrial) -> tuple[Any, ...]:
    cost = (f"{trial.usage.calls:,}", f"{trial.usage.tokens:,}", f"{trial.seconds:.1f}")
    if not trial.scores:
        return (trial.strategy, "-", "-", "-", "no", *cost)
    return (
        trial.strategy,
        f"{trial.ndcg:.3f}",
        _gain(trial.gain),
        "-" if trial.over_embedder is None else _gain(trial.over_embedder),
        "yes" if trial.follows else "no",
        *cost,
    )


def _gain(gain: Interval) -> str:
    return f"{gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"


def _orders(trials: Sequence[StrategyTrial]) -> str:
    """What the orders are worth that no language model makes."""
    told = next((each for each in trials if each.scores), None)
    if told is None:
        return "No strategy could be tried to the end."
    orders = [("chance", told.chance), ("as given", told.given), ("the embedder's order", told.embedded)]
    worth = [f"{name} {sum(scores) / len(scores):.3f}" for name, scores in orders if scores]
    return f"Without a language model: {', '.join(worth)}."
