"""A report has a section an aspect; what it streams is what it says; its citations are what they say."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import ANONYMOUS, Answer, Budget, Finished, Hits, Principal, Question, Text, workflow
from orchestrator.application.application import Application
from orchestrator.errors import ModelError, NodeError
from orchestrator.evaluation.arms import contenders
from orchestrator.evaluation.ranking import found_by
from orchestrator.nodes import CitedReport, Cover, SearchFacets
from orchestrator.nodes.answer._draft import Draft, Source, merged
from orchestrator.nodes.answer.cited_report import heading, plan
from orchestrator.ports import Documents, Generation, GenerationRequest, LanguageModel
from orchestrator.types import Coverage, Message, Passage, Usage
from tests.nodes.facets.test_facets import given_facets
from tests.nodes.shelf import BOARD, shelf

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED = Question("What do whales eat, and what guns had frigates?", ANONYMOUS)
STEPS = given_facets("krill that whales feed on", "guns of frigates") >> SearchFacets() >> Cover()


class Writer:
    """A model that writes `text` to every section, the first one last; it fails where `text` is None."""

    name, available = "writer", True

    def __init__(self, text: Callable[[str], str | None], *, slow: float = 0.0) -> None:
        self.text, self.slow = text, slow
        self.prompts: list[str] = []
        self.rules: list[str] = []

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        asked = request.prompt[-1].text
        self.prompts.append(asked)
        self.rules.append(request.prompt[0].text)
        await asyncio.sleep(self.slow if "(" in asked.rpartition("Question: ")[2] else 2 * self.slow)
        text = self.text(asked)
        if text is None:
            raise ModelError("The model server went away.")
        for at in range(0, len(text), 4):
            if on_text:
                on_text(text[at : at + 4])
            await asyncio.sleep(0)
        return Generation(text, usage=Usage(1, 10, 5))

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Any:
        raise NotImplementedError

    async def score(self, query: str, texts: Sequence[str]) -> Any:
        raise NotImplementedError


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Application]:
    async with shelf(tmp_path_factory.mktemp("report")) as application:
        yield application


async def report(
    app: Application,
    model: Any = None,
    question: Question = ASKED,
    steps: Any = STEPS,
    node: Any = None,
    **options: Any,
) -> tuple[Answer, str, tuple[str, ...]]:
    """The report, what was streamed of it, and what it lacks."""
    ports = {**app.ports(), **({LanguageModel: model} if model else {})}
    flow = workflow("report", steps >> (node or CitedReport()), outputs=(Hits,))
    streamed: list[str] = []
    async with aclosing(flow.stream(question, ports=ports, **options)) as events:
        async for event in events:
            if isinstance(event, Text):
                streamed.append(event.text)
            elif isinstance(event, Finished):
                assert event.result.answer is not None
                return event.result.answer, "".join(streamed), event.result.degraded
    raise AssertionError("the run did not finish")


async def sound(app: Application, answer: Answer, question: Question = ASKED) -> None:
    """Every mark is a citation, numbered by first appearance, of text that its passage has."""
    marks = [int(mark) for mark in re.findall(r"\[(\d+)\]", answer.text)]
    assert list(dict.fromkeys(marks)) == [citation.n for citation in answer.citations]
    assert [citation.n for citation in answer.citations] == list(range(1, len(answer.citations) + 1))
    assert len({citation.id for citation in answer.citations}) == len(answer.citations)
    store: Any = app.ports()[Documents]
    passages = await store.passages([one.id for one in answer.citations], principal=question.principal)
    for citation in answer.citations:
        for piece in citation.text.split(" … "):
            assert piece.strip() in passages[citation.id].text


async def test_without_a_model_each_aspect_is_quoted(app: Application) -> None:
    answer, streamed, degraded = await report(app)
    assert answer.text == streamed
    assert "## Krill that whales feed on" in answer.text
    assert "## Guns of frigates" in answer.text
    guns = answer.text.partition("## Guns")[2]
    assert "iron balls" in guns or "thirty-eight guns" in guns
    assert any("quotes the documents" in reason for reason in degraded)
    await sound(app, answer)


async def test_nothing_is_quoted_twice(app: Application) -> None:
    answer, _, _ = await report(app)
    said = [line for line in answer.text.splitlines() if line.strip() and not line.startswith("#")]
    assert len(said) == len({re.sub(r"\s*\[\d+\]", "", line) for line in said})


async def test_a_question_of_one_part_is_answered_without_headings(app: Application) -> None:
    answer, streamed, _ = await report(
        app,
        question=Question("What do whales eat?", ANONYMOUS),
        steps=given_facets() >> SearchFacets() >> Cover(),
    )
    assert answer.text == streamed
    assert "krill" in answer.text
    assert "#" not in answer.text


async def test_what_the_documents_do_not_answer_is_not_reported(app: Application) -> None:
    asked = Question("Which quarterback won the championship in Denver?", ANONYMOUS)
    steps = given_facets("quarterback", "Denver") >> SearchFacets() >> Cover()
    answer, streamed, _ = await report(app, question=asked, steps=steps)
    assert answer == Answer(
        "Nothing in the documents answers this.", usage=answer.usage, degraded=answer.degraded
    )
    assert streamed == answer.text


@pytest.mark.parametrize("principal", [ANONYMOUS, BOARD, Principal()])
async def test_a_report_stands_on_what_its_reader_may_read(app: Application, principal: Principal) -> None:
    asked = Question("What does the board keep of frozen krill for its blue whales?", principal)
    steps = given_facets("frozen krill", "the stock of the board") >> SearchFacets() >> Cover()
    answer, _, _ = await report(app, question=asked, steps=steps)
    assert ("frozen" in answer.text) is (principal == BOARD)
    if principal == Principal():
        assert answer.citations == ()
    await sound(app, answer, asked)


async def test_a_model_writes_sections_at_once_and_they_are_read_in_order(app: Application) -> None:
    def text(asked: str) -> str:
        section = "guns" if "(guns" in asked else "krill" if "(krill" in asked else "all"
        return f"About {section} first [1]. About {section} again [1]."

    model = Writer(text, slow=0.01)
    answer, streamed, degraded = await report(app, model)
    assert answer.text == streamed
    order = [answer.text.index(f"About {section} first") for section in ("all", "krill", "guns")]
    assert order == sorted(order)
    assert len(model.prompts) == 3
    assert degraded == ()
    await sound(app, answer)


async def test_each_section_is_asked_about_its_own_aspect_and_passages(app: Application) -> None:
    model = Writer(lambda _: "So it is [1].")
    await report(app, model)
    guns = next(prompt for prompt in model.prompts if "(guns of frigates)" in prompt)
    lines = [json.loads(line) for line in guns.splitlines() if line.startswith("{")]
    assert lines
    assert all("gun" in line["text"] for line in lines)


async def test_every_section_is_told_of_the_instructions(app: Application) -> None:
    writer = Writer(lambda asked: "Whales eat krill [1].")
    await report(app, writer, replace(ASKED, instructions="Answer in French."))
    assert len(writer.rules) > 1
    assert all(rules.endswith('"Answer in French."') for rules in writer.rules)


async def test_citations_of_no_excerpt_are_dropped_or_repaired(app: Application) -> None:
    answer, streamed, degraded = await report(app, Writer(lambda _: "It is so [77]. Whales eat krill [1]."))
    assert answer.text == streamed
    assert "[77]" not in answer.text
    assert any("dropped" in reason for reason in degraded)
    await sound(app, answer)


async def test_a_section_that_the_model_fails_at_is_quoted(app: Application) -> None:
    model = Writer(lambda asked: None if "(guns" in asked else "Written [1].")
    answer, streamed, degraded = await report(app, model)
    assert answer.text == streamed
    assert answer.text.count("Written") == 2
    assert "gun" in answer.text.partition("## Guns")[2]
    assert any("went away" in reason for reason in degraded)
    await sound(app, answer)


async def test_calls_that_run_out_leave_the_rest_quoted(app: Application) -> None:
    answer, streamed, degraded = await report(app, Writer(lambda _: "Written [1]."), budget=Budget(calls=1))
    assert answer.text == streamed
    assert answer.text.count("Written") == 1
    assert "## Guns of frigates" in answer.text
    assert degraded
    await sound(app, answer)


@pytest.mark.slow
async def test_a_deadline_leaves_the_quoted_report(app: Application) -> None:
    model = Writer(lambda _: "Never read [1].", slow=60.0)
    answer, _, degraded = await report(app, model, budget=Budget(seconds=5.0))
    assert "## Guns of frigates" in answer.text
    assert any("budget ran out" in reason for reason in degraded)
    await sound(app, answer)


async def test_an_aspect_cannot_be_more_than_a_heading(app: Application) -> None:
    assert heading("# <b>guns</b>\n[1] `of` *frigates* | x") == "Guns 1 of frigates x"
    assert len(heading("word " * 60)) <= 92
    steps = given_facets("guns [3](http://x.example)\n# frigates", "krill") >> SearchFacets() >> Cover()
    answer, _, _ = await report(app, steps=steps)
    assert "http" not in answer.text or "](" not in answer.text
    await sound(app, answer)


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=0, max_size=12),
    st.integers(1, 4),
)
async def test_each_passage_is_in_one_section_beside_the_beginning(
    shares: list[list[float]], per_section: int
) -> None:
    coverage = Coverage(
        ("the question", "a", "b"),
        tuple(f"p{row}" for row in range(len(shares))),
        tuple(tuple(enumerate(row)) for row in shares),
    )
    ids = [*coverage.ids, "found otherwise"]
    sections = plan("the question", coverage, ids, per_section)
    assert sections[0] == ("", tuple(ids[:per_section]))
    assert [aspect for aspect, _ in sections[1:]] in ([], ["a", "b"])
    listed = [one for _, mine in sections[1:] for one in mine]
    assert len(listed) == len(set(listed))
    assert all(1 <= len(mine) <= per_section for _, mine in sections)


async def test_without_passages_there_is_nothing_to_plan() -> None:
    assert plan("q", Coverage(), [], 3) == []


async def test_the_shipped_workflow_reports_and_is_scored_by_the_passages_it_chose(app: Application) -> None:
    research = app.workflow("research")
    (arm,) = contenders([research])
    asked = Question("What do whales eat? How many guns did a frigate carry?", ANONYMOUS)
    result = await arm.run(asked, ports=app.ports())
    assert "## How many guns did a frigate carry?" in result.answer.text
    hits = found_by(result)
    assert hits == result.get(Hits)
    assert {citation.id for citation in result.answer.citations} <= set(hits.ids)
    assert len(hits) == 8


# -- the draft --------------------------------------------------------------------------------


def source(name: str, *spans: tuple[int, int]) -> Source:
    return Source(Passage(name, name, "x" * 50), spans)


@given(st.permutations([0, 1, 2]), st.data())
async def test_sections_are_read_in_order_however_they_are_written(
    order: list[int], data: st.DataObject
) -> None:
    draft = Draft(None, ["", "One", "Two"])
    pieces = [[f"{section}{number} [1]" for number in range(3)] for section in range(3)]
    left = {section: list(pieces[section]) for section in order}
    while left:
        section = data.draw(st.sampled_from(sorted(left)))
        if left[section]:
            draft.say(section, left[section].pop(0), [source(f"p{section % 2}", (0, section + 1))])
        else:
            del left[section]
            draft.end(section)
    text = draft.answer.text
    assert re.findall(r"\d\d(?= \[)", text) == ["00", "01", "02", "10", "11", "12", "20", "21", "22"]
    assert text.index("## One") < text.index("## Two")
    assert [citation.id for citation in draft.answer.citations] == ["p0", "p1"]


async def test_a_number_that_is_no_citation_does_not_pass_for_one() -> None:
    draft = Draft(None, [""])
    draft.say(0, "So [1], in [7] and [0].", [source("p", (0, 3))])
    assert draft.answer.text == "So [1], in [ 7 ] and [ 0 ]."
    assert len(draft.answer.citations) == 1


async def test_a_fault_in_a_section_is_the_faults_own(app: Application) -> None:
    class Broken(Writer):
        async def generate(self, *_: Any, **__: Any) -> Generation[Any]:
            raise NodeError("a fault of the program.")

    with pytest.raises(NodeError, match="a fault of the program"):
        await report(app, Broken(lambda _: ""))


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).map(lambda pair: (min(pair), max(pair)))))
async def test_merged_spans_cover_the_same_and_do_not_touch(spans: list[tuple[int, int]]) -> None:
    found = merged(spans)
    assert all(first[1] < second[0] for first, second in pairwise(found))
    covered = {at for start, end in spans for at in range(start, end)}
    assert {at for start, end in found for at in range(start, end)} == covered
