"""What a server does not take: learned from its refusals, once, and left out from then on.

Servers that speak OpenAI's protocol lack fields of it, and each says so in its own words. A refusal names the
field, in `param`, in the place of a validation error, or in its text. The request is then made again with
an amendment: another name, a smaller number, another place in the prompt, or without the field. Amendments
are remembered for the server and its model. Each is made once, and a request is amended a few times at most,
so that a request which is simply wrong still gets its error.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from connectors.vllm.amendments import BESIDE_TEXT, DESCRIBED, change, without
from connectors.vllm.answers import Json
from connectors.vllm.failures import error_of
from connectors.vllm.refusals import proposed
from orchestrator.errors import NoLogProbabilities

log = logging.getLogger("orchestrator.models")

ResultT = TypeVar("ResultT")

#: How often one request is amended. LiteLLM names all fields at once, OpenAI one at a time.
TRIES = 8
#: Statuses of a request that was read and not taken.
_REFUSALS = (400, 422, 501)
#: What llama.cpp says with a status of 500, and others of a field that they lack.
_LACKING = re.compile(r"(un|not )supported|not implemented|grammar|schema conversion", re.IGNORECASE)


class Terms:
    """What one server takes of requests to one model. `own` are fields that the user asked for: they stay."""

    def __init__(self, server: str, model: str, own: Iterable[str] = ()) -> None:
        self._server = server
        self._model = model
        self._own = frozenset(own)
        self._amendments: dict[str, str] = {}
        #: Whether the model thinks where it was not asked to; and whether its template begins a thought,
        #: where it shall think and where it shall not.
        self.thinks = False
        self.begins_inside: dict[bool, bool] = {}
        self._said = False

    @property
    def learned(self) -> tuple[str, ...]:
        """What was negotiated, in words for people."""
        return tuple(described(name, value) for name, value in self._amendments.items())

    def lacks(self, name: str) -> bool:
        """Whether an amendment of this name was made."""
        return name in self._amendments

    async def agreed(
        self, body: Json, ask: Callable[[Json], Awaitable[ResultT]], *, is_text: bool = False
    ) -> ResultT:
        """What `ask` returns for a request, amended as often as the server refuses a field of it.

        NoLogProbabilities if it takes none for log-probabilities, unless what `is_text` is wanted, which is
        there without. What refuses them beside a text, such as one of a schema, may give them for a choice.
        """
        made: dict[str, str] = {}
        for left in reversed(range(TRIES + 1)):
            # Others learn meanwhile: a refusal is of the request as it was.
            before = dict(self._amendments)
            amended = self._amended(body, is_text)
            try:
                result = await ask(amended)
            except Exception as error:
                new = self._proposed(error, amended, before) if left else {}
                if is_text and "logprobs" in new:
                    # A text is worth more than they are: whatever else is named may be taken without them.
                    new = {BESIDE_TEXT: ""}
                if not new:
                    # It is wrong in another way: what was left out for it may well be taken.
                    if left:
                        self._forget(made)
                    raise
                made |= {name: value for name, value in new.items() if self._amendments.get(name) != value}
                self._amendments |= new
            else:
                self._tell(made)
                return result
        raise AssertionError("The last attempt returns or raises.")

    def refuses(self, error: Exception, body: Json) -> bool:
        """Whether an error is the refusal of a field that can be done without."""
        return bool(self._proposed(error, body, self._amendments))

    def _amended(self, body: Json, is_text: bool) -> Json:
        if is_text and {"logprobs", BESIDE_TEXT} & self._amendments.keys():
            body = without(body, "logprobs", "top_logprobs")
        if "logprobs" in body and "logprobs" in self._amendments:
            if not self._said:
                self._said = True
                log.warning("%s gives no log-probabilities for %r.", self._server, self._model)
            raise NoLogProbabilities(
                f"The model server {self._server} gives no log-probabilities for {self._model!r}.",
                hint="Take a server that does, or a strategy that needs none: `groupwise`, `listwise`.",
            )
        for name, value in self._amendments.items():
            body = change(name)(body, value)
        return body

    def _proposed(self, error: Exception, body: Json, before: Mapping[str, str]) -> dict[str, str]:
        """What to change after an error; nothing if it names no field that can be done without."""
        found = error_of(error)
        if found is None:
            return {}
        status, said = found
        refused = status in _REFUSALS or (status == 500 and _LACKING.search(said.text))
        if not refused or said.too_long or said.refuses_key:
            return {}
        changes = dict(proposed(said, body, self._own))
        # The same again would be refused again.
        return {name: value for name, value in changes.items() if before.get(name) != value}

    def _forget(self, made: dict[str, str]) -> None:
        for name, value in made.items():
            if self._amendments.get(name) == value:
                del self._amendments[name]

    def _tell(self, made: dict[str, str]) -> None:
        for name, value in made.items():
            log.info("%s, for %r: %s from now on.", self._server, self._model, described(name, value))


class Agreements:
    """The terms of each server and model. `own` are fields that the user asked for."""

    def __init__(self, own: Iterable[str] = ()) -> None:
        self._own = tuple(own)
        self._terms: dict[tuple[str, str], Terms] = {}

    def of(self, server: str, model: str) -> Terms:
        """The terms of one server for one model."""
        found = self._terms.get((server, model))
        if found is None:
            found = self._terms[server, model] = Terms(server, model, self._own)
        return found

    @property
    def learned(self) -> list[tuple[str, str]]:
        """What was negotiated, by server."""
        return [(server, each) for (server, _), terms in self._terms.items() for each in terms.learned]


def described(name: str, value: str) -> str:
    """An amendment in words for people."""
    told = DESCRIBED.get(name) or DESCRIBED.get(name.partition(":")[0], "`{name}` is left out")
    return told.format(name=name, value=value)
