"""The `Embedder` port over a server's `/v1/embeddings`."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from connectors.vllm import answers
from connectors.vllm.failures import translated
from connectors.vllm.line import Line
from connectors.vllm.negotiation import Agreements
from connectors.vllm.served import Serving
from connectors.vllm.servers import Servers
from orchestrator.errors import ModelError, OrchestratorError
from orchestrator.models.usage import Spending
from orchestrator.ports import Operation
from orchestrator.types import Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Texts in one request: enough to fill a server's batch, few enough to share them among several.
BATCH = 64


class VllmEmbedder:
    """Texts to unit vectors, in requests that the servers share; what is too long is cut by vLLM.

    `query_prefix` goes before queries, for models that were trained with an instruction there. Name and
    dimensions belong to an index's format: the server is asked for them once, when they are first needed.
    """

    #: Its calls take a server's time: they count on the run's budget and trace.
    counts_usage = True

    def __init__(self, servers: Servers, model: str | None = None, *, query_prefix: str = "") -> None:
        self._servers = servers
        self._serving = Serving(servers, model)
        self._model = model
        self._prefix = query_prefix
        self._dimensions = 0
        self._agreements = Agreements()

    @property
    def name(self) -> str:
        """The model's name, and which prefix its queries have."""
        if self._model is None:
            self._model = self._asked_server()[0]
        return self._named(self._model)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where its servers are."""
        return self._serving.addresses

    async def resolved_name(self, operation: Operation = "embed") -> str:
        """The same of what answers now, asked for if need be, without blocking."""
        return self._named(await self._serving.resolved_name())

    def _named(self, model: str) -> str:
        return f"{model}+{hashlib.sha256(self._prefix.encode()).hexdigest()[:8]}" if self._prefix else model

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        if not self._dimensions:
            self._model, self._dimensions = self._asked_server()
        return self._dimensions

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"] = "passage"
    ) -> NDArray[np.float32]:
        """Unit vectors of shape (len(texts), dimensions); ModelError if the server gives something else."""
        return (await self.embed_with_usage(texts, kind=kind))[0]

    async def embed_with_usage(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"] = "passage"
    ) -> tuple[NDArray[np.float32], Usage]:
        """The same, and what it took: a call a request, and the tokens that the server read."""
        import numpy as np

        if not len(texts):
            return np.empty((0, self.dimensions), np.float32), Usage()
        served = await self._serving.served()
        prefix = self._prefix if kind == "query" else ""
        clean = [_encodable(f"{prefix}{text}") for text in texts]
        bodies: list[dict[str, Any]] = []
        for start in range(0, len(clean), BATCH):
            body = {"model": served.name, "input": clean[start : start + BATCH], "encoding_format": "base64"}
            # The longest that the model reads.
            bodies.append({**body, "truncate_prompt_tokens": -1} if served.vllm else body)
        with Spending() as spending:
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(self._part(served.name, body, spending)) for body in bodies]
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from None
            vectors = np.concatenate([task.result() for task in tasks])
        self._model, self._dimensions = self._model or served.name, vectors.shape[1]
        return vectors, spending.usage

    async def close(self) -> None:
        """Close the connections."""
        await self._servers.close()

    async def _part(self, model: str, body: dict[str, Any], spending: Spending) -> NDArray[np.float32]:
        async def ask(line: Line) -> dict[str, Any]:
            terms = self._agreements.of(line.server.address.api, model)
            return await terms.agreed(body, lambda agreed: line.post("/embeddings", agreed))

        answer = await self._servers.send(model, ask)
        spending.add(answers.usage(answer))
        return self._read(answer, len(body["input"]), model)

    def _read(self, answer: dict[str, Any], size: int, model: str) -> NDArray[np.float32]:
        import numpy as np

        rows = sorted(answers.rows(answer.get("data")), key=lambda row: int(row.get("index", 0)))
        vectors = [_vector(row.get("embedding")) for row in rows]
        widths = {len(vector) for vector in vectors}
        if len(vectors) != size or len(widths) != 1 or (self._dimensions and {self._dimensions} != widths):
            raise ModelError(
                f"The model server {self._servers.names} gave {len(vectors)} vectors of "
                f"{', '.join(map(str, sorted(widths))) or 'no'} numbers for {size} texts of {model!r}.",
                hint="Look whether it serves an embedding model.",
            )
        matrix = np.stack(vectors)
        lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise ModelError(
                f"The model server {self._servers.names} gave zeros or infinities for {model!r}.",
                hint="Serve the model with another --dtype.",
            )
        return (matrix / lengths).astype(np.float32)

    def _asked_server(self) -> tuple[str, int]:
        """Name and dimensions, asked for in a call that blocks: the ports that need them do, too."""
        from openai import OpenAI

        address = self._servers.all[0].address
        try:
            with OpenAI(
                base_url=address.api,
                default_query=dict(address.query),
                api_key=self._servers.key or "none",
                organization="",
                project="",
                timeout=self._servers.timeout,
                max_retries=1,
            ) as client:
                model = self._model
                if model is None:
                    models = [each.id for each in client.models.list()]
                    if len(models) != 1:
                        listed = ", ".join(models) or "none"
                        raise ModelError(
                            f"{address.root} serves {len(models)} models, not one: {listed}.",
                            hint="Name one with embed_model.",
                        )
                    model = models[0]
                answer: Any = client.embeddings.create(input=["dimensions"], model=model)
                return model, len(answer.data[0].embedding)
        except OrchestratorError:
            raise
        except Exception as error:
            failure = translated(error, address.root, self._model or "", self._servers.setting)
            if failure is None:
                raise
            raise failure from error


def _vector(value: Any) -> NDArray[np.float32]:
    """A vector as it is sent: base64 of little-endian single precision, or a list of numbers."""
    import numpy as np

    if isinstance(value, str):
        return np.frombuffer(base64.b64decode(value), "<f4")
    return np.asarray(value if isinstance(value, list) else [], np.float32)


def _encodable(text: str) -> str:
    # JSON may carry halves of surrogate pairs, which servers refuse; some refuse an empty text as well.
    return (text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")) or " "
