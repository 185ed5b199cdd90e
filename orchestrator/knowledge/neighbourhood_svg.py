"""A neighbourhood as a static SVG: the document in the middle, what names it left, what it names right."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from orchestrator.knowledge.mention_graph import Neighbour, Neighbourhood

_ROW, _WIDTH, _BOX, _MARGIN = 34, 900, 240, 20
#: Characters of a title that fit into a box.
_FITS = 32


def neighbourhood_svg(found: Neighbourhood) -> str:
    """The drawing; it needs no script and no font of its own."""
    rows = max(len(found.names), len(found.named_by), 1)
    height = rows * _ROW + 2 * _MARGIN
    middle = height / 2
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
            f'width="{_WIDTH}" height="{height}" role="img" font-family="sans-serif" font-size="12">'
        ),
        f"<title>{escape(found.title)}: what it names, and what names it</title>",
    ]
    center = (_WIDTH - _BOX) / 2
    parts += _side(found.named_by, _MARGIN, _MARGIN + _BOX, center, middle, rows)
    parts += _side(found.names, _WIDTH - _MARGIN - _BOX, _WIDTH - _MARGIN - _BOX, center + _BOX, middle, rows)
    parts += _box(center, middle, found.title, "#1f4e79", "white")
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _side(
    neighbours: Sequence[Neighbour], left: float, edge: float, center: float, middle: float, rows: int
) -> list[str]:
    first = _MARGIN + (rows - len(neighbours)) * _ROW / 2 + _ROW / 2
    parts: list[str] = []
    for number, neighbour in enumerate(neighbours):
        height = first + number * _ROW
        width = min(6.0, 1.0 + neighbour.passages / 4)
        parts.append(
            f'<line x1="{edge:g}" y1="{height:g}" x2="{center:g}" y2="{middle:g}" '
            f'stroke="#9db4c8" stroke-width="{width:g}"><title>{escape(", ".join(neighbour.names))} '
            f"({neighbour.passages})</title></line>"
        )
        parts += _box(left, height, neighbour.title, "#e8eff5", "#222")
    return parts


def _box(left: float, middle: float, title: str, fill: str, ink: str) -> list[str]:
    shown = title if len(title) <= _FITS else f"{title[: _FITS - 1]}…"
    return [
        f'<rect x="{left:g}" y="{middle - 13:g}" width="{_BOX}" height="26" rx="4" fill="{fill}"/>',
        (
            f'<text x="{left + _BOX / 2:g}" y="{middle + 4:g}" text-anchor="middle" fill="{ink}">'
            f"{escape(shown)}<title>{escape(title)}</title></text>"
        ),
    ]
