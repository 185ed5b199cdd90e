"""The arms of an experiment: workflows that rank passages, and saved runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from orchestrator.errors import BadInput
from orchestrator.evaluation.trec_runs import SavedRun
from orchestrator.graph.channel import type_name
from orchestrator.graph.plan.plan import calls
from orchestrator.graph.workflow import Workflow
from orchestrator.ports import Cache, IndexedPorts, Runs, replace_ports
from orchestrator.types import Hits, Question

Arm = Workflow | SavedRun


def contenders(arms: Iterable[Arm]) -> list[Arm]:
    """The arms, each ready to be scored; BadInput if there are none, or two of one name."""
    everyone = list(arms)
    if not everyone:
        raise BadInput("An experiment has no arms.", hint="Give it a workflow, or more to compare them.")
    twice = [name for name, count in Counter(arm.name for arm in everyone).items() if count > 1]
    if twice:
        raise BadInput(
            f"Two arms are called {twice[0]!r}.", hint='Name them apart: workflow("another name", …).'
        )
    return [showing_hits(arm) if isinstance(arm, Workflow) else arm for arm in everyone]


def showing_hits(arm: Workflow) -> Workflow:
    """The workflow, with its hits added to its result.

    One that ends in an answer without them is scored by what it cites, and so is one that ends in another
    type with `passages`.
    """
    arm.check()
    if tuple(arm.inputs) != (Question,):
        wanted = ", ".join(type_name(tp) for tp in arm.inputs)
        raise BadInput(
            f"{arm.name!r} starts from {wanted}, and an experiment asks a Question.",
            hint="Put a node before it that reads the Question.",
        )
    last = arm.output_channels[-1].type if arm.output_channels else None
    if last is Hits or Hits in arm.outputs:
        return arm
    shown = replace(arm, outputs=(*arm.outputs, Hits))
    if not shown.faults():
        return shown
    if hasattr(last, "passages"):
        return arm
    raise BadInput(
        f"{arm.name!r} ends in {type_name(last)}, which ranks nothing.",
        hint="Score a workflow that ends in Hits or in an Answer.",
    )


def needed_ports(arms: Iterable[Arm]) -> set[Any]:
    """The ports that the nodes of some arms need."""
    workflows = [arm for arm in arms if isinstance(arm, Workflow)]
    return {
        need.port for arm in workflows for call in calls(arm.plan.body) for need in call.node.signature.needs
    }


def measuring_ports(ports: Mapping[Any, Any], arms: Iterable[Workflow]) -> Mapping[Any, Any]:
    """The ports of a measured run: no cache, which would answer in place of nodes, and no record.

    Passages of every index that an arm names are found by their ids.
    """
    arms = list(arms)
    needed = needed_ports(arms)
    measured = replace_ports(ports, without={Cache, Runs} - needed)
    indexes = dict.fromkeys(name for arm in arms for name in arm.indexes)
    return measured.across(indexes) if indexes and isinstance(measured, IndexedPorts) else measured
