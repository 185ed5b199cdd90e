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

#: What begins a conversation.
NEW = "new"


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
    conversation: Annotated[
        str | None,
        typer.Option(
            "--conversation",
            help="Go on with a conversation, by the id that its last answer came with; `new` begins one.",
            metavar="ID",
        ),
    ] = None,
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
    from orchestrator.ports import Conversations
    from orchestrator.types import Message, Question, Slate

    if not question.strip():
        raise BadInput("The question is empty.", hint="Write one: `orchestrator ask 'What is …?'`.")
    settings = invocation(context).settings(index=index)
    before = None if conversation == NEW else conversation
    asked = Question(question, settings.reader(principal), before, instructions=instructions)
    turn: str | None = None

    async def answered() -> RunResult:
        nonlocal turn
        async with Application(settings, record=record, replay=replay) as application:
            shown = exposed(application.workflow(workflow))
            if shown.exposure.accepts is not Slate:
                require_content(application, settings.index, *shown.workflow.indexes)
                application.check_format()
            ports = application.ports()
            conversations = application.container.get(Conversations)
            if before and not await conversations.read(before, principal=asked.principal):
                raise BadInput(
                    f"There is no conversation {before!r} of {asked.principal.name}.",
                    hint="`--conversation new` begins one.",
                )
            run = ServedRun(shown.answering, shown.inputs(asked), asked.principal, ports)
            result = await run.result()
            if conversation and result.answer is not None:
                turns = (Message("user", question), Message("assistant", result.answer.text))
                turn = await conversations.append(turns, principal=asked.principal, after=before)
            return result

    result = complete(answered())
    answer = result.answer
    assert answer is not None, "what is exposed ends in an answer"
    if as_json:
        told = {"conversation": turn} if turn else {}
        say_json({**_wire(result, answer), **told})
        return
    _print(result, answer)
    if turn:
        note(f"Go on with `--conversation {turn}`.")


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
