"""The `LanguageModel` port over vLLM, or any other server that speaks OpenAI's protocol."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.vllm.chat import Chat, length, sampling, steps_of
from connectors.vllm.choosing import Chooser
from connectors.vllm.completing import Completion, completion_request, read_completion
from connectors.vllm.labels import Labels
from connectors.vllm.line import Line
from connectors.vllm.output import constraint, faults, parsed
from connectors.vllm.reading import first_choice
from connectors.vllm.scoring import Scorer
from connectors.vllm.served import Served, Serving
from connectors.vllm.servers import Servers
from orchestrator.errors import (
    InvalidOutput,
    ModelError,
)
from orchestrator.models.usage import Spending
from orchestrator.ports import Generation, GenerationRequest, Operation, Probabilities, Reasoning, Scores
from orchestrator.text.thoughts import TAGS
from orchestrator.types import Message

#: How often a reply that does not fit its schema is asked for.
ASKED = 3


class VllmModel:
    """A model behind one or several servers. Cancelling a call closes its connection, which aborts it there.

    `model` may be left out where the servers have just one. Requests of a tenant carry a `cache_salt` of
    its own, so that the time of an answer tells nothing of what others asked; `secret` makes salts
    unguessable. Without a `scorer`, `score` raises ModelError. `options` are further fields of every
    chat request, such as `{"chat_template_kwargs": {"enable_thinking": False}}`. `reasoning` is what
    the model may think in every call, if the call allows no more; `tags` are those between which it thinks,
    where the server leaves its thoughts in the text.
    """

    available = True

    def __init__(
        self,
        servers: Servers,
        model: str | None = None,
        *,
        scorer: Scorer | None = None,
        secret: str = "",
        options: Mapping[str, Any] | None = None,
        reasoning: Reasoning = 0,
        tags: Sequence[str] = TAGS,
    ) -> None:
        self._servers = servers
        self._serving = Serving(servers, model)
        self._options = dict(options or {})
        self._reasoning: Reasoning = reasoning
        beyond = {} if (reasoning, tuple(tags)) == (0, TAGS) else {"": [reasoning, *tags]}
        told = {**self._options, **beyond}
        self._options_hash = _digest(told) if told else ""
        self._chat = Chat(servers, self._serving, options=self._options, tags=tags)
        self._chooser = Chooser(self._chat, Labels(self._chat, self._options.get("chat_template_kwargs")))
        self._scorer = scorer
        self._secret = secret
        self._salt: str | None = None

    @property
    def name(self) -> str:
        """The model's name, as far as it is known."""
        return self._serving.name

    @property
    def scores_texts(self) -> bool:
        """Whether there is a server that scores."""
        return self._scorer is not None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where its servers are: those that write, and those that score."""
        scoring = self._scorer.serving.addresses if self._scorer is not None else ()
        return (*self._serving.addresses, *scoring)

    def for_tenant(self, tenant: str) -> VllmModel:
        """The same model, its requests kept apart from those of other tenants."""
        view = copy.copy(self)
        view.salted(hmac.digest(self._secret.encode(), tenant.encode(), hashlib.sha256).hex())
        return view

    def salted(self, salt: str) -> None:
        """Put a `cache_salt` on every request from now on."""
        self._salt = salt

    async def resolved_name(self, operation: Operation = "generate") -> str:
        """What answers now: the model's name, asked for if need be, and the options that it is asked with.

        Scores are of the scoring server's model, which has no options.
        """
        if operation == "score" and self._scorer is not None:
            return await self._scorer.resolved_name()
        name = await self._serving.resolved_name()
        return f"{name}+{self._options_hash}" if self._options_hash else name

    async def served(self) -> Served:
        """What the servers serve."""
        return await self._serving.served()

    async def server_info(self) -> list[tuple[str, Served]]:
        """What each server serves, named as `model` or `scores`; raises ModelError if one does not answer."""
        found = [("model", each) for each in await self._serving.each()]
        if self._scorer is not None:
            found += [("scores", each) for each in await self._scorer.serving.each()]
        return found

    @property
    def negotiated(self) -> list[tuple[str, str]]:
        """What servers do not take as it is, and what stands for it: learned of their refusals so far."""
        return self._chat.agreements.learned

    async def close(self) -> None:
        """Close the connections."""
        await self._servers.close()
        if self._scorer is not None:
            await self._scorer.close()

    # -- the port ------------------------------------------------------------------------------

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        """A completion. With a schema, InvalidOutput if no reply of three fits it, or each is cut short.

        What was streamed cannot be taken back: a reply that is streamed is asked for once.
        """
        served = await self.served()
        prompt, schema = request.prompt, request.schema
        reasoning = _more(request.reasoning, self._reasoning)
        body = {
            **self._chat.body(served, prompt, self._salt),
            **length(served, prompt, request.max_tokens, reasoning),
            **sampling(request.temperature, request.top_p, request.seed),
            **steps_of(request.alternatives),
        }
        if schema is None:
            return await self._chat.generated(served, body, on_text, reasoning)
        body |= constraint(schema)
        wrong = ""
        with Spending() as spending:
            for attempt in range(ASKED if on_text is None else 1):
                # The same again would give the same again.
                warmth = max(request.temperature, 0.4 * attempt)
                varied = {**body, **sampling(warmth, request.top_p, request.seed + attempt)}
                if attempt:
                    varied["frequency_penalty"] = 0.5 * attempt
                generation = await self._chat.generated(served, varied, on_text, reasoning)
                spending.add(generation.usage)
                try:
                    value = parsed(generation.text, schema)
                    return replace(generation, parsed=value, usage=spending.usage, finish="stop")
                except ValueError as error:
                    if generation.finish == "length":
                        wrong = f"it is not complete after {request.max_tokens} tokens"
                        continue
                    if not generation.answered:
                        wrong = f"there was no text ({generation.finish})"
                        if generation.reasoning or generation.finish != "no_text":
                            # It would refuse, or think, again.
                            break
                        continue
                    wrong = faults(error)
                    body["messages"] = [
                        *self._chat.body(served, prompt, None)["messages"],
                        {"role": "assistant", "content": generation.text},
                        {
                            "role": "user",
                            "content": f"This cannot be used ({wrong}). Reply with the JSON alone.",
                        },
                    ]
            raise InvalidOutput(
                f"{served.name!r} at {self._servers.names} wrote no valid {schema.__name__}: {wrong}.",
                hint="Allow more max_tokens, name the wanted fields in the prompt, or take another model.",
            )

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """Exact probabilities where the server has `logprob_token_ids`; else from the 20 likeliest tokens.

        Options that are one token each are looked up as they are, with their other spellings; others are
        shown under single-token labels. An option that is not among the 20 gets the most that it can have. If
        all of them together have next to nothing, the model chooses one under a constraint, which then has
        probability 1.
        """
        return await self._chooser.choose(await self.served(), prompt, options, self._salt)

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Relevance by the cross-encoder or embedder of the scoring server."""
        if self._scorer is None:
            raise ModelError(
                f"No server is configured that scores texts: {self.name!r} generates.",
                hint="Set score_url to one that serves a cross-encoder; or rerank with `yes_no`.",
            )
        return await self._scorer.score(query, texts)

    async def complete(
        self,
        prompt: str | Sequence[int],
        *,
        max_tokens: int = 16,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
        candidates: Sequence[int] | None = None,
        constraint: Mapping[str, Any] | None = None,
    ) -> Completion:
        """What follows a text, or its token ids, without a chat template (`/v1/completions`).

        `candidates` are token ids whose log-probabilities are wanted at each step, at most 128 on vLLM as it
        comes; `constraint` is one of vLLM's `structured_outputs`: json, regex, choice or grammar.
        """
        served = await self.served()
        body = completion_request(
            served, prompt, max_tokens=max_tokens, candidates=candidates, constraint=constraint, stop=stop
        )
        body |= sampling(temperature, 1.0, seed)
        if served.vllm and self._salt is not None:
            body["cache_salt"] = self._salt

        async def ask(line: Line) -> dict[str, Any]:
            return await line.post("/completions", body)

        answer = await self._chat.send(served, ask)
        return read_completion(answer, first_choice(answer, served.name, self._servers.names))


def _more(one: Reasoning, other: Reasoning) -> Reasoning:
    """The larger of two allowances."""
    return "model" if "model" in (one, other) else max(int(one), int(other))


def _digest(options: Mapping[str, Any]) -> str:
    """Names options: the same ones in another order are the same."""
    told = json.dumps(options, sort_keys=True, default=str)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:8]
