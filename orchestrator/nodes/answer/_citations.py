"""Citations of a model's answer, verified while it is being written.

A model cites excerpts by the numbers that it was shown. What reaches the reader is numbered by
first appearance, cites only excerpts that exist, and is the same whether it was streamed or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from orchestrator.text.quotation import spaced_numbers
from orchestrator.text.thoughts import ThoughtFilter

#: The longest citation, link or tag; what is longer is plain text. Decisions look no further, so
#: that they are the same however the text was cut into pieces.
_LONGEST = 600

_SPECIAL = re.compile(r"[\[\]【<`!\s]")
_SPACE = re.compile(r"\s+")
_TICKS = re.compile(r"`+")
_CITATION = re.compile(
    r"[\[【][ \t]*(?:(?:excerpt|source|passage|document|doc|ref(?:erence)?)s?\.?:?[ \t]*)?"
    r"(?P<numbers>[\^#]?\d{1,9}(?:[ \t]*(?:,|;|–|-|&|and)[ \t]*[\^#]?\d{1,9})*)[ \t]*"
    r"(?:†[^\[\]【】\n]{0,80})?[\]】]",
    re.IGNORECASE,
)
_RANGE = re.compile(r"(\d{1,9})(?:[ \t]*[–-][ \t]*[\^#]?(\d{1,9}))?")
_LINK = re.compile(
    r"\[(?P<text>[^\[\]\n]*)\]\([ \t]*<?(?P<address>[^()\s<>]*)>?(?:[ \t]+[\"'][^\n]*?[\"'])?[ \t]*\)"
)
_ADDRESS = re.compile(r"\([^()\s]*(?:[ \t]+\"[^\"\n]*\")?\)")
_ACTIVE = "audio|base|embed|form|iframe|img|input|link|meta|object|script|source|style|svg|video"
_TAG = re.compile(rf"</?(?:{_ACTIVE})\b[^>]*>", re.IGNORECASE)
_TAG_BEGUN = re.compile(rf"</?(?:[a-z]{{0,8}}$|(?:{_ACTIVE})\b[^>]*$)", re.IGNORECASE)
_FENCE = re.compile(r"`{3,}[^`\n]*(?=\n)")
_SPAN = re.compile(r"(`+)(?!`)[^\n]*?(?<!`)\1(?!`)")


class CitationFilter:
    """Verify the citations of a streamed answer, piece by piece. One instance per answer.

    `count` excerpts were shown, numbered from 1. `support` names the excerpt that a statement is
    taken from, for citations that name none that exists: these are repaired, or else dropped.
    Images, active HTML, thoughts and links to addresses outside `addresses` are taken out, since an
    excerpt may have asked for them.
    """

    def __init__(
        self,
        count: int,
        *,
        support: Callable[[str], int | None] | None = None,
        addresses: Collection[str] = (),
    ) -> None:
        self._count = count
        self._support = support
        self._addresses = addresses
        self._waiting = ""
        self._space = ""
        self._fence = ""
        self._thoughts = ThoughtFilter(stands=True)
        self._written = False
        self._statement = ""
        self._here: set[int] = set()
        self._gone = False
        self._opening = False
        self._bracketed = False
        self._numbers: dict[int, int] = {}
        self.repaired = 0
        self.dropped = 0

    @property
    def cited(self) -> tuple[int, ...]:
        """Numbers of the excerpts cited so far, in the order of their new numbers 1, 2, …"""
        return tuple(self._numbers)

    def feed(self, piece: str) -> str:
        """Add a piece of the model's text; returns the text that may be shown now."""
        self._waiting += self._thoughts.feed(piece)
        return self._advance(final=False)

    def close(self, *, whole: bool = True) -> str:
        """End the text; returns the rest. A whole answer without citations gets its best supporting one."""
        self._waiting += self._thoughts.close()
        rest = self._advance(final=True)
        if whole and not self._numbers and self._support and (number := self._support(self._statement)):
            self.repaired += 1
            rest += f" [{self._number(number)}]"
        return rest

    # -- reading -----------------------------------------------------------------------------------

    def _advance(self, *, final: bool) -> str:
        shown: list[str] = []
        going_on = True
        while self._waiting and going_on:
            read = self._read_fence if self._fence else self._read_text
            going_on = read(shown, final)
        return "".join(shown)

    def _read_text(self, shown: list[str], final: bool) -> bool:
        """Take one piece of prose from what waits; False if more must be written first."""
        waiting = self._waiting
        special = _SPECIAL.search(waiting)
        at = special.start() if special else len(waiting)
        if at:
            shown.append(self._plain(self._take(at)))
            return True
        first = waiting[0]
        if first.isspace():
            run = self._take(_SPACE.match(waiting).end())  # type: ignore[union-attr]
            self._space = run if self._gone else self._space + run
            self._gone = False
            return True
        if first == "`":
            return self._open_code(shown, final)
        if first == "<":
            return self._read_tag(shown, final)
        if first == "]":
            return self._read_end(shown, final)
        if first == "!":
            if waiting == "!" and not final:
                return False
            if waiting.startswith("!["):
                # Without its mark, an image is a link, and is treated as one.
                self._waiting = waiting[1:]
                return self._read_bracket(shown, final, image=True) or self._wait_again("!")
            shown.append(self._plain(self._take(1)))
            return True
        return self._read_bracket(shown, final, image=False)

    def _wait_again(self, mark: str) -> bool:
        self._waiting = mark + self._waiting
        return False

    def _read_end(self, shown: list[str], final: bool) -> bool:
        """A bracket that ends no citation and no link that is known must not become a link."""
        if len(self._waiting) == 1 and not final:
            return False
        linking = self._waiting[1:2] in ("(", ":")
        shown.append(self._plain(self._take(1) + (" " if linking else "")))
        return True

    def _read_bracket(self, shown: list[str], final: bool, *, image: bool) -> bool:
        window = self._waiting[:_LONGEST]
        open_ended = not final and len(window) < _LONGEST and "\n" not in window
        citation = _CITATION.match(window)
        if citation:
            end = citation.end()
            if end == len(window) and open_ended:
                return False
            if window[end : end + 1] == "(":
                address = _ADDRESS.match(window, end)
                if address is None and open_ended and ")" not in window[end:]:
                    return False
                if image and address:
                    self._take(address.end())
                    self._gone = True
                    return True
                end = address.end() if address else end
            if image:
                # "So it is![1]": an exclamation, and then a citation.
                shown.append(self._plain("!"))
                self._space = " "
            self._take(end)
            shown.append(self._cite(citation.group("numbers")))
            return True
        link = _LINK.match(window)
        if link:
            self._take(link.end())
            text = link.group("text")
            if not image and link.group("address") in self._addresses and "<" not in text:
                shown.append(self._plain(link.group()))
            else:
                # Read again as prose: it may hold a tag, or the beginning of one.
                self._waiting = text + self._waiting
            return True
        close = window.find("]")
        undecided = close < 0 or close == len(window) - 1 or window[close + 1] == "("
        if undecided and open_ended:
            return False
        shown.append(self._plain(self._take(1)))
        return True

    def _read_tag(self, shown: list[str], final: bool) -> bool:
        window = self._waiting[:_LONGEST]
        if tag := _TAG.match(window):
            self._take(tag.end())
            return True
        begun = _TAG_BEGUN.match(window)
        if begun and not final and len(window) < _LONGEST:
            return False
        self._take(1)
        # A tag that never ends is shown as text, not as the tag that a browser would make of it.
        shown.append(self._plain("&lt;" if begun and len(begun.group()) > 2 else "<"))
        return True

    def _open_code(self, shown: list[str], final: bool) -> bool:
        """Code is what Markdown takes for code: a fence, or a span that is closed on its line."""
        window = self._waiting[:_LONGEST]
        open_ended = not final and len(window) < _LONGEST and "\n" not in window
        ticks = _TICKS.match(window).group()  # type: ignore[union-attr]
        if len(ticks) >= 3 and self._at_margin():
            if fence := _FENCE.match(window):
                self._fence = ticks
                shown.append(self._plain(_as_code(self._take(fence.end()))))
                return True
        elif not self._statement.endswith("\\") and (span := _SPAN.match(window)):
            if span.end() == len(window) and open_ended:
                return False
            shown.append(self._plain(_as_code(self._take(span.end()))))
            return True
        if open_ended:
            return False
        shown.append(self._plain(self._take(len(ticks))))
        return True

    def _at_margin(self) -> bool:
        """Whether what comes next begins its line, with the three blanks at most that a fence may have."""
        indent = self._space.rpartition("\n")[2]
        return (not self._written or "\n" in self._space) and len(indent) <= 3 and "\t" not in indent

    def _read_fence(self, shown: list[str], final: bool) -> bool:
        """Fenced code is shown a line at a time."""
        line, end, _ = self._waiting.partition("\n")
        if not end and not final:
            return False
        self._take(len(line) + len(end))
        shown.append(self._plain(_as_code(line)))
        self._space += end
        ticks = line.strip()
        if ticks.startswith(self._fence) and not ticks.strip("`"):
            self._fence = ""
        return True

    def _take(self, end: int) -> str:
        taken, self._waiting = self._waiting[:end], self._waiting[end:]
        return taken

    # -- writing -----------------------------------------------------------------------------------

    def _plain(self, text: str) -> str:
        """Text, after the space that waits: none opens an answer, or is left where a citation was."""
        if not text:
            return ""
        space = self._space if self._written else ""
        if self._gone and text[0] in ".,;:!?)":
            space = ""
        if self._opening and text[0] == ":":
            # "[1]: address" at the start of a line would make every [1] a link.
            space = space or " "
        if self._bracketed and text[0] == "(":
            # Whatever was dropped between them, a citation and a parenthesis must not become a link.
            space = space or " "
        self._space, self._gone, self._written, self._opening = "", False, True, False
        self._bracketed = text[-1] == "]"
        self._here.clear()
        self._statement = (self._statement + space + text)[-600:]
        return space + text

    def _cite(self, numbers: str) -> str:
        """The new numbers of what is cited, each once; an empty string if there is nothing to cite."""
        marks: list[str] = []
        for named in _named(numbers):
            number = named if 1 <= named <= self._count else None
            if number is None:
                number = self._support(self._statement) if self._support else None
                self.repaired += number is not None
                self.dropped += number is None
            if number is not None and number not in self._here:
                self._here.add(number)
                marks.append(f"[{self._number(number)}]")
        if not marks:
            self._gone = True
            return ""
        space = self._space if self._written else ""
        self._opening = not self._written or "\n" in self._space
        self._space, self._gone, self._written, self._bracketed = "", False, True, True
        self._statement = ""
        return space + "".join(marks)

    def _number(self, excerpt: int) -> int:
        return self._numbers.setdefault(excerpt, len(self._numbers) + 1)


def _as_code(text: str) -> str:
    """Code as it is, but for what would be a citation or a link if it were no code after all."""
    return spaced_numbers(text).replace("](", "] (")


def _named(numbers: str) -> list[int]:
    """The numbers of `1, 3–5`; a range that is no short one counts as its ends."""
    found: list[int] = []
    for match in _RANGE.finditer(numbers):
        first, last = int(match.group(1)), int(match.group(2) or match.group(1))
        found += range(first, last + 1) if first <= last < first + 20 else [first, last]
    return found
