"""Reads one reply, whole or from the pieces of a stream, into a `Generation`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from connectors.vllm import answers
from connectors.vllm.answers import Json, rows, table, text
from connectors.vllm.replies import Said, broken, choices_of, finish_of, reason_of, said
from orchestrator.errors import ModelError, ModelUnreachable
from orchestrator.models.usage import Spending
from orchestrator.ports import Finish, GeneratedToken, Generation
from orchestrator.text.thoughts import TAGS, ThoughtFilter
from orchestrator.text.tokens import token_count
from orchestrator.types import Usage


class ReplyReader:
    """Reads the objects of one reply, in their order. A reply that is not streamed is one object.

    `body` is the request. `on_text` is shown the text as it comes, and no thoughts; of a model whose template
    begins a thought (`inside`), that is what comes after its end.
    """

    def __init__(
        self,
        server: str,
        model: str,
        body: Json,
        *,
        tags: Iterable[str] = TAGS,
        inside: bool = False,
        on_text: Callable[[str], None] | None = None,
    ) -> None:
        self._server = server
        self._model = model
        self._body = body
        self._words = ThoughtFilter(tags, inside=inside)
        self._written: list[str] = []
        self._on_text = on_text
        self._told: Usage | None = None
        self._thoughts: list[str] = []
        self._refusal = ""
        self._calls_tools = False
        self._reason: Any = None
        self._whole = False
        self._steps: list[tuple[str, dict[str, float]]] = []
        self._choices = 0
        self._pieces = 0
        #: Whether any text was shown, whether it was read to its end, and tokens of thoughts by the server.
        self.shown = False
        self.closed = False
        self.thought_tokens = 0

    @property
    def headless(self) -> bool:
        """Whether the text began in a thought."""
        return self._words.headless

    @property
    def spent(self) -> Usage:
        """What is known to be spent of a reply that broke off: a token a piece, unless the server says."""
        return self._told or Usage(completion_tokens=self._pieces)

    def feed(self, answer: Json) -> None:
        """Read one object."""
        if answer.get("usage"):
            self._told = answers.usage(answer)
            self.thought_tokens = answers.thought_tokens(answer)
        for choice in choices_of(answer):
            self._feed_choice(choice)

    def close(self, *, said_done: bool = True) -> Generation[Any]:
        """The reply; ModelUnreachable if the server broke it off, ModelError if it has no choice.

        `said_done` tells that the server ended it, and not the line.
        """
        ended = self._reason is not None or self._whole or (said_done and self._choices > 0)
        if broken(self._reason) or (not ended and (self._choices > 0 or not said_done)):
            raise ModelUnreachable(
                f"The model server {self._server} broke off an answer of {self._model!r}.",
                hint="Its log says why; ask again.",
            )
        if not self._choices:
            with Spending(self._told or Usage(1)):
                raise ModelError(
                    f"The model server {self._server} answered without a choice for {self._model!r}.",
                    hint="Its log says why.",
                )
        self.closed = True
        self._show(self._words.close(complete=finish_of(self._reason, Said("x")) == "stop"))
        whole = self._said()
        finish = self._finish(whole)
        tokens = _placed(self._steps, whole.text)
        return Generation(whole.text, None, self._usage(whole), finish, whole.reasoning, tokens)

    # -- parts ---------------------------------------------------------------------------------

    def _feed_choice(self, choice: Json) -> None:
        self._choices += 1
        whole = choice.get("message")
        if whole is not None and self._pieces and not self._whole:
            # What was streamed is told once more at its end.
            whole = None
        self._whole = self._whole or whole is not None
        piece = said(choice.get("delta") or whole or {"content": choice.get("text")})
        self._pieces += bool(piece.text or piece.reasoning)
        self._thoughts.append(piece.reasoning)
        self._refusal += piece.refusal
        self._calls_tools |= piece.calls_tools
        self._written.append(piece.text)
        if "logprobs" in self._body:
            self._steps += answers.steps(choice)
        self._show(self._words.feed(piece.text))
        self._reason = reason_of(choice) or self._reason

    def _show(self, piece: str) -> None:
        if piece and self._on_text is not None:
            self.shown = True
            self._on_text(piece)

    def _said(self) -> Said:
        thoughts = "\n".join(filter(None, ("".join(self._thoughts).strip(), self._words.thoughts)))
        words = self._words.text
        written = "".join(self._written)
        if self._on_text is None and "response_format" in self._body and written.lstrip().startswith("{"):
            # An object begins at once, and may hold a tag in a string.
            words, thoughts = written, "".join(self._thoughts).strip()
        return Said(words, thoughts, self._refusal, self._calls_tools)

    def _finish(self, whole: Said) -> Finish:
        finish = finish_of(self._reason, whole)
        if finish == "length" and self.thought_tokens and not whole.text.strip():
            # OpenAI counts thoughts, and does not show them.
            return "no_text"
        limit = self._body.get("max_tokens") or self._body.get("max_completion_tokens")
        if self._reason is None and finish == "stop" and self._told and isinstance(limit, int):
            # Nobody says why it ended: at its limit, it was cut off there.
            return "length" if self._told.completion_tokens >= limit else finish
        return finish

    def _usage(self, whole: Said) -> Usage:
        """What the server says of each number, if it can be believed, and else an estimate."""
        told = self._told or Usage(1)
        prompt, completion = told.prompt_tokens, told.completion_tokens
        if not prompt:
            messages = rows(self._body.get("messages"))
            prompt = sum(token_count(text(message.get("content"))) + 4 for message in messages)
        if not completion:
            written = token_count(whole.text) + token_count(whole.reasoning) + token_count(whole.refusal)
            completion = max(written, self._pieces if not self._whole else 0)
        return Usage(1, prompt, completion)


def _placed(steps: Sequence[tuple[str, Mapping[str, float]]], text: str) -> tuple[GeneratedToken, ...]:
    """The tokens that a text is made of; none if it is not what the tokens are together.

    There are more where thoughts were taken out of it, or where the server lists the token of its end.
    """
    at = -"".join(token for token, _ in steps).rfind(text) if text else 1
    if at > 0:
        return ()
    placed: list[GeneratedToken] = []
    for token, likeliest in steps:
        if at < len(text) and at + len(token) > 0:
            placed.append(GeneratedToken(at, token, likeliest))
        at += len(token)
    return tuple(placed)


def first_choice(answer: Json, model: str, servers: str) -> Json:
    """The first choice of an answer; ModelError if it has none."""
    choices = choices_of(answer)
    if not choices:
        with Spending(answers.usage(answer)):
            raise ModelError(
                f"The model server {servers} answered without a choice for {model!r}.",
                hint="Its log says why.",
            )
    return table(choices[0])
