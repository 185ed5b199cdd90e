"""Text on its way to a client, which cannot take back what it was sent."""

from __future__ import annotations

#: Between what was sent in vain and what holds.
BREAK = "\n\n"


class StreamedText:
    """What a client has been sent, beside what the run says.

    A node that begins again repeats what it said before: nothing is sent as long as it agrees with what was
    sent, and then what is new. Where it differs, what holds follows whole, after a blank line, so that the
    text that a client ends with always ends with the answer.
    """

    def __init__(self) -> None:
        self._sent = ""
        self._pieces: list[tuple[str, str]] = []
        self._said = ""
        self._agree = True
        #: Where in what was sent the text begins that holds, in characters.
        self.offset = 0

    @property
    def sent(self) -> str:
        """All that the client was sent."""
        return self._sent

    def add(self, path: str, text: str) -> str:
        """A node said more; what is to be sent now."""
        self._pieces.append((path, text))
        self._said += text
        if self._agree:
            self._sent += text
            return text
        if self._sent[self.offset :].startswith(self._said):
            return ""
        return self._caught_up()

    def restart(self, path: str) -> None:
        """A node begins again: what it said does not count."""
        self._pieces = [piece for piece in self._pieces if piece[0] != path]
        self._said = "".join(text for _, text in self._pieces)
        self._agree = self._said == self._sent[self.offset :]

    def finish(self, answer: str) -> str:
        """The run is over, and this is its answer; what is left to send."""
        self._said = answer
        return self._caught_up()

    def _caught_up(self) -> str:
        rest = self._said.removeprefix(self._sent[self.offset :])
        if not self._said.startswith(self._sent[self.offset :]):
            rest, self.offset = BREAK + self._said, len(self._sent) + len(BREAK)
        self._sent += rest
        self._agree = True
        return rest
