"""Answers from PDF files cite the page on which the fact stands."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from orchestrator import Application
from orchestrator.settings import Settings
from tests.indexing.pdf_samples import Written, column, pdf_of, table

PAGES = 12
FIRST = (
    "Ada Bela Cleo Dora Egon Fay Gus Hilde Ivo Jana Karl Lena Milo Nora Otto Pia Quin Rosa Sten Tilda".split()
)
LAST = (
    "Pond Lark Heath Wood Marsh Dale Moss Thorn Brook Glen Frost Wren Finch Ford Hale Kemp Lund Nash".split()
)
THINGS = (
    "lantern anchor barrel ladder signal engine harp bucket compass rudder winch buoy kettle mirror".split()
)
PLACES = "north quay,south quay,old tower,fish market,customs house,east dock,rope yard,boat shed".split(",")


def contacts() -> tuple[bytes, Mapping[str, tuple[str, int]]]:
    """A table over all pages, and the page of each question with its answer."""
    draw = random.Random(7)
    names = [f"{first} {last}" for first in FIRST for last in LAST]
    draw.shuffle(names)
    rows = [
        (name, draw.choice(("Legal", "Sales", "IT")), f"555-{1000 + at}")
        for at, name in enumerate(names[:300])
    ]
    pages = [[("Name", "Department", "Phone"), *rows[at : at + 25]] for at in range(0, 300, 25)]
    asked = {
        f"What is the phone number of {name}?": (phone, at // 25 + 1)
        for at, (name, _, phone) in enumerate(rows)
    }
    chosen = draw.sample(sorted(asked), 40)
    written = [list(table(60, 740, page, width=150)) for page in pages]
    # Some programs write a table column by column.
    written[::2] = [sorted(page, key=lambda cell: cell.x) for page in written[::2]]
    return pdf_of(written), {one: asked[one] for one in chosen}


def manual() -> tuple[bytes, Mapping[str, tuple[str, int]]]:
    """Two columns a page, with heads and numbers, and a fact in each column."""
    draw = random.Random(3)
    pages: list[list[Written]] = []
    asked: dict[str, tuple[str, int]] = {}
    pairs = [(thing, place) for thing in THINGS for place in PLACES]
    draw.shuffle(pairs)
    for number in range(1, PAGES + 1):
        page = [Written(60, 785, "Handbook of the Harbour"), Written(500, 785, str(number))]
        page.append(
            Written(
                60,
                750,
                f"Part {number}: what the {FIRST[number]} and {LAST[number]} rooms of the harbour keep",
                18,
            )
        )
        for x in (60, 310):
            lines: list[str] = []
            for _ in range(2):
                thing, place = pairs.pop()
                code = f"{draw.choice('ABCD')}{draw.randrange(1000, 9999)}"
                lines += [
                    "The staff of the harbour keep their",
                    "tools in many places, and each has a",
                    f"code. The code of the {thing} at the",
                    f"{place} is {code} this year.",
                    "It is changed by the office in spring.",
                    "Whoever needs another one has to ask",
                    "for it in writing a week before.",
                ]
                asked[f"What is the code of the {thing} at the {place}?"] = (code, number)
            page += column(x, 700, lines)
        # Some programs write a page line by line, across its columns.
        pages.append(sorted(page, key=lambda line: (-line.y, line.x)) if number % 2 else page)
    return pdf_of(pages), asked


@pytest.mark.slow
@pytest.mark.parametrize("make", [contacts, manual])
async def test_the_page_of_a_fact_is_cited(
    make: Callable[[], tuple[bytes, Mapping[str, tuple[str, int]]]], tmp_path: Path
) -> None:
    data, asked = make()
    (tmp_path / "handbook.pdf").write_bytes(data)
    async with Application(Settings(home=tmp_path / "home", embedder="light")) as application:
        await application.indexer().add(tmp_path / "handbook.pdf")
        right = answered = 0
        for question, (fact, page) in asked.items():
            answer = (await application.run("chat", question)).answer
            assert answer is not None
            if fact not in answer.text:
                continue
            answered += 1
            # The paragraph that tells the fact ends with its citation.
            told = next(part for part in answer.text.split("\n\n") if fact in part)
            right += any(f"[{one.n}]" in told and one.page == page for one in answer.citations)
    assert answered >= 0.9 * len(asked)
    assert right >= 0.95 * answered
