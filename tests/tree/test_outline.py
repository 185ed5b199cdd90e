"""Outlines and drawings of trees, and of searches."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from orchestrator.tree.drawing import HEIGHT, drawn
from orchestrator.tree.outline import OutlineRow, printed


def rows() -> list[OutlineRow]:
    return [
        OutlineRow("root", "", 0, "root", "", "", 4, relevance=1.0, round=1),
        OutlineRow("topic" * 5, "root", 1, "topic", "Bees & <tides>", "What they do.", 3, 0.5, 0.75, 2),
        OutlineRow("p1", "topic" * 5, 2, "passage", "Bees", "Bees dance.\x00", 1, 0.9, 0.8, rank=1),
        OutlineRow("p2", "topic" * 5, 2, "passage", "Bees", "Bees sleep." * 30, 1, 0.4, 0.5, rank=2),
        OutlineRow("other", "root", 1, "document", "Tea", "Green.", 1, 0.1, 0.3, hidden=7),
    ]


def test_a_line_says_what_a_search_made_of_a_node() -> None:
    lines = printed(rows(), width=100)
    assert lines[0] == "root  root  (4 passages, round 1, relevance 1.00)"
    told = "Bees & <tides>  (3 passages, round 2, score 0.50, relevance 0.75)"
    assert lines[1] == f"  topictopic  {told}"
    assert lines[2].endswith("(result 1, score 0.90, relevance 0.80)")
    assert lines[4].endswith("relevance 0.30, 7 not shown)")
    assert max(map(len, lines)) <= 100


def test_a_drawing_is_xml_without_scripts_and_boxes_lie_apart() -> None:
    text = drawn(rows(), "Search for <bees>")
    top = ElementTree.fromstring(text)
    assert "script" not in text
    boxes = [
        (int(each.attrib["x"]), int(each.attrib["y"]))
        for each in top.iter("{http://www.w3.org/2000/svg}rect")
        if "x" in each.attrib
    ]
    assert len(boxes) == len(set(boxes)) == len(rows())
    for x, y in boxes:
        assert all(abs(y - other) >= HEIGHT for column, other in boxes if column == x and other != y)
    assert len(re.findall('class="taken"', text)) == 3
    assert "Search for &lt;bees&gt;" in text


def test_an_empty_outline_is_an_empty_drawing() -> None:
    ElementTree.fromstring(drawn([], "nothing"))
    assert printed([]) == []
