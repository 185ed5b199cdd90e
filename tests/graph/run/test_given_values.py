"""What a run is given: ports that may be missing, inputs by name, and a call that is none."""

from __future__ import annotations

from typing import Annotated

import pytest

from orchestrator import ANONYMOUS, Answer, Hits, Question, Run, node, workflow
from orchestrator.errors import BadInput
from orchestrator.ports import GenerationRequest, LanguageModel
from orchestrator.types import Hit
from tests.graph import flows as f
from tests.graph.run.test_running import Echo

QUESTION = Question("ask", ANONYMOUS)


@node
async def perhaps_model(question: Question, model: LanguageModel | None, run: Run | None) -> Answer:
    """An optional port, and the run, which is always there."""
    assert run is not None
    return Answer(
        "no model"
        if model is None
        else (await model.generate(GenerationRequest([f.Message("user", "hi")]))).text
    )


async def test_an_optional_port_is_given_if_it_is_there_and_else_none():
    wf = workflow("w", perhaps_model)
    assert (await wf.run(QUESTION, ports={})).answer.text == "no model"
    given = await wf.run(QUESTION, ports={LanguageModel: Echo()})
    assert given.answer.text != "no model"
    assert given.usage.calls == 1


async def test_a_workflow_starts_from_named_inputs_and_tuples():
    wf = workflow("w", f.rank_fusion >> f.compare, inputs=(tuple[Hits, ...], Annotated[Hits, "first"]))
    result = await wf.run((Hits((Hit("a", 1.0),)),), Hits((Hit("b", 1.0),)), ports={})
    assert result.answer.text == "a against b"


async def test_a_workflow_that_is_called_says_how_it_is_run():
    with pytest.raises(BadInput, match=r"await workflow\.run"):
        workflow("w", f.find)(QUESTION)
