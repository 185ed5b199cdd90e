"""Runs: budgets, cancellation, timeouts, retries, streaming, the cache, the trace."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

import pytest

from orchestrator import (
    ANONYMOUS,
    Answer,
    Budget,
    Finished,
    Hits,
    NodeFinished,
    NodeStarted,
    Question,
    Run,
    Text,
    fuse,
    node,
    workflow,
)
from orchestrator.errors import (
    BudgetExhausted,
    ModelError,
    NodeError,
    NodeTimeout,
    OrchestratorError,
    WrongReturn,
)
from orchestrator.ports import Cache, Generation, LanguageModel
from orchestrator.types import Drift, Hit, Message, Principal, Usage
from tests.graph import flows as f

QUESTION = Question("ask", ANONYMOUS)


class Echo:
    """A language model that answers with its prompt, at a price of ten tokens a call."""

    name, available = "echo", True

    def __init__(self) -> None:
        self.calls = 0

    async def generate(self, prompt, **settings):
        self.calls += 1
        return Generation(prompt[-1].text, usage=Usage(1, 6, 4))


# -- errors -----------------------------------------------------------------------------------------


async def test_a_failing_node_is_named_and_its_cause_chained():
    @node
    async def divide(question: Question) -> Hits:
        return Hits((Hit("x", 1 / 0),))

    with pytest.raises(NodeError, match=r"divide.*ZeroDivisionError") as error:
        await workflow("w", divide >> f.answer).run(QUESTION, ports={}, run_id="r1")
    assert isinstance(error.value.__cause__, ZeroDivisionError)
    assert (error.value.node, error.value.run_id) == ("divide", "r1")


async def test_an_error_of_ours_keeps_its_kind_and_gains_the_place():
    @node
    async def ask(question: Question) -> Hits:
        raise ModelError("the server said no.", hint="Start it.")

    with pytest.raises(ModelError, match=r"\[ask\] the server said no. Start it.") as error:
        await workflow("w", ask >> f.answer).run(QUESTION, ports={})
    assert error.value.run_id


async def test_a_wrong_return_shows_both_sides():
    @node
    async def lie(question: Question) -> Hits:
        return Answer("not hits")

    with pytest.raises(WrongReturn, match=r"lie.*Answer.*Hits"):
        await workflow("w", lie >> f.answer).run(QUESTION, ports={})


async def test_a_selector_that_returns_another_label_is_stopped():
    from orchestrator import route

    async def lies(question: Question) -> Literal["a"]:
        return "b"

    with pytest.raises(WrongReturn, match=r"'b'.*'a'"):
        await workflow("w", route({"a": f.find}, by=lies) >> f.answer).run(QUESTION, ports={})


# -- policy -----------------------------------------------------------------------------------------


async def test_a_timeout_names_node_and_seconds():
    with pytest.raises(NodeTimeout, match=r"hang.*0\.05 s"):
        await workflow("w", f.hang.within(timeout=0.05) >> f.answer).run(QUESTION, ports={})


async def test_only_errors_that_may_pass_are_tried_again():
    tried: list[str] = []

    @node
    async def flaky(question: Question) -> Hits:
        tried.append("flaky")
        if len(tried) < 3:
            raise ConnectionError("away")
        return Hits()

    @node
    async def wrong(question: Question) -> Hits:
        tried.append("wrong")
        raise ValueError("never right")

    result = await workflow("w", flaky.within(attempts=3) >> f.answer).run(QUESTION, ports={})
    assert tried == ["flaky"] * 3
    assert result.steps[0].attempts == 3
    tried.clear()
    with pytest.raises(NodeError, match="never right"):
        await workflow("w", wrong.within(attempts=3) >> f.answer).run(QUESTION, ports={})
    assert tried == ["wrong"]


@dataclass(frozen=True)
class Chain:
    """A value that holds itself, however often."""

    next: Chain | None = None


class Memory:
    """A cache that forgets nothing."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[bytes, tuple[str, ...]]] = {}

    async def get(self, key):
        return self.entries[key][0] if key in self.entries else None

    async def put(self, key, value, *, sources=(), seconds=None):
        self.entries[key] = (value, tuple(sources))


async def test_a_cached_node_runs_once_for_equal_inputs_and_never_for_another_reader():
    ran: list[str] = []

    @node
    async def costly(question: Question) -> Hits:
        ran.append(question.text)
        return Hits((Hit("passage-1", 1.0, "bm25"),))

    cache = Memory()
    wf = workflow("w", costly.within(cache=60) >> f.answer)
    first = await wf.run(QUESTION, ports={Cache: cache})
    again = await wf.run(QUESTION, ports={Cache: cache})
    assert again.get(Hits) == first.get(Hits)
    assert (first.steps[0].cached, again.steps[0].cached) == (False, True)
    await wf.run(Question("other", ANONYMOUS), ports={Cache: cache})
    await wf.run(Question("ask", Principal("rival", ANONYMOUS.grants)), ports={Cache: cache})
    assert len(ran) == 3
    assert {sources for _, sources in cache.entries.values()} == {("passage-1",)}


