"""Draws an outline of a tree as SVG: boxes in columns by depth, without scripts or fonts of its own."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from orchestrator.tree.outline import SHORT, OutlineRow, shown_texts

#: Sizes in pixels: a box, the room between columns and rows, the margin.
WIDTH, HEIGHT = 300, 40
COLUMN, ROW = 350, 50
MARGIN = 20
#: Letters of a line in a box.
LETTERS = 42

_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1a1a1a}"
    "text.note{font-size:11px;fill:#555}"
    "rect{stroke:#7a8794;stroke-width:1;rx:5}"
    "rect.result{stroke:#1b5e9e;stroke-width:2.5}"
    "path{fill:none;stroke:#b5bec7;stroke-width:1.2}"
    "path.taken{stroke:#1b5e9e;stroke-width:2}"
)


def drawn(rows: Sequence[OutlineRow], title: str) -> str:
    """The SVG of an outline. Of a search, what is more relevant is darker, and the way to it is blue."""
    places = _places(rows)
    right = max((x for x, _ in places.values()), default=0) + WIDTH + MARGIN
    low = max((y for _, y in places.values()), default=0) + HEIGHT + MARGIN
    taken = _taken(rows)
    size = f'width="{right}" height="{low}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right} {low}" {size} role="img">',
        f"<title>{_text(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect {size} style="fill:#fff;stroke:none"/>',
    ]
    for row in rows:
        if row.parent in places:
            parts.append(_edge(places[row.parent], places[row.id], taken=row.id in taken))
    texts = shown_texts(rows)
    parts += [_box(row, texts[row.id], *places[row.id]) for row in rows]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _places(rows: Sequence[OutlineRow]) -> dict[str, tuple[int, int]]:
    """Where the boxes lie: each without children in a row of its own, each other beside its children."""
    children: dict[str, list[str]] = {}
    depths = {row.id: row.depth for row in rows}
    for row in rows:
        children.setdefault(row.parent, []).append(row.id)
    heights: dict[str, float] = {}
    free = 0
    # After its parent comes all that lies below it: from the end, children come first.
    for row in rows:
        if row.id not in children:
            heights[row.id] = free
            free += 1
    for row in reversed(rows):
        if row.id in children:
            below = [heights[child] for child in children[row.id]]
            heights[row.id] = (min(below) + max(below)) / 2
    return {
        name: (MARGIN + COLUMN * depths[name], MARGIN + round(ROW * height))
        for name, height in heights.items()
    }


def _taken(rows: Sequence[OutlineRow]) -> set[str]:
    """What lies on the way to a result."""
    parents = {row.id: row.parent for row in rows}
    found: set[str] = set()
    for row in rows:
        name = row.id if row.rank is not None else ""
        while name and name not in found:
            found.add(name)
            name = parents.get(name, "")
    return found


def _edge(start: tuple[int, int], end: tuple[int, int], *, taken: bool) -> str:
    x, y = start[0] + WIDTH, start[1] + HEIGHT // 2
    to_x, to_y = end[0], end[1] + HEIGHT // 2
    middle = (x + to_x) // 2
    kind = ' class="taken"' if taken else ""
    return f'<path{kind} d="M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}"/>'


def _box(row: OutlineRow, shown: str, x: int, y: int) -> str:
    shade = 0.0 if row.relevance is None else min(1.0, max(0.0, row.relevance))
    fill = f"hsl(209 60% {98 - round(28 * shade)}%)" if row.kind != "passage" else "#fffdf5"
    kind = ' class="result"' if row.rank is not None else ""
    whole = f"{shown}\n{row.summary}" if row.summary != shown else shown
    return (
        f"<g><title>{_text(whole)}</title>"
        f'<rect{kind} x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" style="fill:{fill}"/>'
        f'<text x="{x + 8}" y="{y + 16}">{_text(_cut(shown))}</text>'
        f'<text class="note" x="{x + 8}" y="{y + 32}">{_text(_note(row))}</text></g>'
    )


def _note(row: OutlineRow) -> str:
    told = [f"{row.leaves:,} passages · {row.id[:SHORT]}"] if row.kind != "passage" else []
    if row.rank is not None:
        told.append(f"result {row.rank}")
    if row.round is not None:
        told.append(f"round {row.round}")
    if row.score is not None:
        told.append(f"score {row.score:.2f}")
    if row.relevance is not None:
        told.append(f"relevance {row.relevance:.2f}")
    if row.hidden:
        told.append(f"{row.hidden} more")
    return " · ".join(told) if told else "passage"


def _cut(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"


def _text(text: str) -> str:
    """Text for XML: without characters that it has no place for."""
    return escape("".join(letter for letter in text if letter >= " " or letter in "\n\t"))
