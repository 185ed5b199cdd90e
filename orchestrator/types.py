"""What flows between nodes: small immutable values, one meaning each, in the field's terms.

A `Hit` carries the id of a passage, never its text: texts are fetched where they are needed, so that
checkpoints stay small and access is checked at the text. What a value says of itself: `orchestrator.values`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from orchestrator.places import Place

#: Who wrote a message of a conversation.
Role = Literal["system", "user", "assistant"]

#: The label of everything that nobody restricted, and the only grant of an anonymous reader.
PUBLIC = "public"
#: The tenant of everything, where none is named.
DEFAULT_TENANT = "default"
#: How many ids of a value a trace keeps.
TRACED_IDS = 20


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: one tenant and the labels granted within it. Without grants, nothing is readable."""

    tenant: str = DEFAULT_TENANT
    grants: frozenset[str] = frozenset()
    name: str = "nobody"


#: Granted nothing: the principal of a question that names none. Missing means closed.
NOBODY = Principal()
#: Granted `public`: who the command line and the endpoint are, unless told otherwise.
ANONYMOUS = Principal(grants=frozenset({PUBLIC}), name="anonymous")


@dataclass(frozen=True, slots=True)
class Filter:
    """Keep documents whose metadata `field` has any of `values`."""

    field: str
    values: tuple[str | int | bool, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What the user asks, who asks it, and what it may be answered from.

    `conversation` is the id of the turns before this one in the `Conversations` store, never their text, so
    that a checkpoint does not grow with a conversation. `instructions` (a system message) are for the prompts
    of nodes that write with a model, below their own rules; they grant nothing.
    """

    text: str
    principal: Principal = NOBODY
    conversation: str | None = None
    filters: tuple[Filter, ...] = ()
    instructions: str = ""

    def trace(self) -> dict[str, Any]:
        """The asker's own words, which the asker alone reads back."""
        return {"text": self.text, "conversation": self.conversation}


@dataclass(frozen=True, slots=True)
class Query:
    """One formulation of a question for a retriever.

    `text` is searched lexically (repeated terms count) and embedded. `terms` replaces the lexical
    side by weighted terms, `vector` the dense side by a ready vector; `weight` counts in a fusion.
    `embedder` names the model that made the vector: an index of another cannot be searched with it.
    """

    text: str
    weight: float = 1.0
    terms: tuple[tuple[str, float], ...] = ()
    vector: tuple[float, ...] = ()
    embedder: str = ""


@dataclass(frozen=True, slots=True)
class Queries:
    """The formulations of one question, the most important first."""

    queries: tuple[Query, ...]

    def __iter__(self) -> Iterator[Query]:
        return iter(self.queries)

    def __len__(self) -> int:
        return len(self.queries)

    def trace(self) -> dict[str, Any]:
        """How many, and how long: terms may come from passages."""
        return {"queries": len(self), "characters": [len(query.text) for query in self]}


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found: its id, its score (higher is better) and which retriever found it."""

    id: str
    score: float
    why: str = ""

    @property
    def passages(self) -> tuple[str, ...]:
        """The passage."""
        return (self.id,)


@dataclass(frozen=True, slots=True)
class Hits:
    """A ranking: hits by falling score, ties by id, no id twice."""

    hits: tuple[Hit, ...] = ()

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    @property
    def ids(self) -> tuple[str, ...]:
        """Passage ids, best first."""
        return tuple(hit.id for hit in self.hits)

    def top(self, k: int) -> Hits:
        """The best `k`."""
        return Hits(self.hits[:k])

    @property
    def passages(self) -> tuple[str, ...]:
        """The ids."""
        return self.ids

    def trace(self) -> dict[str, Any]:
        """How many, the first ids and the best score."""
        best = self.hits[0].score if self.hits else None
        return {"hits": len(self), "ids": list(self.ids[:TRACED_IDS]), "best": best}


def ranked(hits: list[Hit] | tuple[Hit, ...]) -> Hits:
    """Hits in ranking order: falling score, ties by id."""
    return Hits(tuple(sorted(hits, key=lambda hit: (-hit.score, hit.id))))


@dataclass(frozen=True, slots=True)
class Drift:
    """How much of what a query found first its reformulation finds first, too: 1 is all, 0 is nothing."""

    overlap: float
    depth: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document, as the document store returns it to a principal who may read it.

    `document` is the id its author knows: the path below its root, or the `_id` of a record. `source` is the
    full path or address, `position` the passage's number within the document, `hash` the SHA-256 of `text`;
    `places` are the pages and sections that `text` stands on.
    """

    id: str
    document: str
    text: str
    title: str = ""
    source: str = ""
    position: int = 0
    hash: str = ""
    labels: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str | int | float | bool], ...] = ()
    places: tuple[Place, ...] = ()

    @property
    def passages(self) -> tuple[str, ...]:
        """Itself."""
        return (self.id,)

    def visible_to(self, principal: Principal) -> bool:
        """Whether one of its labels is granted."""
        return not principal.grants.isdisjoint(self.labels)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Sentences chosen from a passage, as character spans of its text (start inclusive, end not)."""

    passage: str
    spans: tuple[tuple[int, int], ...]
    score: float = 0.0

    @property
    def passages(self) -> tuple[str, ...]:
        """The passage."""
        return (self.passage,)


@dataclass(frozen=True, slots=True)
class Context:
    """What an answer may be written from, the best excerpt first, within a token budget."""

    excerpts: tuple[Excerpt, ...] = ()

    def __iter__(self) -> Iterator[Excerpt]:
        return iter(self.excerpts)

    def __len__(self) -> int:
        return len(self.excerpts)

    @property
    def passages(self) -> tuple[str, ...]:
        """The passages of its excerpts, each once."""
        return tuple(dict.fromkeys(excerpt.passage for excerpt in self))

    def trace(self) -> dict[str, Any]:
        """How many excerpts, and of which passages the first are."""
        return {"excerpts": len(self), "ids": [excerpt.passage for excerpt in self][:TRACED_IDS]}


@dataclass(frozen=True, slots=True)
class Facets:
    """The sub-aspects of a question, each a short phrase.

    `trust`, 0–1, says how far they may move a ranking: 1 where somebody named them, less for guesses.
    """

    facets: tuple[str, ...] = ()
    trust: float = 1.0

    def __iter__(self) -> Iterator[str]:
        return iter(self.facets)

    def __len__(self) -> int:
        return len(self.facets)


@dataclass(frozen=True, slots=True)
class History:
    """What a user had, the oldest first: the items that are known of `user`, and behind them `items`.

    A long history is named by its user and read where it is ranked; `items` are those of a session.
    """

    user: str = ""
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SlateItem:
    """One place of a slate: an item, its score, which rankers ranked it, and a reason to read.

    `propensity` is the chance of this item at this place, given those before it; 1 without exploration. It is
    logged to value other policies. Whoever is granted none of `labels`, the item's, may not read it back.
    """

    id: str
    score: float
    why: str = ""
    title: str = ""
    reason: str = ""
    propensity: float = 1.0
    labels: tuple[str, ...] = ()

    def visible_to(self, principal: Principal) -> bool:
        """Whether one of the item's labels is granted."""
        return not principal.grants.isdisjoint(self.labels)


