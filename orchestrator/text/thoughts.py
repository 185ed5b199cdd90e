"""Separates what a reasoning model thinks from what it answers, in whole texts and in streams.

Models think between tags (`<think>…</think>`), which a server without a parser for them leaves in the text.
Everything that reads a model's text reads it without them, by `split_thoughts`, `answer_of` or
`ThoughtFilter`. Four habits are known:

* a thought anywhere, in one of `TAGS`, in Mistral's or Kimi's brackets, or in a channel of harmony;
* a thought that has only an end, since the chat template wrote its beginning: all before the end is thought;
* a thought that has no end, since the tokens ran out: there is no answer;
* a tag that is only talked about, in quotation marks, or as code between backticks or in a fence: it is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

#: Tags between which models think: DeepSeek-R1, Qwen3 and Rank-R1 write the first, GroupRank `reason`.
TAGS: tuple[str, ...] = ("think", "thinking", "thought", "reason", "reasoning")
_BRACKETS = (("[think]", "[/think]"), ("◁think▷", "◁/think▷"))
_FINAL = "<|channel|>final<|message|>"
_CHANNELS = tuple(
    (f"<|channel|>{name}<|message|>", ("<|end|>", _FINAL)) for name in ("analysis", "commentary")
)
#: What the harmony format has around an answer, and belongs neither to it nor to a thought.
_FRAME = (_FINAL, "<|start|>assistant", "<|start|>", "<|return|>", "<|end|>")
#: Before a tag that is talked about, and not meant.
_QUOTED = "`\"'“‘«"
_ANSWER = re.compile(r"<answer>", re.IGNORECASE)
_ANSWER_END = re.compile(r"</answer>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Split:
    """A text without its `thoughts`, and these; `unclosed` if the last of them has no end."""

    text: str
    thoughts: str = ""
    unclosed: bool = False


def split_thoughts(text: str, tags: Iterable[str] = TAGS) -> Split:
    """What a text says, and what was thought before and in between. Without a thought, the text as it is."""
    found = ThoughtFilter(tags)
    found.feed(text)
    found.close()
    return Split(found.text, found.thoughts, found.unclosed)


def answer_of(text: str, tags: Iterable[str] = TAGS) -> str:
    """The answer of a text: what its last `<answer>` holds, or all of it, without thoughts.

    An `<answer>` that was cut off counts up to where it ends.
    """
    said = split_thoughts(text, tags).text
    begun = list(_ANSWER.finditer(said))
    if not begun:
        return said.strip()
    return _ANSWER_END.split(said[begun[-1].end() :], maxsplit=1)[0].strip()


class ThoughtFilter:
    """Takes the thoughts out of a text that comes in pieces, cut anywhere. One instance per text.

    `feed` and `close` return what may be shown; `text` is all of that. `tags` are names (`think`), or
    beginning and end with a blank between them (`[THINK] [/THINK]`). `inside` says that the text begins in a
    thought: otherwise a thought without a beginning is noticed at its end, and `text` then begins anew,
    though what was shown cannot be taken back. With `stands`, what was shown is text for good: of an end
    without a beginning, the tag alone is left out.
    """

    def __init__(self, tags: Iterable[str] = TAGS, *, inside: bool = False, stands: bool = False) -> None:
        self._marks = _marks(tuple(tags))
        self._stands = stands
        self._waiting = ""
        self._shown: list[str] = []
        self._thoughts: list[str] = []
        self._before = ""
        self._ends: tuple[str, ...] = self._marks.ends if inside else ()
        self._assumed = inside
        self._headless = False
        self._trims = False

    @property
    def text(self) -> str:
        """What is no thought, so far."""
        return "".join(self._shown)

    @property
    def thoughts(self) -> str:
        """What was thought so far."""
        return "".join(self._thoughts).strip()

    @property
    def unclosed(self) -> bool:
        """Whether a thought has begun and not ended."""
        return bool(self._ends)

    @property
    def headless(self) -> bool:
        """Whether a thought ended that had not begun: the model's template begins it."""
        return self._headless

    def feed(self, piece: str) -> str:
        """Add a piece; the text that may be shown now."""
        self._waiting += piece
        return self._read(final=False)

    def close(self, *, complete: bool = True) -> str:
        """End the text; what is left to show.

        A text that was taken to begin in a thought and has no end of one is an answer if it is `complete`.
        """
        shown = self._read(final=True)
        if self._assumed and complete:
            shown = self._show("".join(self._thoughts))
            self._thoughts.clear()
            self._ends, self._assumed = (), False
        return shown

    # -- reading -------------------------------------------------------------------------------

    def _read(self, final: bool) -> str:
        shown: list[str] = []
        while self._waiting:
            if not (self._skip(final) if self._ends else self._pass(shown, final)):
                break
        return "".join(shown)

    def _skip(self, final: bool) -> bool:
        """Go on to the end of the thought; False if it is not there yet."""
        match = _pattern(self._ends).search(self._waiting)
        if match is None:
            cut = len(self._waiting) - (0 if final else _begun(self._waiting, self._ends))
            self._thoughts.append(self._waiting[:cut])
            self._waiting = self._waiting[cut:]
            return False
        self._thoughts += [self._waiting[: match.start()], "\n"]
        self._waiting = self._waiting[match.end() :]
        self._ends, self._assumed, self._trims = (), False, not self.text.strip()
        return True

    def _pass(self, shown: list[str], final: bool) -> bool:
        """Show text up to the next tag, and what the tag means; False if more must come first."""
        match = _pattern(self._marks.all).search(self._waiting)
        if match is None or (not final and self._may_go_on(match)):
            cut = len(self._waiting) - (0 if final else _begun(self._waiting, self._marks.all))
            shown.append(self._show(self._waiting[:cut]))
            self._waiting = self._waiting[cut:]
            return False
        before, mark = self._waiting[: match.start()], match.group()
        self._waiting = self._waiting[match.end() :]
        if _is_code(self.text + before) or (self._before + before)[-1:] in tuple(_QUOTED):
            shown.append(self._show(before + mark))
            return True
        kind = mark.lower()
        if kind in self._marks.frame or (self._stands and kind not in self._marks.pairs):
            shown.append(self._show(before))
        elif kind in self._marks.pairs:
            shown.append(self._show(before))
            self._ends = self._marks.pairs[kind]
        else:
            self._begin_anew(before)
        self._trims = not self.text.strip()
        return True

    def _may_go_on(self, match: re.Match[str]) -> bool:
        """Whether what stands there may become a longer tag."""
        rest = self._waiting[match.start() :].lower()
        return any(len(mark) > len(rest) and mark.startswith(rest) for mark in self._marks.all)

    def _begin_anew(self, before: str) -> None:
        """A thought ends that never began: what came before was one."""
        self._thoughts += [*self._shown, before, "\n"]
        self._shown.clear()
        self._before = ""
        self._headless = True

    def _show(self, text: str) -> str:
        if self._trims:
            text = text.lstrip()
        if text:
            self._trims = False
            self._shown.append(text)
            self._before = text[-1]
        return text


