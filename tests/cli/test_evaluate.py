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


@pytest.mark.slow
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
    assert "Note: chat did less than it could on 3 queries" in done.out
    assert done.out.isascii()
    # The index of a data set is none to ask.
    assert "eval-" not in cli("ask", "what?").err
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


@pytest.mark.slow
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


@pytest.mark.slow
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
        (["search", "--data", "pets", "--metrics", "bleu"], "There is no metric 'bleu'"),
        (["search", "--data", "pets", "--metrics", ","], "No metric was named"),
        (["search", "--data", "pets", "--metrics", "alpha_ndcg@10"], "needs judgements of aspects"),
        (["search", "search", "--data", "pets"], "Two arms are called 'search'"),
        (["search", "--data", "pets", "--plot", "a.doc"], "A plot cannot be written as 'a.doc'"),
        (["search", "--data", "pets", "--split", "dev"], "splits there: test"),
        (["search", "--data", "pets", "--topics", "a.tsv"], "both --topics and --qrels"),
        (["search", "--data", "pets", "--json", "pets"], "pets cannot be written"),
        (["search", "--data", "pets", "--json", "pets/corpus.jsonl/a"], "cannot be written"),
        (["search", "--data", "pets", "--runs", "pets/corpus.jsonl"], "cannot be a folder for runs"),
        (["gone.run", "--data", "pets"], "There is no file gone.run"),
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


@pytest.mark.slow
def test_a_plot_is_drawn(cli: Command, folder: Path, pets: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    assert cli("evaluate", "search", "--data", pets, "--plot", "plots/a.svg").code == 0
    assert (folder / "plots" / "a.svg").read_text().count("<svg") == 1


@pytest.mark.slow
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
    again = cli("calibrate", "search", "--data", data, "--out", "map.json", "--json")
    assert json.loads(again.out)["queries"] == 22
    found = json.loads((folder / "map.json").read_text())
    assert found["fitted_on"].startswith("animals ")
    assert found["expected"][2][0] == "f1"
    few = cli("calibrate", "search", "--data", write_beir(folder / "pets"), "--out", "few.json")
    assert few.code == 2
    assert "at least 20 queries" in few.err
    assert not (folder / "few.json").exists()


@pytest.mark.slow
def test_sources_are_weighed_from_the_command_line(cli: Command, folder: Path) -> None:
    animals = "otter badger heron trout newt viper lynx wolf mole stoat hare kite crane toad eel pike".split()
    animals += "seal shrew adder boar goat deer swan carp raven robin finch ibex moose bison".split()
    good = [{"_id": name, "text": f"Notes from a trip. The {name} eats what it finds."} for name in animals]
    junk = [{"_id": f"junk-{n}", "text": f"What does the {n} eat? The {n} eats."} for n in animals]
    write_lines(folder / "reports" / "good" / "a.jsonl", good)
    write_lines(folder / "reports" / "junk" / "a.jsonl", junk)
    data = write_beir(
        folder / "judged",
        corpus=[*good, *junk],
        queries=[{"_id": f"q-{name}", "text": f"What does the {name} eat?"} for name in animals],
        qrels=[f"q-{name}\t{name}\t1" for name in animals],
    )
    weighed = ("source-weights", "search", "--data", data, "--out", "sources.json")
    empty = cli(*weighed)
    assert empty.code == 2
    assert "There is no index 'default'" in empty.err
    assert cli("index", "add", "reports", "--label", "staff").code == 0
    closed = cli(*weighed)
    assert closed.code == 2
    assert "Nothing that judged judges relevant" in closed.err
    assert not (folder / "sources.json").exists()
    reader = ("--principal", "default:staff")
    done = cli(*weighed, *reader)
    assert done.code == 0, done.err
    assert "reports/junk" in done.out
    weights = json.loads((folder / "sources.json").read_text())["weights"]
    assert [(Path(name).name, weight) for name, weight in weights] == [("junk", 0.0)]
    lowered = cli("source-weights", "search", "--data", data, "--method", "reweight", "--json", *reader).json
    assert lowered["weights"] is None
    assert Path(lowered["sources"][0]["source"]).name == "junk"
    assert lowered["sources"][0]["weight"] < 1.0
    assert lowered["held_out"]["gain"]["low"] > 0.0
    assert lowered["learned"] + lowered["held_out"]["queries"] == len(animals)


@pytest.mark.slow
def test_whatever_is_odd_in_a_set_is_counted_and_changes_no_score_in_silence(
    cli: Command, folder: Path
) -> None:
    data = write_beir(
        folder / "odd",
        corpus=[
            {"_id": "d1", "title": "Cats\tand mats", "text": "the cat\tsat on\nthe mat"},
            {"_id": "d1", "title": "Cats\tand mats", "text": "the cat\tsat on\nthe mat"},
            {"_id": "d2", "text": "a dog chased the cat"},
        ],
        queries=[
            {"_id": "q1", "text": "cat\ton a mat"},
            {"_id": "q2", "text": " "},
            {"_id": "q3", "text": "never judged"},
            {"_id": "q4", "text": "dog " * 100_000},
        ],
        qrels=["q1\td1\t1", "q1\tgone\t1", "q2\td1\t1", "q4\td2\t1", "q9\td1\t1"],
    )
    write_lines(data / "hierarchy.jsonl", [{"_id": "gone", "path": ["a"]}])
    write_lines(data / "triples.jsonl", [{"_id": "gone", "triples": [["a", "b", "c"]]}])
    done = cli("evaluate", "search", "hybrid", "--data", data, "--metrics", "recall@5", "--json", "out.json")
    assert done.code == 0, done.err
    for told in (
        "1 × a document is there twice, and counts once (d1)",
        "1 × a judged document is not in the corpus: nothing can find it, and it counts as missed (gone)",
        "1 × a judged query is empty: it is not run, and scores 0 (q2)",
        "1 × a query has no judgement and is left out (q3)",
        "1 × judgements name a query that does not exist, and are left out (q9)",
        "1 × a query is longer than 5000 words",
        "1 × hierarchy.jsonl places a document that is not in the corpus: it is left out (gone)",
        "1 × triples.jsonl has triples of a document that is not in the corpus: they are left out (gone)",
    ):
        assert told in " ".join(done.out.split()), told
    report = json.loads((folder / "out.json").read_text())
    for name in ("search", "hybrid"):
        found = report["arms"][name]["metrics"]["recall@5"]["mean"]
        assert found == pytest.approx((0.5 + 0.0 + 1.0) / 3)


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("corpus.jsonl", '{"_id": "d1", "text": "other"}', "two different documents have the id 'd1'"),
        ("queries.jsonl", '{"_id": "q1", "text": "other"}', "two different queries have the id 'q1'"),
        ("qrels/test.tsv", "q1\td1\t0", "grades document 'd1' of query 'q1' 0, and a line before it 2"),
        ("corpus.jsonl", '{"_id": "d\\t9", "text": "x"}', "has the _id 'd\\t9', which is empty or has a tab"),
        ("hierarchy.jsonl", '{"_id": "d1", "path": ["a", ""]}', "hierarchy.jsonl line 1: has an empty level"),
        ("triples.jsonl", '{"_id": "d1", "triples": "a"}', "triples.jsonl line 1: has no usable triples"),
        ("triples.jsonl", '{"_id": "d1"}', "triples.jsonl line 1: has no usable triples"),
    ],
)
def test_what_makes_scores_meaningless_is_refused_by_its_line(
    cli: Command, folder: Path, pets: Path, file: str, line: str, message: str
) -> None:
    with (pets / file).open("a") as opened:
        opened.write(f"{line}\n")
    done = cli("evaluate", "search", "--data", pets)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert not (folder / ".orchestrator" / "indexes").exists()


