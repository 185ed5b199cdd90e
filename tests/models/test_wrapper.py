"""What stands before a model passes on whatever the model has, and asks no more of it than the port."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.wordllama import WordLlamaEmbedder
from orchestrator import Budget
from orchestrator.graph.run.meter import Meter
from orchestrator.graph.run.metered_model import MeteredModel
from orchestrator.graph.run.state import RunState, StepTrace
from orchestrator.models.cached import CachedModel
from orchestrator.models.client import ClientModel, ClientSettings
from orchestrator.models.recorded import RecordedModel
from orchestrator.models.routed import RoutedModel
from orchestrator.models.wrapper import WrapperModel
from orchestrator.ports import (
    GenerationRequest,
    LanguageModel,
    ModelCall,
    close_model,
    for_call,
    for_tenant,
    resolved_name,
    scores_texts,
)
from orchestrator.types import NOBODY
from tests.models.test_cached import PROMPT, Counting
from tests.models.test_single_flight import Shelf

EMBEDDER = WordLlamaEmbedder()


class Rich(Counting):
    """A model that has all that a model may have, and something that nobody knows yet."""

    scores_texts = False
    closed = False

    async def resolved_name(self, operation: str) -> str:
        return f"rich for {operation}"

    def for_tenant(self, tenant: str) -> Any:
        self.tenants = [*getattr(self, "tenants", []), tenant]
        return self

    def for_call(self, call: ModelCall) -> Any:
        self.calls = [*getattr(self, "calls", []), call.run_id]
        return self

    async def close(self) -> None:
        self.closed = True

    def invented_later(self) -> str:
        return "passed on"


def metered(model: LanguageModel) -> LanguageModel:
    return MeteredModel(model, Meter(RunState("r", {}, NOBODY, Budget()), StepTrace("n", 0.0, {})))


WRAPPERS: dict[str, Callable[[LanguageModel, Path], LanguageModel]] = {
    "wrapper": lambda model, folder: WrapperModel(model),
    "cached": lambda model, folder: CachedModel(model, Shelf()),  # type: ignore[arg-type]
    "recorded": lambda model, folder: RecordedModel(folder / "a.jsonl", model),
    "client": lambda model, folder: ClientModel(model, ClientSettings(tokens=100)),
    "routed": lambda model, folder: RoutedModel({"only": model}, EMBEDDER),
    "metered": lambda model, folder: metered(model),
}


@pytest.mark.parametrize("name", WRAPPERS)
async def test_all_that_a_model_may_have_is_passed_on(tmp_path: Path, name: str) -> None:
    rich = Rich()
    wrapped: Any = WRAPPERS[name](rich, tmp_path)
    assert isinstance(wrapped, WrapperModel)
    assert scores_texts(wrapped) is False
    assert "rich for score" in await resolved_name(wrapped, "score")
    assert "rich for generate" in await resolved_name(wrapped)
    view: Any = for_call(for_tenant(wrapped, "a"), ModelCall("run"))
    assert (rich.tenants, rich.calls) == (["a"], ["run"])
    assert type(view) is type(wrapped)
    assert wrapped.invented_later() == view.invented_later() == "passed on"
    assert (await view.generate(GenerationRequest(PROMPT))).text == "one two"
    await close_model(view)
    assert rich.closed
    with pytest.raises(AttributeError):
        _ = wrapped.nobody_has_this


@pytest.mark.parametrize("name", WRAPPERS)
async def test_a_model_with_nothing_but_the_port_is_enough(tmp_path: Path, name: str) -> None:
    class Plain:
        name, available = "plain", True

        def __init__(self) -> None:
            inner = Counting()
            self.generate, self.choose, self.score = inner.generate, inner.choose, inner.score

    wrapped = WRAPPERS[name](Plain(), tmp_path)
    assert scores_texts(wrapped)
    assert "plain" in await resolved_name(wrapped)
    view = for_call(for_tenant(wrapped, "a"), ModelCall("run"))
    assert (await view.generate(GenerationRequest(PROMPT))).text == "one two"
    assert len((await view.score("q", ["a", "b"])).values) == 2
    await close_model(view)


def test_a_model_that_is_its_own_view_keeps_its_wrapper() -> None:
    wrapped = WrapperModel(Counting())
    assert for_call(wrapped, ModelCall("run")) is wrapped
