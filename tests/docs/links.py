"""The links of a Markdown page, and the anchors that its headings have on GitHub."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@cache
def prose(page: Path) -> str:
    """The text of a page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[tuple[Path, str]]:
    """The file and the anchor of every link that stays in the repository."""
    found = re.findall(r"\]\((?!https?://)([^)\s]*)\)", prose(page))
    parts = (target.partition("#") for target in found)
    return [((page.parent / path).resolve() if path else page, anchor) for path, _, anchor in parts]


@cache
def anchors(page: Path) -> frozenset[str]:
    """What `#…` may say of a page: its headings in lower case, hyphens for spaces, other marks dropped."""
    seen: Counter[str] = Counter()
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", prose(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        found.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return frozenset(found)


def reachable(start: Path) -> set[Path]:
    """Every Markdown page that links lead to."""
    seen: set[Path] = set()
    ahead = [start.resolve()]
    while ahead:
        page = ahead.pop()
        if page not in seen and page.suffix == ".md" and page.exists():
            seen.add(page)
            ahead += [target for target, _ in links(page)]
    return seen
