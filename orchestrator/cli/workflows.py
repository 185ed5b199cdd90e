"""`orchestrator check|draw|new`: check, draw or create a workflow."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli.options import JsonOption, command, invocation
from orchestrator.cli.output import note, say, say_json

if TYPE_CHECKING:
    from orchestrator.graph.plan.fault import Fault
    from orchestrator.graph.workflow import Workflow

WorkflowArgument = Annotated[str, typer.Argument(help="Name or file of a workflow.", metavar="WORKFLOW")]


@command("orchestrator check workflows/mine.py")
def check(context: typer.Context, workflow: WorkflowArgument, as_json: JsonOption = False) -> None:
    """Check a workflow without running it, and list all faults."""
    from orchestrator.application.application import Application
    from orchestrator.application.workflow_files import load_workflow
    from orchestrator.errors import WorkflowError, sentence

    loaded = load_workflow(workflow)
    with Application(invocation(context).settings()) as application:
        faults = loaded.faults(application.provided) or compile_faults(loaded)
    if as_json:
        listed = [
            {"node": fault.node, "problem": sentence(fault.problem), "fix": sentence(fault.fix)}
            for fault in faults
        ]
        say_json({"workflow": loaded.name, "sound": not faults, "faults": listed})
        if faults:
            raise typer.Exit(2)
    elif faults:
        raise WorkflowError(loaded.name, faults)
    else:
        say(f"{loaded.name}: no faults.")


def compile_faults(loaded: Workflow) -> tuple[Fault, ...]:
    """Faults that only LangGraph's compiler finds, so that nothing fails later."""
    from orchestrator.graph.plan.fault import Fault

    try:
        for lines in (True, False):
            loaded.compiled(lines=lines)
    except Exception as error:
        reason = f"cannot be compiled by LangGraph ({type(error).__name__}: {str(error).rstrip('.')})"
        return (Fault(loaded.name, reason, "rename the node that it names, or report this as a bug"),)
    return ()


@command("orchestrator draw chat > chat.mmd")
def draw(workflow: WorkflowArgument, as_json: JsonOption = False) -> None:
    """Print a workflow as a Mermaid diagram, with the type of every edge."""
    from orchestrator.application.workflow_files import load_workflow

    loaded = load_workflow(workflow)
    loaded.check()
    if as_json:
        say_json({"workflow": loaded.name, "mermaid": loaded.draw()})
    else:
        say(loaded.draw())


@command("orchestrator new mine --from search")
def new(
    workflow: Annotated[str, typer.Argument(help="Name of the new workflow.", metavar="NAME")],
    source: Annotated[
        str | None,
        typer.Option(
            "--from", help="Shipped workflow to copy.", metavar="NAME", show_default="NAME, or chat"
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if there is one.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Create a workflow: copy a shipped one to workflows/NAME.py, to be changed.

    A copy under the shipped name is used instead of it, in this folder.
    """
    from orchestrator.application.workflow_files import FOLDER, shipped_files
    from orchestrator.errors import BadInput, UnknownWorkflow

    if not re.fullmatch(r"[a-z][a-z0-9_]*", workflow):
        raise BadInput(
            f"{workflow!r} cannot be the name of a workflow file.",
            hint="Take a-z, 0-9 and _, beginning with a letter.",
        )
    shipped = shipped_files()
    origin = source or (workflow if workflow in shipped else "chat")
    if origin not in shipped:
        raise UnknownWorkflow(
            f"There is no shipped workflow {origin!r}.", hint=f"Copy one of {', '.join(shipped)}."
        )
    target = Path(FOLDER) / f"{workflow}.py"
    if target.exists() and not force:
        raise BadInput(f"{target} exists already.", hint="Take another name, or --force to overwrite it.")
    text = _renamed(shipped[origin].read_text(encoding="utf-8"), origin, workflow)
    target.parent.mkdir(exist_ok=True)
    target.write_text(text, encoding="utf-8")
    if as_json:
        say_json({"workflow": workflow, "file": str(target)})
    else:
        say(str(target))
        note(f"Next: `orchestrator check {workflow}`, then `orchestrator ask --workflow {workflow} '…'`.")


def _renamed(text: str, old: str, new: str) -> str:
    """The workflow's variable and name, changed; other words of the file are left alone."""
    text = re.sub(rf"^{old}\b(?= *(?::[^=\n]*)?= *workflow\()", new, text, flags=re.MULTILINE)
    return re.sub(rf"(\bworkflow\(\s*)([\"']){old}\2", rf"\g<1>\g<2>{new}\2", text)
