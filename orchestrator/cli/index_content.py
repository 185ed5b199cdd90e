"""Whether an index has something to answer from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.application.application import Application


def require_content(application: Application, index: str, *others: str) -> None:
    """Asking nothing gives no answer: say what is missing, unless one of the `others` has a passage."""
    from orchestrator.errors import BadInput
    from orchestrator.ports import IndexRegistry

    registry = application.container.get(IndexRegistry)
    version = registry.current(index)
    if any(each is not None and each.passages for each in (version, *map(registry.current, others))):
        return
    from orchestrator.evaluation.indexed import EXPERIMENTS

    there = [
        each.index
        for each in registry.indexes()
        # Those of data sets are asked by `evaluate`, and there may be many.
        if each.passages and not each.index.startswith(EXPERIMENTS)
    ]
    what = f"The index {index!r} is empty" if version else f"There is no index {index!r}"
    option = "" if index == "default" else f" --index {index}"
    some = ", ".join(there[:5]) + (", …" if len(there) > 5 else "")
    other = f", or ask another with --index: {some}" if there else ""
    raise BadInput(f"{what}.", hint=f"Add a folder: `orchestrator index add PATH{option}`{other}.")
