"""Logs and item tables: what is read, what is mended and said, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadInput
from orchestrator.interactions.log_files import Log, read_log
from orchestrator.types import ANONYMOUS, NOBODY, Filter, Principal

ITEMS = (
    {"_id": "a", "title": "Rose soap", "attributes": ["Acme", "Soap"], "brand": "Acme"},
    {"_id": "b", "title": "Mint soap", "attributes": ["Unknown", "Soap"], "price": 3},
    {"_id": "c", "title": "Comb", "labels": ["staff"]},
)


def written(folder: Path, log: str, name: str = "sequences.txt", items: object = ITEMS) -> Log:
    (folder / name).write_text(log, encoding="utf-8")
    if items is not None:
        rows = "\n".join(json.dumps(item) for item in items)  # type: ignore[attr-defined]
        (folder / "items.jsonl").write_text(rows, encoding="utf-8")
    return read_log(folder)


def history(log: Log, user: str) -> list[str]:
    row = log.interactions.of(user)
    assert row is not None
    return [log.items.ids[number] for number in row]


def test_a_line_is_a_user_and_items_in_time_order(tmp_path: Path) -> None:
    log = written(tmp_path, "1 b a c\n2 a b\n")
    assert log.interactions.users == ("1", "2")
    assert history(log, "1") == ["b", "a", "c"]
    assert log.interactions.of("3") is None
    assert log.notes == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("interactions.csv", "user,item,timestamp\nu,b,20\nu,a,10\nv,c,5\nu,a,10\n"),
        ("interactions.csv", "timestamp,item_id,user_id\n20,b,u\n10,a,u\n5,c,v\n10,a,u\n"),
        (
            "interactions.csv",
            "user,item,time\nu,b,2020-01-02\nu,a,2020-01-01T00:00:00\nv,c,2020-01-02\nu,a,2020-01-01T00:00\n",
        ),
        (
            "interactions.jsonl",
            "\n".join(
                json.dumps({"user": user, "item": item, "timestamp": time})
                for user, item, time in [("u", "b", 20), ("u", "a", 10), ("v", "c", 5), ("u", "a", 10)]
            ),
        ),
    ],
)
def test_rows_are_sorted_by_time_and_duplicates_counted(tmp_path: Path, name: str, text: str) -> None:
    log = written(tmp_path, text, name)
    assert history(log, "u") == ["a", "b"]
    assert history(log, "v") == ["c"]
    assert log.notes == ("1 duplicate row left out.", "1 row out of time order sorted in.")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("interactions.csv", "user,item,timestamp,event,rating\nu,a,1,view,\nu,b,2,buy,5\n"),
        (
            "interactions.jsonl",
            "\n".join(
                json.dumps(row)
                for row in (
                    {"user": "u", "item": "a", "timestamp": 1, "event": "view"},
                    {"user": "u", "item": "b", "timestamp": 2, "rating": 5, "event": None},
                )
            ),
        ),
    ],
)
def test_columns_that_are_not_read_are_said(tmp_path: Path, name: str, text: str) -> None:
    (note,) = written(tmp_path, text, name).notes
    assert note.startswith(f"columns event, rating of {name} not read")


def test_the_order_of_the_lines_changes_nothing_but_what_it_says_itself(tmp_path: Path) -> None:
    rows = [f"{user},{item},{user * 7 + item * 3}" for user in range(12) for item in range(user % 5 + 1)]
    for name in ("plain", "shuffled"):
        (tmp_path / name).mkdir()
    plain = written(tmp_path / "plain", "\n".join(["user,item,timestamp", *rows]), "interactions.csv", None)
    Random(3).shuffle(rows)
    text = "\n".join(["user,item,timestamp", *rows])
    shuffled = written(tmp_path / "shuffled", text, "interactions.csv", None)
    one, other = plain.interactions, shuffled.interactions
    assert one.users == other.users
    np.testing.assert_array_equal(one.sequences.items, other.sequences.items)
    np.testing.assert_array_equal(one.sequences.offsets, other.sequences.offsets)
    assert one.sequences.times is not None
    np.testing.assert_array_equal(one.sequences.times, other.sequences.times)


def test_rows_without_times_keep_the_order_of_the_file(tmp_path: Path) -> None:
    log = written(tmp_path, "user,item\nu,b\nu,a\nu,c\n", "interactions.csv")
    assert history(log, "u") == ["b", "a", "c"]
    assert log.notes == ()


def test_oddities_are_mended_and_said(tmp_path: Path) -> None:
    log = written(tmp_path, f"1 b a\n1 b a\n1 c\n2 {'a ' * 500}\n3\n4 new b\n")
    assert history(log, "1") == ["b", "a", "c"]
    assert history(log, "2") == ["a"]
    assert history(log, "3") == []
    assert history(log, "4") == ["new", "b"]
    assert log.notes == (
        "1 duplicate row left out.",
        "1 further line of a user appended to the first.",
        "1 item of the log not in the item table, such as new: known by interactions alone.",
        "499 immediate repetitions of an item in a history ignored.",
        "1 user without an item.",
    )


def test_a_log_alone_is_enough_and_a_table_without_text_is_said(tmp_path: Path) -> None:
    alone = written(tmp_path, "1 x y\n", items=None)
    assert alone.items.ids == ("x", "y")
    assert "no item table" in alone.notes[0]
    bare = written(tmp_path, "1 a b\n", items=[{"_id": "a"}, {"_id": "b", "attributes": ["Unknown", ""]}])
    assert not bare.items.has_text
    assert bare.notes == ("No item has a title or attributes: rankers that read them find nothing.",)


def test_attributes_are_triples_that_filters_can_name(tmp_path: Path) -> None:
    items = written(tmp_path, "1 a b\n").items
    assert items[0].attributes == (("attributes", "Acme"), ("attributes", "Soap"), ("brand", "Acme"))
    assert items[1].attributes == (("attributes", "Soap"), ("price", "3"))
    assert items.fields == ("attributes", "brand", "price")
    assert list(items.matching([Filter("attributes", ("Soap",))])) == [True, True, False]
    assert list(items.matching([Filter("price", (3,)), Filter("attributes", ("Soap",))])) == [
        False,
        True,
        False,
    ]
    assert not items.matching([Filter("brand", ())]).any()


def test_an_item_is_seen_by_its_labels_within_its_tenant(tmp_path: Path) -> None:
    items = written(tmp_path, "1 a b unlisted\n").items
    assert items.ids == ("a", "b", "c", "unlisted")
    assert list(items.readable(ANONYMOUS)) == [True, True, False, False]
    assert list(items.readable(Principal(grants=frozenset({"staff"})))) == [False, False, True, False]
    assert not items.readable(NOBODY).any()
    assert not items.readable(Principal("red", frozenset({"public", "staff"}))).any()


def test_half_a_character_of_a_text_is_replaced(tmp_path: Path) -> None:
    log = written(tmp_path, "1 a b\n", items=[{"_id": "a", "title": "half \ud83d", "mood": "\ud83d\ude00"}])
    assert log.items[0].title == "half ?"
    assert log.items[0].attributes == (("mood", "😀"),)


def test_the_order_of_a_table_changes_nothing(tmp_path: Path) -> None:
    first = written(tmp_path, "1 b a\n")
    second = written(tmp_path, "1 b a\n", items=list(reversed(ITEMS)))
    assert first.items.ids == second.items.ids
    assert first.items.hash == second.items.hash
    assert first.items.hash != written(tmp_path, "1 b a d\n").items.hash


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("sequences.txt", "\n", "holds no interaction"),
        ("interactions.csv", "who,what\n1,2\n", "has the columns who, what"),
        ("interactions.csv", "", "has the columns none"),
        ("interactions.csv", "user,item\n1\n", "line 2: 1 cells under 2 columns"),
        ("interactions.csv", "user,item\n1,\n", "line 2: no item"),
        ("interactions.csv", "user,item,time\n1,2,soon\n", "line 2: the timestamp 'soon'"),
        ("interactions.csv", "user,item,time\n1,2,nan\n", "line 2: the timestamp 'nan'"),
        ("interactions.csv", "user,item,time\n1,2,3\n1,3,\n", "line 3: no timestamp"),
        ("interactions.jsonl", '{"user": 1, "item": 2}\n[1, 2]\n', "line 2: is a JSON list"),
        ("interactions.jsonl", '{"user": 1}\n', "line 1: no item"),
        ("interactions.jsonl", '{"user": 1, "item": "x\\ud800"}\n', "line 1: 'x.*' has half a character"),
        ("interactions.csv", f'user,item\n1,"{"x" * 200_000}"\n', "line 2: field larger than"),
    ],
)
def test_a_log_that_cannot_be_read_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        written(tmp_path, text, name)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "holds no item"),
        ('{"title": "x"}\n', "line 1: the item has no _id"),
        ("{", "is not JSON"),
        ('{"_id": "x\\udc00"}\n', "line 1: the _id 'x.*' has half a character"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "items.jsonl").write_text(table)
    with pytest.raises(BadInput, match=message):
        written(tmp_path, "1 a\n", items=None)


def test_an_empty_or_absent_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no log"):
        read_log(tmp_path)
    with pytest.raises(BadInput, match="does not exist"):
        read_log(tmp_path / "nowhere")


words = st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1, max_size=5)


@given(st.dictionaries(words, st.lists(words, min_size=1, max_size=6), min_size=1, max_size=5))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, log: dict[str, list[str]]) -> None:
    folder = tmp_path_factory.mktemp("log")
    rows = [
        {"user": user, "item": item, "timestamp": at}
        for user, items in log.items()
        for at, item in enumerate(items)
    ]
    (folder / "interactions.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    read = read_log(folder)
    assert list(read.interactions.users) == sorted(log)
    for user, items in log.items():
        expected = [item for at, item in enumerate(items) if at == 0 or items[at - 1] != item]
        assert history(read, user) == expected
    assert np.array_equal(np.sort(np.unique(read.interactions.sequences.items)), np.arange(len(read.items)))


def test_the_log_that_is_read_is_said_where_there_are_several(tmp_path: Path) -> None:
    (tmp_path / "interactions.csv").write_text("user,item\nu,c\n")
    log = written(tmp_path, "u a b\n")
    assert [log.items.ids[number] for number in log.interactions.sequences[0]] == ["a", "b"]
    assert "sequences.txt is read, and not interactions.csv." in log.notes