async def test_a_degraded_result_is_not_cached():
    @node
    async def partial(question: Question, run: Run) -> Hits:
        run.degrade("only half")
        return Hits()

    cache = Memory()
    await workflow("w", partial.within(cache=60) >> f.answer).run(QUESTION, ports={Cache: cache})
    assert cache.entries == {}


# -- budget -----------------------------------------------------------------------------------------


async def test_at_the_deadline_a_node_gives_its_best_so_far():
    @node
    async def improve(question: Question, run: Run) -> Hits:
        for number in range(1000):
            run.offer(Hits((Hit(f"round-{number}", 1.0),)))
            await asyncio.sleep(0.01)
        return Hits()

    result = await workflow("w", improve >> f.answer).run(QUESTION, ports={}, budget=Budget(seconds=0.1))
    assert result.get(Hits).ids[0].startswith("round-")
    assert result.degraded == ("improve: best result so far, since the budget ran out.",)
    assert result.answer.degraded == result.degraded


async def test_a_note_is_kept_in_the_trace_beside_what_is_written():
    @node
    async def noting(question: Question, run: Run) -> Hits:
        run.note(Drift(0.5, 10))
        run.note(Drift(0.75, 10))
        return Hits((Hit("a", 1.0),))

    result = await workflow("w", noting >> f.answer).run(QUESTION, ports={})
    assert result.noted(Drift) == (Drift(0.75, 10),)
    assert result.noted(Answer) == ()
    assert result.steps[0].writes["Drift"] == {"type": "Drift", "overlap": 0.75, "depth": 10}
    assert result.get(Drift) is None


async def test_at_the_deadline_a_refinement_is_left_out():
    @node
    async def refine(hits: Hits) -> Hits:
        await asyncio.sleep(3600)
        return hits

    wf = workflow("w", f.find(2) >> refine >> f.answer)
    result = await wf.run(QUESTION, ports={}, budget=Budget(seconds=0.05))
    assert result.answer.text == "ask: ask-0,ask-1"
    assert result.degraded == ("refine: left out, since the budget ran out.",)


async def test_a_node_with_nothing_to_return_fails_after_the_grace_time():
    wf = workflow("w", f.hang >> f.answer)
    with pytest.raises(BudgetExhausted, match=r"hang.*0\.05 s"):
        await wf.run(QUESTION, ports={}, budget=Budget(seconds=0.05, grace=0.05))


async def test_a_late_node_still_answers_within_the_grace_time():
    @node
    async def late(question: Question) -> Hits:
        await asyncio.sleep(0.15)
        return Hits((Hit("late", 1.0),))

    result = await workflow("w", late >> f.answer).run(QUESTION, ports={}, budget=Budget(seconds=0.05))
    assert result.answer.text == "ask: late"


async def test_model_calls_and_tokens_are_counted_for_run_and_node():
    wf = workflow("w", f.ask_model >> _again)
    result = await wf.run(QUESTION, ports={LanguageModel: Echo()})
    assert result.usage == Usage(2, 12, 8)
    assert [step.usage for step in result.steps] == [Usage(1, 6, 4)] * 2
    assert result.answer.usage == result.usage


async def test_a_call_beyond_the_budget_is_not_made():
    model = Echo()
    wf = workflow("w", f.ask_model >> _again)
    result = await wf.run(QUESTION, ports={LanguageModel: model}, budget=Budget(calls=1))
    assert model.calls == 1
    assert result.degraded == ("_again: left out, since the budget ran out.",)
    with pytest.raises(BudgetExhausted, match="0 model calls"):
        await wf.run(QUESTION, ports={LanguageModel: model}, budget=Budget(calls=0))
    assert model.calls == 1


async def test_parallel_calls_share_the_budget():
    model = Echo()

    @node
    async def many(question: Question, model: LanguageModel, run: Run) -> Answer:
        results = await asyncio.gather(
            *(model.generate([f.Message("user", str(n))]) for n in range(10)), return_exceptions=True
        )
        return Answer(str(sum(isinstance(result, Generation) for result in results)))

    result = await workflow("w", many).run(QUESTION, ports={LanguageModel: model}, budget=Budget(calls=4))
    assert (result.answer.text, model.calls) == ("4", 4)


@node
async def _again(text: Answer, model: LanguageModel) -> Answer:
    generated = await model.generate([f.Message("user", text.text)])
    return Answer(generated.text)


# -- cancellation and streaming ---------------------------------------------------------------------


