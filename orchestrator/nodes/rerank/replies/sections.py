"""The parts of a reply in which its answer may stand, the likeliest first."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Sized
from typing import TypeVar

from orchestrator.nodes.rerank.replies.spelling import plain
from orchestrator.text.thoughts import answer_of

ReadT = TypeVar("ReadT", bound=Sized)

_FENCE = re.compile(r"```[\w-]*[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
#: A line, or its beginning, that says that the answer follows.
_HEADING = re.compile(
    r"(?:^|\n)[\s#*_>]*(?:(?:so|thus|therefore|hence)[, ]+)?(?:(?:here\s+(?:is|are)|and)\s+)?"
    r"(?:the\s+|my\s+)?"
    r"(?:final|answer|overall|revised|corrected|updated)[^\n:]{0,40}:[\s*_]*",
    re.IGNORECASE,
)

#: Characters of a reply that are looked at, from its end; what is asked for is far shorter.
LONGEST = 12_000
_BLANKS = re.compile(r"[ \t]{3,}")
_EMPTY = re.compile(r"\n(?:[ \t]*\n){3,}")
_RUN = re.compile(r"([^\w\s])\1{7,}")


def spoken(reply: str) -> str:
    """The answer of a reply, its thoughts left out, plainly spelled, and long runs of one mark made short."""
    answer = answer_of(reply)[-LONGEST:]
    return plain(_RUN.sub(r"\1" * 7, _EMPTY.sub("\n\n", _BLANKS.sub("  ", answer))))


def sections(answer: str) -> list[str]:
    """The last fenced block, what follows the last "final …:", and all of it."""
    parts: list[str] = []
    fenced = [block for block in _FENCE.findall(answer) if block.strip()]
    if fenced:
        parts.append(fenced[-1])
    headings = list(_HEADING.finditer(answer))
    if headings:
        parts.append(answer[headings[-1].end() :])
    return [*parts, answer]


def most_told(readings: Sequence[ReadT]) -> ReadT | None:
    """The last reading that says at least half as much as the fullest one; None if none says anything.

    The last word counts, and a remark behind the answer is not the answer.
    """
    fullest = max((len(each) for each in readings), default=0)
    enough = [each for each in readings if each and 2 * len(each) >= fullest]
    return enough[-1] if enough else None


def read_in(answer: str, read: Callable[[str], ReadT]) -> ReadT:
    """What `read` makes of the likeliest section that says enough."""
    readings = [read(part) for part in sections(answer)]
    found = most_told(readings[::-1])
    return readings[-1] if found is None else found
