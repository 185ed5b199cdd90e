"""Relevance scores of texts, by a server of its own: vLLM's `/score`, or the `/rerank` of others.

With such a server alone, `ScoringModel` is the `LanguageModel` port: it scores, and writes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from connectors.vllm import answers
from connectors.vllm.failures import translated
from connectors.vllm.line import Line
from connectors.vllm.negotiation import Agreements
from connectors.vllm.scoring_forms import Form, FormName, forms_of, scores_in
from connectors.vllm.served import Served, Serving
from connectors.vllm.servers import Servers
from orchestrator.errors import ContextTooLong, ModelError, ModelKeyRefused, ModelTimeout, UnknownModel
from orchestrator.models.null import NullModel
from orchestrator.models.usage import Spending
from orchestrator.ports import Operation, Scores
from orchestrator.text.tokens import token_count
from orchestrator.types import Usage

#: Texts in one request: enough to fill a server's batch, few enough to share them among several.
BATCH = 64


class Scorer:
    """Asks a server for the relevance of texts to a query; texts that are too long are cut there.

    `form` names what the server speaks; by default that is found out with the first request.
    """

    def __init__(self, servers: Servers, model: str | None = None, *, form: FormName | None = None) -> None:
        self._servers = servers
        self.serving = Serving(servers, model, names_itself=False)
        self._forms = forms_of(form)
        self._agreements = Agreements()
        self._finding = asyncio.Lock()

    @property
    def name(self) -> str:
        """The model's name, as far as it is known."""
        return self.serving.name

    async def resolved_name(self) -> str:
        """The model's name, asked for if need be."""
        return await self.serving.resolved_name()

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """A score for each text, in their order; higher is better."""
        if not texts:
            return Scores(())
        served = await self.serving.served()
        parts = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        with Spending() as spending:
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(self._part(served.name, query, part, spending)) for part in parts
                    ]
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from None
            return Scores(tuple(value for task in tasks for value in task.result()), spending.usage)

    async def close(self) -> None:
        """Close the connections."""
        await self._servers.close()

    async def _part(
        self, model: str, query: str, texts: Sequence[str], spending: Spending
    ) -> tuple[float, ...]:
        if len(self._forms) == 1:
            answer = await self._posted(self._forms[0], model, query, texts)
        else:
            async with self._finding:
                answer = await self._found(model, query, texts)
        used = answers.usage(answer)
        told = used.prompt_tokens or answers.count(answers.table(answer.get("usage")).get("total_tokens"))
        estimated = sum(map(token_count, texts)) + len(texts) * token_count(query)
        spending.add(Usage(1, told or estimated, used.completion_tokens))
        with Spending():
            return scores_in(answer, len(texts), self._servers.names, model)

    async def _found(self, model: str, query: str, texts: Sequence[str]) -> answers.Json:
        """The answer in the first form that the server takes; that is its form from then on."""
        for form in self._forms[:-1]:
            try:
                answer = await self._posted(form, model, query, texts, may_lack=True)
            except _Lacks:
                continue
            self._forms = (form,)
            return answer
        answer = await self._posted(self._forms[-1], model, query, texts)
        self._forms = self._forms[-1:]
        return answer

    async def _posted(
        self, form: Form, model: str, query: str, texts: Sequence[str], *, may_lack: bool = False
    ) -> answers.Json:
        """The answer; `_Lacks` if the server may lack this form, and does: it is not ill for that."""
        body = form.body(model, query, texts)

        async def ask(line: Line) -> answers.Json | None:
            terms = self._agreements.of(line.server.address.api, model)
            try:
                return await terms.agreed(
                    body, lambda agreed: line.post_for_rows(form.path, agreed, at_root=form.at_root)
                )
            except Exception as error:
                failure = translated(error, line.server.address.root, model, self._servers.setting)
                if may_lack and failure is not None and _of_form(failure):
                    return None
                raise

        answer = await self._servers.send(model, ask)
        if answer is None:
            raise _Lacks
        return answer


class _Lacks(Exception):
    """A server does not take texts in this form."""


def _of_form(failure: ModelError) -> bool:
    """Whether another form may be taken: not if the key, the model or the length is wrong."""
    wrong = isinstance(failure, ModelKeyRefused | ContextTooLong | UnknownModel | ModelTimeout)
    return not failure.retryable and not wrong


class ScoringModel(NullModel):
    """A language model that only scores texts; generation is not available."""

    scores_texts = True

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    @property
    def name(self) -> str:
        """The scoring model's name, as far as it is known."""
        return self._scorer.name

    async def resolved_name(self, operation: Operation = "score") -> str:
        """The same, asked for if need be."""
        return await self._scorer.resolved_name()

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Relevance by the cross-encoder or embedder of the server."""
        return await self._scorer.score(query, texts)

    async def server_info(self) -> list[tuple[str, Served]]:
        """What each server serves, named `scores`; raises ModelError if one does not answer."""
        return [("scores", each) for each in await self._scorer.serving.each()]

    async def close(self) -> None:
        """Close the connections."""
        await self._scorer.close()