def _is_code(before: str) -> bool:
    """Whether what comes behind a text is in a fence, or in a span that is open on this line."""
    return bool(before.count("```") % 2 or before.rpartition("\n")[2].count("`") % 2)


# -- tags ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Marks:
    """Tags in lower case: ends by beginning, all ends, the frame, and all together."""

    pairs: dict[str, tuple[str, ...]]
    ends: tuple[str, ...]
    frame: tuple[str, ...]
    all: tuple[str, ...]


@lru_cache(maxsize=32)
def _marks(tags: tuple[str, ...]) -> _Marks:
    pairs: dict[str, tuple[str, ...]] = dict(_CHANNELS)
    for begin, end in (*(_pair(tag) for tag in tags), *_BRACKETS):
        pairs[begin] = (end,)
    ends = tuple(dict.fromkeys(end for each in pairs.values() for end in each if end not in _FRAME))
    return _Marks(pairs, ends, _FRAME, tuple(dict.fromkeys((*pairs, *ends, *_FRAME))))


@lru_cache(maxsize=128)
def _pattern(marks: tuple[str, ...]) -> re.Pattern[str]:
    """Any of some tags, the longest first, in either case."""
    return re.compile("|".join(map(re.escape, sorted(marks, key=len, reverse=True))), re.IGNORECASE)


def _pair(tag: str) -> tuple[str, str]:
    """Beginning and end of a tag, as a setting writes it: a name, or both with a blank between them."""
    begin, _, end = tag.strip().lower().partition(" ")
    return (begin, end.strip()) if end else (f"<{begin}>", f"</{begin}>")


@lru_cache(maxsize=128)
def _begins(marks: tuple[str, ...]) -> re.Pattern[str]:
    """What a tag may begin with."""
    firsts = "".join(re.escape(each) for each in sorted({mark[0] for mark in marks}))
    return re.compile(f"[{firsts}]", re.IGNORECASE)


def _begun(text: str, marks: tuple[str, ...]) -> int:
    """How many characters at the end of a text may be the beginning of a tag."""
    start = len(text) - max(map(len, marks)) + 1
    for first in _begins(marks).finditer(text, max(0, start)):
        end = text[first.start() :].lower()
        if any(mark.startswith(end) for mark in marks):
            return len(end)
    return 0
