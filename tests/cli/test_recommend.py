"""`orchestrator recommend`: from files to a slate, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.testing.shop import made_up_log, write_shop
from tests.cli.conftest import Command

pytestmark = pytest.mark.slow

pytest.importorskip("scipy", reason="scipy is not installed: the extra `recommend` has it")


@pytest.fixture
def shop(folder: Path) -> Path:
    """A log and an item table in S3-Rec's layout."""
    path = folder / "shop"
    write_shop(path)
    return path


def test_from_a_log_to_a_slate(cli: Command, shop: Path) -> None:
    trained = cli("recommend", "train", "--data", shop, "--rankers", "fusion", "--json")
    assert trained.code == 0
    assert trained.json["rankers"] == ["popularity", "itemknn", "rules", "attributes", "fusion"]
    top = cli("recommend", "top", "--user", "user-0003", "-k", "4", "--json")
    assert top.code == 0
    assert len(top.json["items"]) == 4
    assert top.json["items"][0]["ranker"] == trained.json["default"]
    filtered = cli(
        "recommend", "top", "--items", "soap-01,soap-02", "--where", "brand=Acme", "--exclude", "soap-03"
    )
    assert filtered.code == 0
    assert "Acme" in filtered.out
    assert "soap-03" not in filtered.out
    assert cli("recommend", "withdraw", "soap-06").code == 0
    assert "soap-06" not in cli("recommend", "top", "--items", "soap-05", "-k", "60").out


def test_what_is_recommended_leaves_a_trace(cli: Command, shop: Path) -> None:
    cli("recommend", "train", "--data", shop, "--rankers", "rules")
    top = cli("recommend", "top", "--items", "soap-01", "-k", "3", "--json")
    trace = cli("trace", top.json["run_id"], "--json")
    assert trace.code == 0
    assert [step["path"] for step in trace.json["steps"]] == ["recommend", "make_slate"]
    assert [each["id"] for each in trace.json["output"]["value"]["items"]] == [
        each["id"] for each in top.json["items"]
    ]


def test_a_slate_is_the_answer_to_a_question(cli: Command, shop: Path) -> None:
    cli("recommend", "train", "--data", shop, "--rankers", "fusion")
    asked = cli("ask", "What next?", "--workflow", "recommend", "--json")
    assert asked.code == 0
    assert len(asked.json["citations"]) == 10
    assert asked.json["answer"].startswith("1. ")


def test_a_changed_table_is_taken_into_use_without_training(cli: Command, shop: Path) -> None:
    refused = cli("recommend", "refresh", "--data", shop)
    assert refused.code == 2
    assert "Nothing was trained yet" in refused.err
    cli("recommend", "train", "--data", shop, "--rankers", "fusion")
    with (shop / "items.jsonl").open("a") as file:
        file.write('{"_id": "soap-10", "title": "Acme soap number 10", "brand": "Acme", "family": "soap"}\n')
    done = cli("recommend", "refresh", "--data", shop, "--json")
    assert done.code == 0
    assert done.json["rankers"] == ["popularity", "itemknn", "rules", "attributes", "fusion"]
    assert (done.json["edition"], done.json["new"], done.json["gone"]) == ("version-2", 1, 0)
    assert done.json["left_out"] == {}
    assert "rules is carried over" in done.err
    top = cli("recommend", "top", "--items", "soap-00,soap-03", "--ranker", "attributes", "-k", "5")
    assert "soap-10" in top.out
    again = cli("recommend", "refresh", "--data", shop)
    assert again.out.strip().endswith("for 240 users and 61 items; 0 new, 0 gone")
    assert "Example: " in cli("recommend", "refresh", "--help").out


