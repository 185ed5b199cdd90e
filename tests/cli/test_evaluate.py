"""`orchestrator evaluate`, from data to table, JSON, plot and runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.evaluation import read_run
from tests.cli.conftest import Command
from tests.evaluation.sets import write_beir, write_lines


@pytest.fixture
def pets(folder: Path) -> Path:
    """A small judged set."""
    return write_beir(folder / "pets")


def test_workflows_are_compared(cli: Command, folder: Path, pets: Path) -> None:
    done = cli(
        "evaluate",
        "search",
        "chat",
        "--data",
        pets,
        "--metrics",
        "ndcg@10, recall@5",
        "--json",
        "out/report.json",
    )
    assert done.code == 0, done.err
    assert "search" in done.out
    assert "recall@5" in done.out
    assert "note: chat did less than it could on 3 queries" in done.out
    assert done.out.isascii()
    report = json.loads((folder / "out" / "report.json").read_text())
    assert report["data"] == str(pets)
    assert list(report["arms"]) == ["search", "chat"]
    assert set(report["arms"]["search"]["metrics"]) == {"ndcg@10", "recall@5"}
    assert report["arms"]["search"]["latency_ms"]["p50"] > 0
    assert report["versions"]["Embedder"]
    # The user's default index was neither made nor touched.
    listed = cli("index", "list", "--json")
    assert [name for name in listed.out.split('"') if name.startswith("eval-pets-")]
    assert '"default"' not in listed.out


def test_a_saved_run_is_an_arm(cli: Command, folder: Path, pets: Path) -> None:
    assert cli("evaluate", "search", "--data", pets, "--runs", "runs").code == 0
    before = read_run("runs/search.run")
    done = cli("evaluate", "search", "runs/search.run", "--data", pets, "--runs", "runs", "--json", "-")
    assert done.code == 0, done.err
    arms = done.json["arms"]
    assert arms["search.run"]["metrics"] == arms["search"]["metrics"]
    assert read_run("runs/search.run").rankings == before.rankings
    # Runs alone need no index and no embedder.
    (folder / "alone").mkdir()
    assert cli("--home", "alone", "evaluate", "runs/search.run", "--data", pets).code == 0
    assert not list((folder / "alone").glob("indexes/*"))


def test_trec_files_are_read(cli: Command, folder: Path) -> None:
    write_lines(folder / "docs.tsv", ["d1\ta cat on a mat", "d2\tdogs"])
    write_lines(folder / "topics.tsv", ["1\tcat"])
    write_lines(folder / "qrels.txt", ["1 0 d1 1"])
    done = cli(
        "evaluate",
        "search",
        "-d",
        "docs.tsv",
        "--topics",
        "topics.tsv",
        "--qrels",
        "qrels.txt",
        "--json",
        "-",
    )
    assert done.code == 0, done.err
    assert done.json["arms"]["search"]["metrics"]["ndcg@10"]["mean"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", "--data", "nowhere"], "nowhere is no data set in BEIR's layout"),
        (["nothing", "--data", "pets"], "There is no workflow 'nothing'"),
        (["search", "--data", "pets", "--metrics", "bleu"], "there is no metric 'bleu'"),
        (["search", "--data", "pets", "--metrics", ","], "no metric was named"),
        (["search", "--data", "pets", "--metrics", "alpha_ndcg@10"], "needs judgements of aspects"),
        (["search", "search", "--data", "pets"], "two arms are called 'search'"),
        (["search", "--data", "pets", "--plot", "a.doc"], "a plot cannot be written as 'a.doc'"),
        (["search", "--data", "pets", "--split", "dev"], "splits there: test"),
        (["search", "--data", "pets", "--topics", "a.tsv"], "both --topics and --qrels"),
        (["search", "--data", "pets", "--json", "pets"], "pets cannot be written"),
        (["search", "--data", "pets", "--json", "pets/corpus.jsonl/a"], "cannot be written"),
        (["search", "--data", "pets", "--runs", "pets/corpus.jsonl"], "cannot be a folder for runs"),
        (["gone.run", "--data", "pets"], "there is no file gone.run"),
    ],
)
def test_bad_input_is_one_sentence_and_indexes_nothing(
    cli: Command, folder: Path, pets: Path, arguments: list[str], message: str
) -> None:
    done = cli("evaluate", *arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (folder / ".orchestrator" / "indexes").exists()


def test_a_plot_is_drawn(cli: Command, folder: Path, pets: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    assert cli("evaluate", "search", "--data", pets, "--plot", "plots/a.svg").code == 0
    assert (folder / "plots" / "a.svg").read_text().count("<svg") == 1


def test_a_relevance_map_is_fitted_from_the_command_line(cli: Command, folder: Path) -> None:
    animals = "otter badger heron trout newt viper lynx wolf mole stoat hare kite crane toad eel pike".split()
    animals += "seal shrew adder boar goat deer".split()
    data = write_beir(
        folder / "animals",
        corpus=[{"_id": name, "title": "", "text": f"The {name} eats what it finds."} for name in animals],
        queries=[{"_id": f"q-{name}", "text": f"What does the {name} eat?"} for name in animals],
        qrels=[f"q-{name}\t{name}\t1" for name in animals],
    )
    done = cli("calibrate", "search", "--data", data, "--out", "map.json")
    assert done.code == 0, done.err
    assert "from 22 queries" in done.out
    found = json.loads((folder / "map.json").read_text())
    assert found["fitted_on"].startswith("animals ")
    assert found["expected"][2][0] == "f1"
    few = cli("calibrate", "search", "--data", write_beir(folder / "pets"), "--out", "few.json")
    assert few.code == 2
    assert "at least 20 queries" in few.err
    assert not (folder / "few.json").exists()
