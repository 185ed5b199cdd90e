"""What cannot be used gives one clear sentence, a next step and exit code 2; never a traceback."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from connectors import minilm
from tests.cli.conftest import Command, Outcome

pytestmark = pytest.mark.slow


def refused(outcome: Outcome, *said: str) -> None:
    """The command complained in a few lines, changed nothing and went out with 2."""
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    assert 1 <= len(outcome.err.strip().splitlines()) <= 2, outcome.err
    for part in said:
        assert part in outcome.err, outcome.err


def test_an_unknown_workflow_lists_the_known_ones(cli: Command) -> None:
    for command in (("check", "caht"), ("draw", "caht"), ("serve", "caht")):
        refused(cli(*command), "no workflow 'caht'", "chat", "search")


def test_asking_with_an_unknown_workflow(cli: Command, notes: Path) -> None:
    assert cli("index", "add", notes).code == 0
    refused(cli("ask", "what?", "--workflow", "caht"), "no workflow 'caht'", "chat", "search")


def test_a_workflow_of_items_is_asked_too_and_says_that_none_was_trained(cli: Command, notes: Path) -> None:
    cli("index", "add", notes)
    refused(cli("ask", "what?", "--workflow", "recommend"), "Nothing was trained yet", "recommend train")


def test_a_workflow_file_that_does_not_load_names_the_line(cli: Command, folder: Path) -> None:
    (folder / "broken.py").write_text("one = 1\ntwo = three\n")
    refused(cli("check", "broken.py"), "broken.py, line 2", "three")


def test_a_broken_workflow_lists_its_faults(cli: Command, folder: Path) -> None:
    (folder / "wrong.py").write_text(
        "from orchestrator import workflow\nfrom orchestrator.nodes import CitedAnswer\n"
        'wrong = workflow("wrong", CitedAnswer())\n'
    )
    outcome = cli("check", "wrong.py")
    assert outcome.code == 2
    assert "Context" in outcome.err
    assert "Fix:" in outcome.err
    listed = cli("check", "wrong.py", "--json")
    assert listed.code == 2
    assert listed.json["sound"] is False
    assert {"node", "problem", "fix"} == set(listed.json["faults"][0])


@pytest.mark.parametrize("name", ["none", "none/below"])
def test_a_missing_root_is_refused(cli: Command, name: str) -> None:
    refused(cli("index", "add", name), "none")


def test_an_empty_folder_is_refused_and_removes_nothing(cli: Command, notes: Path) -> None:
    assert cli("index", "add", notes).code == 0
    for file in notes.iterdir():
        file.unlink()
    refused(cli("index", "add", notes), "notes")
    assert cli("index", "list", "--json").json[0]["documents"] == 3


def test_asking_before_anything_was_added_says_what_to_do(cli: Command) -> None:
    refused(cli("ask", "what?"), "no index 'default'", "orchestrator index add PATH")


def test_asking_an_index_that_does_not_exist_names_those_that_do(cli: Command, notes: Path) -> None:
    assert cli("index", "add", notes).code == 0
    refused(cli("ask", "what?", "--index", "other"), "no index 'other'", "--index other", "default")


def test_asking_an_index_that_became_empty(cli: Command, notes: Path) -> None:
    assert cli("index", "add", notes).code == 0
    assert cli("index", "remove", notes).code == 0
    refused(cli("ask", "what?"), "index 'default' is empty", "orchestrator index add PATH")


@pytest.mark.parametrize("command", ["status", "verify", "rebuild"])
def test_an_unknown_index_is_refused(cli: Command, command: str) -> None:
    refused(cli("index", command, "--index", "other"), "'other'")


def test_an_index_name_that_leads_elsewhere_is_refused(cli: Command, notes: Path) -> None:
    refused(cli("index", "add", notes, "--index", "../up"), "'../up'")


def test_an_empty_question_is_refused(cli: Command) -> None:
    refused(cli("ask", "  "), "question is empty")


def test_removing_needs_paths_or_all(cli: Command, notes: Path) -> None:
    refused(cli("index", "remove"), "Say what to remove")
    refused(cli("index", "remove", notes, "--all"), "Say what to remove")


def test_removing_what_is_not_in_the_index_names_it(cli: Command, notes: Path, folder: Path) -> None:
    assert cli("index", "add", notes).code == 0
    refused(cli("index", "remove", folder / "other"), "other")


def test_an_index_made_with_another_embedder_is_refused(
    cli: Command, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("index", "add", notes).code == 0
    monkeypatch.setenv("ORCHESTRATOR_EMBEDDER", "minilm")
    for command in (("index", "add", notes), ("ask", "what?"), ("serve", "chat", "--port", "0")):
        refused(cli(*command), "made with wordllama", "all-minilm-l6-v2", "rebuild")
    # Whether that is installed or not, it is not what the index was made with.
    monkeypatch.setattr(minilm, "installed", lambda: False)
    refused(cli("ask", "what?"), "made with wordllama", "all-minilm-l6-v2", "rebuild")


def test_a_port_in_use_is_named(cli: Command, notes: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(cli("serve", "chat", "--port", str(port)), f"Port {port}", "--port")


def test_serving_others_needs_a_key(cli: Command) -> None:
    refused(cli("serve", "chat", "--host", "0.0.0.0"), "API key")


def test_a_setting_that_cannot_be_used_is_named(
    cli: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ORCHESTRATOR_EMBEDDER")
    (folder / "orchestrator.toml").write_text("embedder = 'huge'")
    refused(cli("index", "list"), "embedder", "wordllama")


def test_an_address_that_is_none_is_refused(
    cli: Command, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("index", "add", notes).code == 0
    monkeypatch.setenv("ORCHESTRATOR_LLM_URL", "localhost:8000")
    refused(cli("ask", "what?"), "llm_url", "http://host:port")


def test_a_model_server_that_is_down_is_a_finding_and_no_reason_to_give_no_answer(
    cli: Command, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("index", "add", notes).code == 0
    monkeypatch.setenv("ORCHESTRATOR_LLM_URL", "http://127.0.0.1:1/v1")
    found = cli("doctor")
    assert found.code == 2
    assert "http://127.0.0.1:1 cannot be reached" in found.out
    answered = cli("ask", "what?")
    assert answered.code == 0


def test_a_recording_that_is_not_there_and_a_model_that_is_not_are_named(cli: Command, notes: Path) -> None:
    assert cli("index", "add", notes).code == 0
    refused(cli("ask", "what?", "--replay", "none.jsonl"), "none.jsonl")
    refused(cli("ask", "what?", "--record", "new.jsonl"), "no model to record", "llm_url")
    refused(cli("ask", "what?", "--record", "a", "--replay", "b"), "not both")


def test_an_unknown_principal_is_refused(cli: Command, notes: Path) -> None:
    assert cli("index", "add", notes).code == 0
    refused(cli("ask", "what?", "--principal", "eve"), "'eve'", "anonymous")


def test_an_unknown_run_is_refused(cli: Command) -> None:
    refused(cli("trace", "0" * 32), "no run", "anonymous")


def test_an_unknown_option_is_refused_with_the_usage(cli: Command) -> None:
    outcome = cli("ask", "what?", "--frobnicate")
    assert outcome.code == 2
    assert "--frobnicate" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("name", ["../up", "With-Capitals", "import os", "1st", ""])
def test_a_name_that_is_no_file_name_is_refused(cli: Command, name: str) -> None:
    refused(cli("new", name), "cannot be the name")


def test_a_file_is_not_overwritten_unasked(cli: Command, folder: Path) -> None:
    assert cli("new", "mine").code == 0
    (folder / "workflows" / "mine.py").write_text("# precious")
    refused(cli("new", "mine"), "mine.py exists", "--force")
    assert (folder / "workflows" / "mine.py").read_text() == "# precious"
    refused(cli("new", "other", "--from", "nothing"), "no shipped workflow 'nothing'", "chat")


def test_restoring_something_else_is_refused(cli: Command, folder: Path) -> None:
    refused(cli("restore", "none.tar"), "no backup none.tar")
    (folder / "text.tar").write_text("hello")
    refused(cli("restore", "text.tar"), "text.tar", "not a backup")


def test_a_backup_does_not_overwrite_a_file(cli: Command, folder: Path) -> None:
    (folder / "there.tar").write_text("precious")
    refused(cli("backup", "there.tar"), "there.tar exists")
    assert (folder / "there.tar").read_text() == "precious"


def test_a_fault_of_the_program_is_said_to_be_one(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the roof is on fire")

    monkeypatch.setattr("orchestrator.application.workflow_files.load_workflow", broken)
    outcome = cli("draw", "chat")
    assert outcome.code == 1
    assert "Unexpected RuntimeError: the roof is on fire" in outcome.err
    assert "--debug" in outcome.err
    with pytest.raises(RuntimeError):
        cli("--debug", "draw", "chat")