@pytest.mark.slow
def test_stored_reformulations_are_an_arm_and_unknown_queries_are_counted(
    cli: Command, folder: Path, pets: Path
) -> None:
    (folder / "stored.tsv").write_text("q1\tmat mat mat\nq3\tsleeping dog\n")

    def arm(unknown: str) -> None:
        (folder / "replayed.py").write_text(
            "from orchestrator import workflow\n"
            "from orchestrator.nodes import StoredReformulations, Retrieve\n"
            f"recorded = StoredReformulations('stored.tsv', 'pets/queries.jsonl', unknown={unknown!r})\n"
            "replayed = workflow('replayed', recorded >> Retrieve(mode='bm25'))\n"
        )

    arm("refuse")
    refused = cli("evaluate", "replayed.py", "--data", pets, "--json", "a.json")
    assert refused.code == 0, refused.err
    assert "stored.tsv has no reformulation of this query: 'morning birds'" in " ".join(refused.out.split())
    arm("keep")
    kept = cli("evaluate", "replayed.py", "--data", pets, "--json", "b.json")
    assert kept.code == 0, kept.err
    assert "stored.tsv has no reformulation of this query: it is asked as it is" in " ".join(kept.out.split())
    with (folder / "stored.tsv").open("a") as opened:
        opened.write("q99\tunknown\n")
    arm("refuse")
    done = cli("evaluate", "replayed.py", "--data", pets)
    assert done.code == 2
    assert "1 reformulations of queries that pets/queries.jsonl lacks (q99)" in " ".join(done.err.split())
