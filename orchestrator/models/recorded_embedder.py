"""Embedders whose vectors are recorded, so that a run replays without loading or asking them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from orchestrator.errors import ModelError
from orchestrator.models.recording import Asked, Recording, array_of, packed, usage_of
from orchestrator.ports import (
    Embedder,
    Operation,
    TokenEmbedder,
    close_model,
    counts_usage,
    embed_tokens_with_usage,
    embed_with_usage,
    resolved_name,
)
from orchestrator.types import Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["query", "passage"]


class RecordedEmbedder:
    """The `Embedder` port over recorded vectors, each found by its text, kind and the embedder's name.

    What is not recorded is asked of the embedder, once a text, and appended. In a `replay`, nothing is
    appended: an embedder of this process gives what is missing, and is not loaded before; a server is not
    asked for anything, so that a missing vector is a ModelError. Usage is what a vector cost when made.
    """

    def __init__(self, recording: Recording, embedder: Embedder, *, replay: bool = False) -> None:
        self._recording = recording
        self._embedder = embedder
        self._replay = replay
        #: Whether there is nobody to ask.
        self._alone = replay and counts_usage(embedder)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._embedder, name)

    @property
    def name(self) -> str:
        """The embedder's name; in the replay of a server, that of the one that was recorded last."""
        return next(reversed(self._recording.embedders)) if self._alone else self._embedder.name

    async def resolved_name(self, operation: Operation = "embed") -> str:
        """The name of what answers now."""
        return self.name if self._alone else await resolved_name(self._embedder, operation)

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        return self._recording.embedders[self.name] if self._alone else self._embedder.dimensions

    @property
    def counts_usage(self) -> bool:
        """Whether its calls cost something."""
        return counts_usage(self._embedder)

    async def embed(self, texts: Sequence[str], *, kind: Kind) -> NDArray[np.float32]:
        """Vectors of shape (len(texts), dimensions)."""
        return (await self.embed_with_usage(texts, kind=kind))[0]

    async def embed_with_usage(
        self, texts: Sequence[str], *, kind: Kind
    ) -> tuple[NDArray[np.float32], Usage]:
        """The same, and what they cost."""
        import numpy as np

        async def ask(missing: Sequence[str]) -> tuple[list[NDArray[np.float32]], Usage]:
            vectors, spent = await embed_with_usage(self._embedder, missing, kind=kind)
            return list(vectors[:, None, :]), spent

        found, usage = await self._found("embed", texts, kind, ask)
        if not found:
            return np.empty((0, self.dimensions), np.float32), usage
        return np.concatenate(found), usage

    async def close(self) -> None:
        """Close what the embedder holds open."""
        await close_model(self._embedder)

    async def _found(
        self,
        what: str,
        texts: Sequence[str],
        kind: Kind,
        ask: Callable[[Sequence[str]], Awaitable[tuple[list[NDArray[np.float32]], Usage]]],
    ) -> tuple[list[NDArray[np.float32]], Usage]:
        """The matrix of each text, of `dimensions` columns, recorded or new, and what all of them cost."""
        if not texts:
            return [], Usage()
        name = self.name
        asked: dict[str, Asked] = {
            text: {what: text, "kind": kind, "model": name} for text in dict.fromkeys(texts)
        }
        answers = {text: self._recording.find_array(each) for text, each in asked.items()}
        missing = [text for text, answer in answers.items() if answer is None]
        arrays: dict[str, NDArray[np.float32]] = {}
        spent = Usage()
        if missing:
            if self._alone:
                raise ModelError(
                    f"{self._recording.path} has no recorded vector of {name!r} for {len(missing)} of "
                    f"{len(asked)} texts.",
                    hint="Record the run again: what is embedded is part of it.",
                )
            made, spent = await ask(missing)
            arrays = dict(zip(missing, made, strict=True))
            if not self._replay:
                self._keep(name, asked, arrays, spent)
        for text, answer in answers.items():
            if answer is not None:
                arrays[text] = array_of(answer, self.dimensions)
                spent += usage_of(answer)
        return [arrays[text] for text in texts], spent

    def _keep(
        self, name: str, asked: dict[str, Asked], made: dict[str, NDArray[np.float32]], spent: Usage
    ) -> None:
        """Append what was made; the first text of a request carries what all of it cost."""
        if self.counts_usage:
            self._recording.keep_embedder(name, next(iter(made.values())).shape[1])
        usages = [spent, *[Usage()] * (len(made) - 1)]
        self._recording.keep_all(
            [
                (asked[text], packed(array), usage)
                for (text, array), usage in zip(made.items(), usages, strict=True)
            ]
        )


class RecordedTokenEmbedder(RecordedEmbedder):
    """The same with the vectors of tokens: the `TokenEmbedder` port over recorded matrices."""

    def __init__(self, recording: Recording, embedder: Embedder, *, replay: bool = False) -> None:
        super().__init__(recording, embedder, replay=replay)
        self._tokens = cast("TokenEmbedder", embedder)

    async def embed_tokens(self, texts: Sequence[str], *, kind: Kind) -> list[NDArray[np.float32]]:
        """A matrix of shape (tokens, dimensions) for each text."""
        return (await self.embed_tokens_with_usage(texts, kind=kind))[0]

    async def embed_tokens_with_usage(
        self, texts: Sequence[str], *, kind: Kind
    ) -> tuple[list[NDArray[np.float32]], Usage]:
        """The same, and what they cost."""
        return await self._found(
            "embed_tokens",
            texts,
            kind,
            lambda missing: embed_tokens_with_usage(self._tokens, missing, kind=kind),
        )
