"""Text that ends where its client wants it to end: before a stop sequence, or after a number of tokens."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from orchestrator.serving.wire.openai import FinishReason
from orchestrator.text.tokens import token_count

#: A word with the space before it, once it is known to have ended.
_WORD = re.compile(r"\s*\S+(?=\s)")


class LimitedText:
    """Passes text on up to its end, the same however the text was cut into pieces.

    `stops` are the stop sequences: the one that is complete first ends the text, and is not part of it. What
    may be the beginning of one is held back. `tokens` limits what is added with `counted`, by an estimate, at
    the end of a word: it is for text that no model wrote, since a model keeps the limit itself.
    """

    def __init__(self, stops: Sequence[str] = (), tokens: int | None = None) -> None:
        self._stops = stops
        self._left = tokens
        self._unread = ""
        self._word = ""
        #: Characters that were passed on.
        self.length = 0
        #: Why the text ended before its end; None where it did not.
        self.end: FinishReason | None = None

    def add(self, text: str, *, counted: bool = False) -> str:
        """More of the text; what may be shown now."""
        if self.end is not None:
            return ""
        self._unread += text
        stop = self._first_stop()
        if stop is not None:
            ready, self._unread, self.end = self._unread[:stop], "", "stop"
            return self._passed(ready, counted=counted, final=True)
        held = len(self._unread) - self._may_begin_a_stop()
        ready, self._unread = self._unread[:held], self._unread[held:]
        return self._passed(ready, counted=counted, final=False)

    def close(self, *, counted: bool = False) -> str:
        """The text is over; what was held back."""
        if self.end is not None:
            return ""
        ready, self._unread = self._unread, ""
        return self._passed(ready, counted=counted, final=True)

    def _first_stop(self) -> int | None:
        """Where the stop sequence begins that is complete first; the longest of several."""
        found = [(at + len(stop), at) for stop in self._stops if (at := self._unread.find(stop)) >= 0]
        return min(found)[1] if found else None

    def _may_begin_a_stop(self) -> int:
        """How many characters at the end may be the beginning of a stop sequence."""
        # A stop sequence may be as long as a request, what is held of an answer is short.
        held = len(self._unread)
        lengths = (
            length
            for stop in self._stops
            for length in range(1, min(len(stop), held + 1))
            if self._unread.endswith(stop[:length])
        )
        return max(lengths, default=0)

    def _passed(self, text: str, *, counted: bool, final: bool) -> str:
        if self._left is None or not counted:
            shown, self._word = self._word + text, ""
        else:
            shown = self._counted(text, final=final)
        self.length += len(shown)
        return shown

    def _counted(self, text: str, *, final: bool) -> str:
        """As many whole words as the limit leaves room for."""
        self._word += text
        words: list[str] = []
        while self._word:
            match = _WORD.match(self._word)
            if match is None and not final:
                break
            word = match.group() if match is not None else self._word
            cost = token_count(word)
            assert self._left is not None
            if cost > self._left:
                words.append(_beginning(word, self._left))
                self._word, self.end = "", "length"
                break
            self._left -= cost
            words.append(word)
            self._word = self._word[len(word) :]
        return "".join(words)


def _beginning(word: str, tokens: int) -> str:
    """As much of a word as the tokens pay for, in scripts that put no spaces between words."""
    if word.isascii():
        return ""
    return word[: bisect_right(range(1, len(word) + 1), tokens, key=lambda end: token_count(word[:end]))]
