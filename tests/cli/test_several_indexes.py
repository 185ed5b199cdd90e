"""Workflows over several indexes from the command line: what is missing is said before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.slow

FLOW = """
from orchestrator import fuse, workflow
from orchestrator.nodes import HitListAnswer, Retrieve, rrf

found = fuse(Retrieve(index="papers") | Retrieve(index="notes"), by=rrf(60))
both = workflow("both", found >> HitListAnswer())
"""


def test_a_graph_over_two_indexes_is_checked_and_asked(cli: Command, folder: Path, notes: Path) -> None:
    (folder / "both.py").write_text(FLOW)
    papers = folder / "more"
    papers.mkdir()
    (papers / "whales.md").write_text("# Whales\n\nWhales follow the moon, some say, as tides do.\n")
    assert cli("index", "add", notes, "--index", "notes").code == 0
    for command in (("check", "both.py"), ("ask", "moon", "--workflow", "both.py"), ("serve", "both.py")):
        done = cli(*command)
        assert done.code == 2, done.out
        assert "the index 'papers', which does not exist" in done.err
        assert "orchestrator index add PATH --index papers" in done.err
    checked = cli("check", "both.py", "--json")
    assert [fault["problem"] for fault in checked.json["faults"]] == [
        "Names the index 'papers', which does not exist."
    ]
    assert cli("index", "add", papers, "--index", "papers").code == 0
    assert cli("check", "both.py").code == 0
    # There is no default index, and none is needed.
    done = cli("ask", "Who follows the moon?", "--workflow", "both.py", "--json")
    assert done.code == 0, done.err
    cited = {Path(each["source"]).name for each in done.json["citations"]}
    assert {"whales.md", "tides.txt"} <= cited