async def test_cancelling_a_run_stops_its_nodes():
    f.SEEN.clear()
    task = asyncio.create_task(
        workflow("w", fuse(f.hang | f.find, by=f.rank_fusion) >> f.answer).run(QUESTION, ports={})
    )
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert f.SEEN == ["hang was cancelled"]


async def test_code_in_a_thread_sees_the_cancellation():
    f.SEEN.clear()
    task = asyncio.create_task(workflow("w", f.slow_in_thread >> f.answer).run(QUESTION, ports={}))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(100):
        if f.SEEN:
            break
        await asyncio.sleep(0.01)
    assert f.SEEN == ["thread saw the cancellation"]


async def test_code_in_a_thread_sees_its_own_timeout():
    f.SEEN.clear()
    with pytest.raises(NodeTimeout):
        await workflow("w", f.slow_in_thread.within(timeout=0.05) >> f.answer).run(QUESTION, ports={})
    for _ in range(100):
        if f.SEEN:
            break
        await asyncio.sleep(0.01)
    assert f.SEEN == ["thread saw the cancellation"]


async def test_a_stream_tells_nodes_text_and_result_in_order():
    wf = workflow("w", f.Shout(times=2))
    async with aclosing(wf.stream(QUESTION, ports={})) as events:
        seen = [event async for event in events]
    assert [type(event) for event in seen] == [NodeStarted, Text, NodeFinished, Finished]
    assert "".join(event.text for event in seen if isinstance(event, Text)) == seen[-1].result.answer.text
    assert seen[2].seconds >= 0


async def test_leaving_a_stream_stops_the_run():
    f.SEEN.clear()
    async with aclosing(workflow("w", f.hang >> f.answer).stream(QUESTION, ports={})) as events:
        async for event in events:
            assert isinstance(event, NodeStarted)
            break
    assert f.SEEN == ["hang was cancelled"]


async def test_an_error_ends_a_stream():
    @node
    async def fail(question: Question) -> Hits:
        raise ModelError("no.")

    async def listen():
        async with aclosing(workflow("w", fail >> f.answer).stream(QUESTION, ports={})) as events:
            return [event async for event in events]

    with pytest.raises(OrchestratorError, match="no"):
        await listen()


# -- trace ------------------------------------------------------------------------------------------


async def test_a_trace_holds_ids_and_times_but_no_text():
    secret = "the text of a passage"

    @node
    async def quote(hits: Hits) -> Answer:
        return Answer(secret)

    result = await workflow("w", f.find(2) >> quote).run(QUESTION, ports={})
    trace = repr(result.steps)
    assert "ask-0" in trace
    assert secret not in trace
    assert all(step.seconds >= 0 for step in result.steps)


async def test_a_trace_of_what_is_nested_without_end_ends():
    @node
    async def chained(question: Question) -> Chain:
        chain = Chain()
        for _ in range(2_000):
            chain = Chain(chain)
        return chain

    @node
    async def measured(chain: Chain) -> Answer:
        return Answer(type(chain.next).__name__)

    result = await workflow("w", chained >> measured).run(QUESTION, ports={})
    assert result.answer.text == "Chain"
    assert str(result.steps[0].writes).count("Chain") < 20


async def test_runs_of_one_workflow_do_not_mix():
    wf = workflow("w", f.find(1) >> f.answer)
    results = await asyncio.gather(*(wf.run(Question(f"q{n}", ANONYMOUS), ports={}) for n in range(50)))
    assert [result.answer.text for result in results] == [f"q{n}: q{n}-0" for n in range(50)]
    assert len({result.run_id for result in results}) == 50
    assert all(len(result.steps) == 2 for result in results)


async def test_spans_are_made_when_opentelemetry_is_set_up():
    trace = pytest.importorskip("opentelemetry.sdk.trace")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.trace import set_tracer_provider

    exporter = InMemorySpanExporter()
    provider = trace.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    set_tracer_provider(provider)
    await workflow("w", f.find(1) >> f.ask_model, outputs=(Hits,)).run(
        QUESTION, ports={LanguageModel: Echo()}
    )
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert set(spans) >= {"find", "ask_model", "model.generate"}
    assert spans["model.generate"].attributes["gen_ai.usage.input_tokens"] == 6
    assert spans["model.generate"].parent.span_id == spans["ask_model"].context.span_id


async def test_a_call_that_took_several_requests_counts_as_many():
    class Stubborn(Echo):
        """It is asked three times for what fits a schema."""

        async def generate(self, prompt, **settings):
            return Generation("so", usage=Usage(3, 18, 12))

    @node
    async def ask(question: Question, model: LanguageModel) -> Answer:
        return Answer((await model.generate([Message("user", "?")])).text)

    result = await workflow("w", ask).run(QUESTION, ports={LanguageModel: Stubborn()})
    assert result.usage == Usage(3, 18, 12)
