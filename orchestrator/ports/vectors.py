"""Ports of retrieval: encoders, the vector store, the document store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from orchestrator.types import Filter, Hits, Passage, Principal, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@runtime_checkable
class Embedder(Protocol):
    """Embeds texts as dense unit vectors. `name` identifies the model; an index of another is refused.

    An embedder whose vectors know no context, as means of token vectors, says so with an attribute
    `static = True`: fusions then trust its rankings less.

    An embedder of few languages has a method `reads(text)`, which is False for a text that it cannot read:
    hybrid search then leaves the question to the lexical side.

    An embedder whose calls cost something, as those of a server, says so with `counts_usage = True`, and has
    a method `embed_with_usage` beside `embed`, which gives the vectors and what they took: one call a
    request, and the tokens that were read. Its calls then count on the run's budget and trace. If its name
    has to be asked for, it has a coroutine method `resolved_name` (see `orchestrator.ports.models`).
    """

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    async def embed(self, texts: Sequence[str], *, kind: Literal["query", "passage"]) -> NDArray[np.float32]:
        """Vectors of shape (len(texts), dimensions), each of length one, all finite."""
        ...


def reads(embedder: Embedder, text: str) -> bool:
    """Whether an embedder knows the language of a text: what its method `reads` says, or True without one."""
    says = getattr(embedder, "reads", None)
    return True if says is None else bool(says(text))


@runtime_checkable
class TokenEmbedder(Protocol):
    """Embeds texts as one vector per token, for late interaction (`late_interaction.max_sim`).

    One whose calls cost something has `counts_usage` and `embed_tokens_with_usage`, as an `Embedder` has.
    """

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    async def embed_tokens(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"]
    ) -> list[NDArray[np.float32]]:
        """A matrix of shape (tokens, dimensions) for each text, with one row at least, all finite.

        Rows of passages have length one. The length of a query's row is how much its token counts.
        """
        ...


def counts_usage(embedder: object) -> bool:
    """Whether calls of an embedder cost something; those of one in this process do not."""
    return bool(getattr(embedder, "counts_usage", False))


async def embed_with_usage(
    embedder: Embedder, texts: Sequence[str], *, kind: Literal["query", "passage"]
) -> tuple[NDArray[np.float32], Usage]:
    """The vectors of `Embedder.embed`, and the usage of the call."""
    counted = getattr(embedder, "embed_with_usage", None)
    if counted is not None:
        return await counted(texts, kind=kind)
    return await embedder.embed(texts, kind=kind), Usage()


async def embed_tokens_with_usage(
    embedder: TokenEmbedder, texts: Sequence[str], *, kind: Literal["query", "passage"]
) -> tuple[list[NDArray[np.float32]], Usage]:
    """The matrices of `TokenEmbedder.embed_tokens`, and the usage of the call."""
    counted = getattr(embedder, "embed_tokens_with_usage", None)
    if counted is not None:
        return await counted(texts, kind=kind)
    return await embedder.embed_tokens(texts, kind=kind), Usage()


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Non-zero entries: dimension `indices` (ascending) and their `values`."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@runtime_checkable
class SparseEncoder(Protocol):
    """Encodes texts as sparse term vectors, whose dot product is a lexical score (BM25 or learned).

    A passage gets the term-frequency part of the score; a query gets the count of each of its
    terms. Document frequencies are not the encoder's: the store puts them on the query. An encoder whose
    weights are learned, for queries and for passages, says so with an attribute `learned = True`: they
    are scores as they are, and the store leaves them alone.
    """

    @property
    def name(self) -> str: ...

    def passages(self, texts: Sequence[str]) -> list[SparseVector]: ...

    def query(self, text: str) -> SparseVector: ...


def reading(encoder: SparseEncoder, text: str) -> SparseEncoder:
    """The encoder as it reads pieces of `text`, single words or sentences: in the language of the whole.

    It is what the encoder's method `reading` gives, or the encoder itself where there is none.
    """
    view = getattr(encoder, "reading", None)
    return encoder if view is None else view(text)


@dataclass(frozen=True, slots=True)
class Lexical:
    """A term search: `text` (repeated terms sum) or, when given, weighted `terms`."""

    text: str = ""
    terms: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A nearest-neighbour search by cosine with `vector` of shape (dimensions,)."""

    vector: NDArray[np.float32] | tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Late:
    """A late-interaction search: MaxSim with `vectors` of shape (tokens, dimensions), as `max_sim` scales it.

    The `first` passages by fixed-dimensional encodings are compared; without it all that may be read.
    """

    vectors: NDArray[np.float32]
    first: int | None = None


#: One query of a vector store: by terms, by a vector, or by the vectors of tokens.
Search = Lexical | Dense | Late


@runtime_checkable
class VectorStore(Protocol):
    """The vector store of one index: dense, lexical and late-interaction search with access control."""

    @property
    def version(self) -> str:
        """Identifies the published content that searches see now; part of every cache key."""
        ...

    async def search(
        self,
        searches: Sequence[Search],
        *,
        principal: Principal,
        filters: Sequence[Filter] = (),
        limit: int = 10,
    ) -> list[Hits]:
        """One ranking a search, all against the same version, as one call of the engine.

        Only passages of the principal's tenant that carry a granted label and match every filter
        are considered; a principal without grants gets empty rankings. IndexMismatch for a `Late` search
        of an index that keeps no token vectors.
        """
        ...

    async def vectors(self, ids: Sequence[str], *, principal: Principal) -> dict[str, NDArray[np.float32]]:
        """Dense vectors of the passages that exist and that the principal may read."""
        ...


@runtime_checkable
class Documents(Protocol):
    """The document store: texts and metadata of passages by id."""

    async def passages(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Passage]:
        """The passages that exist and that the principal may read, in the order of `ids`."""
        ...
