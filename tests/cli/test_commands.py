"""The command line, used as it is meant to be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from orchestrator.cli.output import plain
from orchestrator.cli.program import program
from tests.cli.conftest import Command


def command_names() -> list[list[str]]:
    """Every command and group, as it is typed."""
    names: list[list[str]] = [[]]
    for name, command in get_command(program).commands.items():
        names.append([name])
        names += [[name, each] for each in getattr(command, "commands", {})]
    return names


@pytest.mark.quick(every=6)
@pytest.mark.parametrize("name", command_names(), ids=" ".join)
def test_every_help_has_an_example(cli: Command, name: list[str]) -> None:
    outcome = cli(*name, "--help")
    assert outcome.code == 0
    assert re.search(r"Example: orchestrator " + " ".join(name), outcome.out), outcome.out


def test_asking_gives_a_cited_answer_as_json(cli: Command, notes: Path) -> None:
    added = cli("index", "add", notes, "--json")
    assert added.code == 0
    assert (added.json["added"], added.json["documents"]) == (3, 3)
    asked = cli("ask", "Where do bees say that flowers are?", "--json")
    assert asked.code == 0
    answer = asked.json
    assert set(answer) == {"answer", "citations", "degraded", "usage", "run_id"}
    assert "Bees dance" in answer["answer"]
    first = answer["citations"][0]
    assert set(first) == {"n", "id", "title", "source", "text", "page", "section"}
    assert f"[{first['n']}]" in answer["answer"]
    assert first["source"].endswith("bees.md")
    assert asked.err == "", "a program that reads JSON is not to be bothered"


@pytest.mark.slow
def test_asking_prints_the_answer_and_its_sources(cli: Command, notes: Path) -> None:
    assert cli("index", "add", notes).code == 0
    asked = cli("ask", "Where do bees say that flowers are?")
    assert "Bees dance to tell where flowers are." in asked.out
    assert re.search(r"^\[1\] Bees \(.*bees\.md\)$", asked.out, re.MULTILINE)
    assert "Run " in asked.err


@pytest.mark.slow
def test_a_workflow_that_ends_in_hits_answers_with_a_list(cli: Command, notes: Path) -> None:
    assert cli("index", "add", notes).code == 0
    answer = cli("ask", "moon tides", "--workflow", "search", "--json").json
    assert answer["answer"].startswith("1. ")
    assert answer["citations"][0]["source"].endswith("tides.txt")


@pytest.mark.slow
def test_a_run_is_read_back_by_who_asked_alone(cli: Command, notes: Path) -> None:
    assert cli("index", "add", notes).code == 0
    run = cli("ask", "moon tides", "--json").json["run_id"]
    trace = cli("trace", run)
    assert trace.code == 0
    assert "retrieve" in trace.out
    assert cli("trace", run, "--json").json["workflow"] == "chat"
    assert cli("trace", run, "--principal", "default:public").code == 2


@pytest.mark.slow
def test_labels_keep_documents_from_those_who_are_not_granted_them(cli: Command, notes: Path) -> None:
    assert cli("index", "add", notes, "--label", "staff").code == 0
    assert cli("ask", "bees", "--json").json["citations"] == []
    asked = cli("ask", "Where do bees say that flowers are?", "--principal", "default:staff", "--json")
    assert asked.json["citations"]
    assert cli("ask", "bees", "--principal", "other:staff", "--json").json["citations"] == []


@pytest.mark.slow
def test_adding_again_does_only_what_is_needed(cli: Command, notes: Path) -> None:
    assert cli("index", "add", notes, "--json").json["added"] == 3
    again = cli("index", "add", notes, "--json").json
    assert (again["added"], again["unchanged"]) == (0, 3)
    (notes / "tea.html").unlink()
    (notes / "bees.md").write_text("Bees sleep in winter.")
    third = cli("index", "add", notes, "--json").json
    assert (third["changed"], third["removed"], third["unchanged"]) == (1, 1, 1)
    assert cli("index", "verify").code == 0


@pytest.mark.slow
def test_a_file_that_cannot_be_read_is_named_and_stops_nothing(cli: Command, notes: Path) -> None:
    (notes / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    added = cli("index", "add", notes)
    assert added.code == 0
    assert "broken.pdf" in added.err
    status = cli("index", "status", "--json").json
    assert status["documents"] == 3
    assert [file["file"] for root in status["roots"] for file in root["skipped"]] == ["broken.pdf"]


@pytest.mark.slow
def test_indexes_are_listed_and_removed(cli: Command, notes: Path) -> None:
    assert cli("index", "list").out.startswith("There is no index")
    assert cli("index", "add", notes, "--index", "one").code == 0
    assert cli("index", "add", notes / "bees.md", "--index", "two").code == 0
    listed = cli("index", "list", "--json").json
    assert {each["index"]: each["documents"] for each in listed} == {"one": 3, "two": 1}
    assert cli("index", "remove", notes / "tea.html", "--index", "one").code == 0
    assert "2 documents" in cli("index", "status", "--index", "one").out
    assert cli("index", "remove", "--all", "--index", "one").code == 0
    assert [each["index"] for each in cli("index", "list", "--json").json] == ["two"]


@pytest.mark.slow
def test_rebuilding_keeps_what_is_there(cli: Command, notes: Path) -> None:
    assert cli("index", "add", notes).code == 0
    rebuilt = cli("index", "rebuild", "--json").json
    assert rebuilt["documents"] == 3
    assert cli("index", "verify", "--json").json["ok"] is True
    assert cli("ask", "moon tides", "--json").json["citations"]


@pytest.mark.slow
def test_a_copied_workflow_is_the_users_to_change(cli: Command, folder: Path, notes: Path) -> None:
    assert cli("new", "mine", "--from", "search").out.strip() == "workflows/mine.py"
    assert cli("check", "mine").out.startswith("mine: no faults")
    assert cli("index", "add", notes).code == 0
    assert cli("ask", "moon tides", "-w", "mine", "--json").json["citations"]
    assert cli("new", "chat").code == 0
    file = folder / "workflows" / "chat.py"
    file.write_text(file.read_text().replace("CitedAnswer(", "CitedAnswer(nonsense=1, "))
    assert cli("check", "chat").code == 2


def test_drawing_gives_mermaid(cli: Command) -> None:
    assert cli("draw", "chat").out.startswith("flowchart")
    assert cli("draw", "chat", "--json").json["mermaid"].startswith("flowchart")


def test_the_doctor_makes_nothing_and_finds_what_is_wrong(
    cli: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = cli("doctor", "--json")
    assert healthy.code == 0
    assert {each["state"] for each in healthy.json} <= {"ok", "note"}
    assert not (folder / ".orchestrator").exists()
    monkeypatch.setenv("ORCHESTRATOR_INDX", "x")
    ill = cli("doctor")
    assert ill.code == 2
    assert "ORCHESTRATOR_INDX is no setting" in ill.out


@pytest.mark.slow
def test_the_doctor_names_settings_that_lack_their_address(
    cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRATOR_SCORE_MODEL", "judge")
    monkeypatch.setenv("ORCHESTRATOR_SCORE_API_KEY", "secret-key")
    told = cli("doctor")
    assert told.code == 0
    assert "score_model and score_api_key without score_url" in told.out
    assert "secret-key" not in told.out
    monkeypatch.setenv("ORCHESTRATOR_SCORE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ORCHESTRATOR_EMBED_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ORCHESTRATOR_EMBEDDER", "light")
    ill = cli("doctor")
    assert ill.code == 2
    assert "without score_url" not in ill.out
    assert "embed_url is not used: the embedder is light" in ill.out
    assert "score_url" in next(line for line in ill.out.splitlines() if line.startswith("fault"))


@pytest.mark.slow
def test_the_doctor_sees_an_index_of_another_embedder(
    cli: Command, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("index", "add", notes).code == 0
    assert cli("doctor").code == 0
    monkeypatch.setenv("ORCHESTRATOR_EMBEDDER", "minilm")
    assert cli("doctor").code == 2


@pytest.mark.slow
def test_several_paths_are_added_in_turn_and_a_missing_one_adds_none(
    cli: Command, notes: Path, folder: Path
) -> None:
    (folder / "empty").mkdir()
    (folder / "more.md").write_text("# More\n\nMoths fly at night.\n")
    missing = cli("index", "add", notes, folder / "nowhere")
    assert (missing.code, missing.out) == (2, "")
    assert cli("index", "list", "--json").json == []
    half = cli("index", "add", notes, folder / "empty", folder / "more.md")
    assert half.code == 2
    assert "3 added" in half.out
    assert "holds no file" in half.err
    both = cli("index", "add", notes, folder / "more.md", "--json").json
    assert [(each["unchanged"], each["added"]) for each in both["paths"]] == [(3, 0), (0, 1)]
    assert (both["unchanged"], both["added"], both["documents"]) == (3, 1, 4)


@pytest.mark.slow
def test_the_files_of_an_index_are_listed(cli: Command, notes: Path) -> None:
    assert cli("index", "add", notes).code == 0
    files = cli("index", "list", "--index", "default", "--json").json
    assert [each["file"] for each in files] == ["bees.md", "tea.html", "tides.txt"]
    assert "tides.txt" in cli("index", "list", "--index", "default").out
    assert cli("index", "list", "--index", "other").code == 2


def test_pruning_says_what_is_kept(cli: Command) -> None:
    assert "runs of 30 days" in cli("prune").out
    assert cli("prune", "--json").json["kept_days"]["runs"] == 30


def test_the_version_is_printed(cli: Command) -> None:
    assert re.fullmatch(r"orchestrator \d+\.\d+\.\d+\n", cli("--version").out)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a[2Jb"),
        ("a\rb", "ab"),
        ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ("\x9b31m", "31m"),
        ("\u202etxt.exe", "txt.exe"),
        ("Zürich 東京 🐝", "Zürich 東京 🐝"),
    ],
)
def test_a_document_cannot_command_the_terminal(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.slow
def test_notes_are_made_once(cli: Command, notes: Path) -> None:
    assert cli("index", "features").code == 2, "there is no index yet"
    assert cli("index", "add", notes).code == 0
    made = cli("index", "features", "--kind", "keyphrases", "--json")
    assert made.code == 0
    assert made.json["made"] > 0
    assert cli("index", "features", "--json").json["made"] == 0
    refused = cli("index", "features", "--kind", "poems")
    assert refused.code == 2
    assert "keyphrases, entities, summary" in refused.err
    assert "needs a language model" in cli("index", "features", "--kind", "summary").err


@pytest.mark.slow
def test_instructions_for_an_answer_are_the_questions(cli: Command, folder: Path, notes: Path) -> None:
    (folder / "told.py").write_text(
        "from orchestrator import Answer, Question, node, workflow\n"
        "@node\n"
        "async def repeat(question: Question) -> Answer:\n"
        "    return Answer(f'{question.text} {question.instructions}')\n"
        "told = workflow('told', repeat)\n"
    )
    assert cli("index", "add", notes).code == 0
    asked = cli("ask", "Bees?", "--workflow", "told.py", "--instructions", "In French.", "--json")
    assert asked.json["answer"] == "Bees? In French."
