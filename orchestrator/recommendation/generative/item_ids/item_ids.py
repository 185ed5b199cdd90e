"""Item identifiers of a generative recommender: a short sequence of tokens for each item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import OrchestratorError

#: Fills the places behind the end of a shorter identifier.
PADDING = -1

Numbers = NDArray[np.int32]


class BadIdentifiers(OrchestratorError):
    """Raised for invalid item identifiers: not unique, not reachable, or out of range."""


@dataclass(frozen=True, eq=False)
class ItemIds:
    """The identifiers of all items, and the items of all identifiers.

    `tokens` has shape (items, depth): token numbers below `vocabulary`, padded behind. No two items
    share an identifier and none begins with another's; otherwise `BadIdentifiers` is raised. Tokens from
    `spare` up to `vocabulary` belong to no item yet: they name items that come later.
    """

    scheme: str
    tokens: Numbers
    vocabulary: int
    spare: int
    #: Whether the last token of an identifier is the item's alone.
    own: bool = False
    #: The first token of each kind. Where one stands, others of its kind could: a model chooses among them.
    kinds: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        tokens = self.tokens
        if tokens.ndim != 2 or tokens.dtype != np.int32:
            raise BadIdentifiers(
                f"The identifiers have shape {tokens.shape} and type {tokens.dtype}; "
                "expected (items, depth) of int32."
            )
        if not len(tokens):
            return
        if int(tokens.max()) >= self.vocabulary or int(tokens.min()) < PADDING:
            raise BadIdentifiers(
                f"The identifiers have tokens from {tokens.min()} to {tokens.max()}; "
                f"expected 0 to {self.vocabulary - 1}."
            )
        padded = tokens == PADDING
        if padded[:, 0].any() or (padded[:, :-1] & ~padded[:, 1:]).any():
            raise BadIdentifiers("An identifier is empty or has a gap; padding may only stand behind it.")
        # Sorted with padding first, whatever begins with an identifier stands right behind it.
        order = np.lexsort(tokens.T[::-1])
        before, after = tokens[order[:-1]], tokens[order[1:]]
        clash = ((before == after) | (before == PADDING)).all(axis=1)
        if clash.any():
            at = int(clash.argmax())
            first, second = int(order[at]), int(order[at + 1])
            raise BadIdentifiers(
                f"Items {first} and {second} cannot be told apart: {self.of(first)} and {self.of(second)}.",
                hint="Give every item an identifier with which no other begins.",
            )

    @classmethod
    def by_level(
        cls, scheme: str, labels: Sequence[Numbers] | Numbers, *, own: bool = False, spare: float = 0.05
    ) -> ItemIds:
        """From one column of labels a level, each level with tokens of its own.

        A label `PADDING` leaves its level out: what comes behind it follows at once.
        `own`: the last token names the item itself, whatever its label. The last level has room for
        `spare` times as many tokens again (at least 8), for items that come later.
        """
        columns = [np.asarray(column, dtype=np.int32) for column in labels]
        items = len(columns[0])
        if own:
            columns[-1] = np.arange(items, dtype=np.int32)
        tokens = np.full((items, len(columns)), PADDING, dtype=np.int32)
        first = 0
        kinds: list[int] = []
        for level, column in enumerate(columns):
            real = column != PADDING
            kinds.append(first)
            tokens[real, level] = column[real] + first
            first += int(column.max(initial=-1)) + 1
        front = np.argsort(tokens == PADDING, axis=1, kind="stable")
        tokens = np.take_along_axis(tokens, front, axis=1)
        last = int(columns[-1].max(initial=-1)) + 1
        # Behind a beginning that may end or go on, tokens of two levels are alternatives.
        kinds = kinds if (tokens != PADDING).all() else [0]
        return cls(scheme, tokens, first + max(8, int(last * spare)), first, own, tuple(kinds))

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def depth(self) -> int:
        """The length of the longest identifier."""
        return self.tokens.shape[1]

    @cached_property
    def lengths(self) -> Numbers:
        """The length of each identifier."""
        return (self.tokens != PADDING).sum(axis=1).astype(np.int32)

    def of(self, item: int) -> tuple[int, ...]:
        """The identifier of an item."""
        return tuple(int(token) for token in self.tokens[item] if token != PADDING)

    def item(self, tokens: Sequence[int]) -> int | None:
        """The item of an identifier; None if it is no item's."""
        return self._items.get(tuple(tokens))

    @cached_property
    def _items(self) -> dict[tuple[int, ...], int]:
        return {self.of(item): item for item in range(len(self))}

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the identifiers that a model was trained on."""
        digest = sha256()
        said = (self.scheme, self.tokens.shape, self.vocabulary, self.spare, self.own, self.kinds)
        digest.update(repr(said).encode())
        digest.update(np.ascontiguousarray(self.tokens.astype("<i4")).tobytes())
        return digest.hexdigest()
