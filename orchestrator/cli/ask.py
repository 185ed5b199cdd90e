"""`orchestrator ask`: one question, one cited answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli.options import (
    IndexOption,
    JsonOption,
    PrincipalOption,
    RecordOption,
    ReplayOption,
    command,
    complete,
    invocation,
)
from orchestrator.cli.output import note, say, say_json
from orchestrator.places import described

if TYPE_CHECKING:
    from orchestrator.graph.run.result import RunResult
    from orchestrator.types import Answer


@command("orchestrator ask 'Who may read a document?' --json")
def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="The question.", metavar="QUESTION")],
    workflow: Annotated[
        str, typer.Option("--workflow", "-w", help="Name or file of a workflow.", metavar="NAME")
    ] = "chat",
    instructions: Annotated[
        str, typer.Option(help="How to write the answer, for a language model.", metavar="TEXT")
    ] = "",
    index: IndexOption = None,
    principal: PrincipalOption = None,
    record: RecordOption = None,
    replay: ReplayOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask an index a question; print the answer and the passages it cites.

    Other results of a workflow, such as hits or a slate, are printed as a list.
    """
    from orchestrator.application.application import Application
    from orchestrator.application.exposure import exposed
    from orchestrator.application.served_run import ServedRun
    from orchestrator.cli.index_content import require_content
    from orchestrator.errors import BadInput
    from orchestrator.types import Question, Slate

    if not question.strip():
        raise BadInput("The question is empty.", hint="Write one: `orchestrator ask 'What is …?'`.")
    settings = invocation(context).settings(index=index)
    asked = Question(question, settings.reader(principal), instructions=instructions)

    async def answered() -> RunResult:
        async with Application(settings, record=record, replay=replay) as application:
            shown = exposed(application.workflow(workflow))
            if shown.exposure.accepts is not Slate:
                require_content(application, settings.index, *shown.workflow.indexes)
                application.check_format()
            ports = application.ports()
            run = ServedRun(shown.answering, shown.inputs(asked), asked.principal, ports)
            return await run.result()

    result = complete(answered())
    answer = result.answer
    assert answer is not None, "what is exposed ends in an answer"
    if as_json:
        say_json(_wire(result, answer))
    else:
        _print(result, answer)


def _wire(result: RunResult, answer: Answer) -> dict[str, Any]:
    return {
        "answer": answer.text,
        "citations": [
            {
                "n": each.n,
                "id": each.id,
                "title": each.title,
                "source": each.source,
                "text": each.text,
                "page": each.page,
                "section": each.section,
            }
            for each in answer.citations
        ],
        "degraded": list(result.degraded),
        "usage": {
            "calls": result.usage.calls,
            "prompt_tokens": result.usage.prompt_tokens,
            "completion_tokens": result.usage.completion_tokens,
        },
        "run_id": result.run_id,
    }


def _print(result: RunResult, answer: Answer) -> None:
    say(answer.text)
    if answer.citations:
        say()
        for each in answer.citations:
            source = each.source and each.source + described(each.page, each.section)
            where = f"{each.title} ({source})" if each.title and source else each.title or source
            say(f"[{each.n}] {where or each.id}")
    note("")
    for reason in result.degraded:
        note(f"Degraded: {reason}")
    note(f"Run {result.run_id}")
