"""What an experiment keeps as it goes: whole outcomes, of the same code, settings and data only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import workflow
from orchestrator.errors import ModelError
from orchestrator.evaluation.journal import Journal, Outcome, journal_file
from orchestrator.evaluation.versions import answering_models
from orchestrator.ports import Embedder, LanguageModel
from orchestrator.types import Hit, Hits
from tests.evaluation import sets as s

OUTCOME = Outcome("q 1", Hits((Hit("d1", 0.1),)), 0.25, 2, 30, ("no time",))


def test_outcomes_come_back(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "a.jsonl"
    Journal(file).add(OUTCOME)
    Journal(file).add(Outcome("q2"))
    assert Journal(file).outcomes == {"q 1": OUTCOME, "q2": Outcome("q2")}


def test_a_journal_without_a_file_keeps_nothing_behind() -> None:
    journal = Journal()
    journal.add(OUTCOME)
    journal.end()
    assert journal.outcomes == {"q 1": OUTCOME}


@given(st.integers(1, 200))
def test_a_line_that_a_kill_cut_short_is_dropped_and_written_over(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    file = tmp_path_factory.mktemp("journal") / "a.jsonl"
    journal = Journal(file)
    journal.add(OUTCOME)
    whole = len(file.read_bytes())
    journal.add(Outcome("q2", Hits((Hit("d" * 100, 1.0),))))
    file.write_bytes(file.read_bytes()[: whole + cut])
    again = Journal(file)
    again.add(Outcome("q3"))
    assert set(Journal(file).outcomes) - {"q2"} == {"q 1", "q3"}
    assert all(json.loads(line) for line in file.read_bytes().splitlines())


def test_a_line_of_rubbish_costs_its_query_only(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    Journal(file).add(OUTCOME)
    with file.open("ab") as handle:
        handle.write(b'\0\0\0\n{"query": 1}\n[]\n')
    Journal(file).add(Outcome("q2"))
    assert set(Journal(file).outcomes) == {"q 1", "q2"}


def test_a_failed_query_is_asked_again(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    Journal(file).add(Outcome("q1", error="NodeError: …"))
    assert Journal(file).outcomes == {}
    Journal(file).add(Outcome("q1"))
    assert Journal(file).outcomes == {"q1": Outcome("q1")}


def test_the_file_of_a_finished_experiment_goes(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.jsonl")
    journal.add(OUTCOME)
    journal.end()
    assert list(tmp_path.iterdir()) == []


def test_the_place_depends_on_settings_and_identity(tmp_path: Path) -> None:
    arm = workflow("an arm/here", s.overlap >> s.Top(3))
    file = journal_file(tmp_path, arm, ("data", "index"))
    assert file.parent == tmp_path
    assert file.name.startswith("an-arm-here-")
    assert journal_file(tmp_path, workflow("an arm/here", s.overlap >> s.Top(3)), ("data", "index")) == file
    others = {
        journal_file(tmp_path, workflow("an arm/here", s.overlap >> s.Top(4)), ("data", "index")),
        journal_file(tmp_path, arm, ("data", "other")),
        journal_file(tmp_path, arm, ("dataindex",)),
    }
    assert len(others | {file}) == 4


def test_the_place_depends_on_the_files_of_the_nodes(tmp_path: Path) -> None:
    source = "from orchestrator import node, workflow\nfrom orchestrator.types import Hits, Question\n"
    source += "def helper(): return {value}\n@node\nasync def find(question: Question) -> Hits:\n"
    source += '    helper()\n    return Hits()\narm = workflow("arm", find)\n'
    from orchestrator.application.workflow_files import load_workflow

    files: set[Path] = set()
    for number in (1, 2):
        file = tmp_path / f"{number}" / "mine.py"
        file.parent.mkdir()
        file.write_text(source.format(value=number))
        files.add(journal_file(tmp_path, load_workflow(str(file)), ("data",)))
    assert len(files) == 2


class Named:
    """A model of a name that others have as well."""

    name, available, scores_texts = "m", True, False

    def __init__(self, options: str = "", address: str = "http://one", *, silent: bool = False) -> None:
        self.options, self.addresses, self.silent = options, (address,), silent

    async def resolved_name(self, operation: str = "generate") -> str:
        if self.silent:
            raise ModelError("The server is silent.")
        return f"{self.name}+{self.options}"


async def test_models_of_one_name_are_told_apart() -> None:
    models = (Named(), Named("warm"), Named(address="http://two"), Named(silent=True))
    told = [tuple(await answering_models({LanguageModel: model})) for model in models]
    assert len(set(told)) == 4
    assert told[0] == tuple(await answering_models({LanguageModel: Named()}))
    assert told[0] != tuple(await answering_models({Embedder: Named()}))