@dataclass(frozen=True, slots=True)
class Slate:
    """What is shown to a user, the first place first. `notes` say what could not be done, and why."""

    items: tuple[SlateItem, ...] = ()
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[SlateItem]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def ids(self) -> tuple[str, ...]:
        """Item ids, the first place first."""
        return tuple(item.id for item in self.items)

    def trace(self) -> dict[str, Any]:
        """How many places, and the first ids."""
        return {"items": len(self), "ids": list(self.ids[:TRACED_IDS])}


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which aspects of a question found each passage, and how well.

    `shares[i]` holds, for passage `ids[i]`, (number of an aspect, share) for each aspect that found it;
    shares lie in 0–1, and 1 is the best that was found for the aspect, or could be. `drift[a]` is the part
    of what aspect `a` found first that the question itself does not find: 0 is none, 1 is another subject.
    `trust` is that of the facets; less than 1 only where the first aspect is the question itself.
    """

    aspects: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    shares: tuple[tuple[tuple[int, float], ...], ...] = ()
    drift: tuple[float, ...] = ()
    trust: float = 1.0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def passages(self) -> tuple[str, ...]:
        """The ids."""
        return self.ids


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run spent on models. Addition sums."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        prompt, completion = other.prompt_tokens, other.completion_tokens
        return Usage(
            self.calls + other.calls, self.prompt_tokens + prompt, self.completion_tokens + completion
        )

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Citation:
    """The passage behind a `[n]` of an answer, as it read when the answer was written.

    `text` is the excerpt that the answer stands on; `hash` is the SHA-256 of the whole passage. `page`, from
    1, and `section`, the headings above, say where it stands; None and "" where that is not known.
    """

    n: int
    id: str
    title: str
    source: str
    text: str
    hash: str = ""
    labels: tuple[str, ...] = ()
    page: int | None = None
    section: str = ""

    @property
    def passages(self) -> tuple[str, ...]:
        """The passage."""
        return (self.id,)

    def visible_to(self, principal: Principal) -> bool:
        """Whether one of the labels that its passage had is granted."""
        return not principal.grants.isdisjoint(self.labels)


@dataclass(frozen=True, slots=True)
class Answer:
    """A text whose every `[n]` is a citation. `degraded` says what was left out, and why."""

    text: str
    citations: tuple[Citation, ...] = ()
    degraded: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)

    @property
    def passages(self) -> tuple[str, ...]:
        """The passages that it cites, each once."""
        return tuple(dict.fromkeys(citation.id for citation in self.citations))

    def trace(self) -> dict[str, Any]:
        """How long it is, and what it cites."""
        return {"characters": len(self.text), "ids": [citation.id for citation in self.citations]}

    def accounted(self, degraded: tuple[str, ...], usage: Usage) -> Answer:
        """The answer with all that its run left out, and what the run spent."""
        return replace(self, degraded=degraded, usage=usage)