def test_a_field_of_attributes_without_names_is_said(cli: Command, shop: Path) -> None:
    rows = [
        {"_id": item.id, "title": item.title, "attributes": [value for _, value in item.attributes]}
        for item in made_up_log().items.rows
    ]
    (shop / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    cli("recommend", "train", "--data", shop, "--rankers", "rules")
    done = cli("recommend", "top", "--items", "soap-01", "--where", "brand=Acme", "-k", "2", "--json")
    assert done.code == 0
    assert done.json["notes"] == [
        "The attributes of the items have no names: 'brand' was looked for among all of them."
    ]
    assert "have no names: 'brand'" in done.err
    named = cli("recommend", "top", "--items", "soap-01", "--where", "attributes=Acme", "-k", "2")
    assert "Note:" not in named.err


def test_an_item_whose_id_has_a_comma_is_named(cli: Command, shop: Path) -> None:
    for file in shop.iterdir():
        file.write_text(file.read_text().replace("soap-03", "soap,03").replace("soap-04", "soap,04"))
    cli("recommend", "train", "--data", shop, "--rankers", "rules")
    top = cli("recommend", "top", "--items", '"soap,03",soap-02', "--items", '"soap,04"', "-k", "60")
    assert top.code == 0
    assert "passed over" not in top.err
    assert "57 of 60 places are filled" in top.err
    assert "soap,03" not in top.out
    assert "soap,04" not in top.out
    assert "soap,03" in cli("recommend", "top", "--items", "soap-02", "-k", "60").out
    left = cli("recommend", "top", "--items", "soap-02", "--exclude", '"soap,03"', "-k", "60")
    assert "soap,03" not in left.out
    torn = cli("recommend", "top", "--items", '"soap,03')
    assert torn.code == 2
    assert "--items" in torn.err


def test_an_item_is_withdrawn_though_a_model_cannot_be_opened(cli: Command, shop: Path) -> None:
    cli("recommend", "train", "--data", shop, "--rankers", "rules")
    (matrix,) = Path().rglob("rules/matrix.npz")
    matrix.write_bytes(matrix.read_bytes()[:200])
    torn = cli("recommend", "top", "--items", "soap-01")
    assert torn.code == 2
    assert "cannot be read" in torn.err
    done = cli("recommend", "withdraw", "soap-06", "soap-07")
    assert done.code == 0
    assert done.out.strip() == "2 items withdrawn"
    assert cli("recommend", "withdraw", "soap-06", "--back", "--json").json == {"withdrawn": ["soap-07"]}


def test_cold_users_and_items_are_said(cli: Command, shop: Path) -> None:
    cli("recommend", "train", "--data", shop, "--rankers", "fusion")
    cold = cli("recommend", "top", "--user", "nobody", "-k", "2")
    assert cold.code == 0
    assert "The user 'nobody' is not known" in cold.err
    assert len(cold.out.splitlines()) == 2
    odd = cli("recommend", "top", "--items", ",".join(["soap-01"] * 500 + ["gone"]), "-k", "2")
    assert odd.code == 0
    assert "passed over: gone" in odd.err
    everything = ",".join(made_up_log().items.ids)
    empty = cli("recommend", "top", "--user", "user-0001", "--exclude", everything)
    assert empty.code == 0
    assert empty.out == ""
    assert "Nothing is left to offer" in empty.err


def test_an_evaluation_writes_its_report(cli: Command, shop: Path, folder: Path) -> None:
    done = cli(
        "recommend",
        "evaluate",
        "--data",
        shop,
        "--rankers",
        "popularity,rules",
        "--json",
        folder / "report.json",
    )
    assert done.code == 0
    assert "| rules |" in done.out
    report = json.loads((folder / "report.json").read_text())
    assert set(report["rankers"]) == {"popularity", "rules"}
    assert report["rankers"]["rules"]["kept"]["ndcg@10"] > 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--data", "nowhere"], "nowhere does not exist"),
        (["evaluate", "--data", "shop", "--rankers", "magic"], "There is no ranker 'magic'"),
        (["evaluate", "--data", "shop", "--rankers", ","], "--rankers names none"),
        (["train", "--data", "shop", "--model", "huge"], "There is no model 'huge'"),
        (["top", "--user", "x"], "Nothing was trained yet"),
        (["top"], "Neither a user nor items"),
        (["top", "--user", "x", "--where", "brand"], "is not FIELD=VALUE"),
        (["withdraw", "x"], "Nothing was trained yet"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    cli: Command, shop: Path, arguments: list[str], message: str
) -> None:
    done = cli("recommend", *arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_the_data_itself_is_refused_by_its_line(cli: Command, shop: Path) -> None:
    (shop / "items.jsonl").write_text('{"_id": "a"}\n{"title": "no id"}\n')
    done = cli("recommend", "train", "--data", shop)
    assert done.code == 2
    assert "line 2" in done.err


def test_the_doctor_looks_whether_the_checkpoint_in_use_is_served(cli: Command, shop: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed: the extra `train` has it")
    assert "decoder" not in cli("doctor").out
    # Nobody listens there.
    config = shop.parent / "orchestrator.toml"
    config.write_text('[connectors.vllm.decode]\nurl = "http://127.0.0.1:9"\n')
    # Where nothing is kept yet, looking makes nothing, and has nothing to say of it.
    assert "decoder" not in cli("doctor").out
    (shop.parent / "note.md").write_text("Otters build dams.")
    assert cli("index", "add", shop.parent / "note.md").code == 0
    assert "No ranker was trained yet" in cli("doctor").out
    trained = cli("recommend", "train", "--data", shop, "--rankers", "generative", "--model", "tiny")
    assert trained.code == 0
    found = [each for each in cli("doctor", "--json").json if each["name"] == "decoder"]
    assert [each["state"] for each in found] == ["note"]
    assert "http://127.0.0.1:9" in found[0]["detail"]
    # It is decoded all the same.
    assert cli("recommend", "top", "--user", "user-0003", "-k", "3", "--ranker", "generative").code == 0
