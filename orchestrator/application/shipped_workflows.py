"""The workflows that come with the library, as the attributes that entry points name.

Each is loaded from its file of the folder `workflows/` when it is first used. That folder is no package,
since `llama-index-workflows` owns the import name, so that an entry point cannot name its files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.graph.workflow import Workflow


def __getattr__(name: str) -> Workflow:
    from orchestrator.application.workflow_files import load_workflow, shipped_files

    file = shipped_files().get(name)
    if file is None:
        raise AttributeError(f"No workflow {name!r} comes with the library.")
    return load_workflow(str(file))
