"""What the library needs from the outside, as Protocols. `connectors` provides them, one vendor a file.

A node names a port in its signature and is given it: any parameter annotated with a Protocol is a
port, any other a value that flows. Each port has a conformance class in `orchestrator.testing`,
which every connector passes and third parties subclass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

from orchestrator.types import DEFAULT_TENANT, Filter, Hits, Message, Passage, Principal, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydantic import BaseModel

ParsedT = TypeVar("ParsedT")


# -- language models ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Generation(Generic[ParsedT]):
    """One generated text; `parsed` is the validated object when a schema was asked for."""

    text: str
    parsed: ParsedT | None = None
    usage: Usage = field(default_factory=Usage)
    finish: Literal["stop", "length", "cancelled"] = "stop"


@dataclass(frozen=True, slots=True)
class Probabilities:
    """A probability for each option, in the order they were given; they sum to one."""

    values: tuple[float, ...]
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Scores:
    """A relevance score for each text, in the order they were given; higher is better."""

    values: tuple[float, ...]
    usage: Usage = field(default_factory=Usage)


@runtime_checkable
class LanguageModel(Protocol):
    """A language model. Cancelling the task that awaits a call aborts the request at the server.

    `available` is False for the null model, the default: nodes then do what they can without one
    and say so. Every call counts on the run's budget and trace without the node doing anything.
    """

    @property
    def name(self) -> str: ...

    @property
    def available(self) -> bool: ...

    async def generate(
        self,
        prompt: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        on_text: Callable[[str], None] | None = None,
        max_tokens: int = 512,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Generation[Any]:
        """A completion of `prompt`; `on_text` receives the pieces of a streamed one."""
        ...

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Probabilities:
        """The probability of each option as the answer, from one decoding step."""
        ...

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """The relevance of each text to the query, as a cross-encoder judges it."""
        ...


# -- vectors -----------------------------------------------------------------------------------


@runtime_checkable
class Embedder(Protocol):
    """Texts to dense unit vectors. `name` identifies the model: an index made with another is refused."""

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"]
    ) -> NDArray[np.float32]:
        """Vectors of shape (len(texts), dimensions), each of length one, all finite."""
        ...


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Non-zero entries: dimension `indices` (ascending) and their `values`."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@runtime_checkable
class SparseEncoder(Protocol):
    """Texts to sparse term vectors, whose dot product is a lexical score.

    A passage gets the term-frequency part of the score; a query gets the count of each of its
    terms. Document frequencies are not the encoder's: the store puts them on the query.
    """

    @property
    def name(self) -> str: ...

    def passages(self, texts: Sequence[str]) -> list[SparseVector]: ...

    def query(self, text: str) -> SparseVector: ...


@dataclass(frozen=True, slots=True)
class Lexical:
    """A term search: `text` (repeated terms sum) or, when given, weighted `terms`."""

    text: str = ""
    terms: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A nearest-neighbour search by cosine with `vector` of shape (dimensions,)."""

    vector: NDArray[np.float32] | tuple[float, ...]


Search = Lexical | Dense


@runtime_checkable
class VectorStore(Protocol):
    """Passages of one index by their vectors. Access and filters are part of every search."""

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
        are considered; a principal without grants gets empty rankings.
        """
        ...

    async def vectors(self, ids: Sequence[str], *, principal: Principal) -> dict[str, NDArray[np.float32]]:
        """Dense vectors of the passages that exist and that the principal may read."""
        ...


@runtime_checkable
class Documents(Protocol):
    """Texts and metadata of passages by id."""

    async def passages(self, ids: Sequence[str], *, principal: Principal) -> dict[str, Passage]:
        """Those of the passages that exist and that the principal may read, in the order of `ids`."""
        ...


# -- state -------------------------------------------------------------------------------------


@runtime_checkable
class Conversations(Protocol):
    """Turns of conversations. An id names a turn and all before it, so equal prefixes are stored once."""

    async def append(
        self, messages: Sequence[Message], *, principal: Principal, after: str | None = None
    ) -> str | None:
        """Store turns that follow the turn `after`; the id of the last one, or `after` if there are none."""
        ...

    async def read(self, conversation: str, *, principal: Principal) -> tuple[Message, ...]:
        """The turns up to this one, oldest first; empty if unknown or another principal's."""
        ...


@runtime_checkable
class Cache(Protocol):
    """Results of nodes. `sources` are document ids: an entry falls when one of them changes."""

    async def get(self, key: str) -> bytes | None: ...

    async def put(
        self, key: str, value: bytes, *, sources: Iterable[str] = (), seconds: float | None = None
    ) -> None: ...


RunStatus = Literal["running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One node's part of a run. `reads` and `writes` hold ids and summaries, never texts.

    `started` is seconds since the run began; `seconds` how long the node took, waiting included.
    """

    path: str
    started: float
    seconds: float
    reads: Mapping[str, Any]
    writes: Mapping[str, Any]
    usage: Usage
    cached: bool = False
    attempts: int = 1
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as it is kept. `plan` is the fingerprint of what it began with.

    `input` (values by slot) and `output` (type and value) are plain JSON; `created` is in seconds
    since the epoch.
    """

    id: str
    workflow: str
    plan: str
    durability: str
    principal: Principal
    status: RunStatus = "running"
    created: float = 0.0
    seconds: float = 0.0
    input: Mapping[str, Any] | None = None
    output: Mapping[str, Any] | None = None
    degraded: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
    steps: tuple[StepRecord, ...] = ()
    error: str | None = None


@runtime_checkable
class Runs(Protocol):
    """Runs, their traces and their cited passages. Reading is filtered by the reader's principal."""

    async def begin(self, run: RunRecord) -> None: ...

    async def finish(self, run: RunRecord) -> None:
        """Store the end of a run, its steps, and the text, hash and labels of each cited passage."""
        ...

    async def read(self, run_id: str, *, principal: Principal) -> RunRecord | None:
        """The run, with the citations that this reader may read; None if it is not the reader's."""
        ...

    def saver(self, serializer: Any) -> Any:
        """The LangGraph checkpointer that holds the state of durable runs, written by `serializer`."""
        ...


@runtime_checkable
class Clock(Protocol):
    """Time, so that tests own it. Seconds."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...


# -- jobs --------------------------------------------------------------------------------------

JobState = Literal["pending", "running", "done", "failed", "dead"]


@dataclass(frozen=True, slots=True)
class Job:
    """A unit of background work, as the ledger holds it.

    `key` makes it idempotent: one job a key. `fence` rises with every lease, and a commit
    that shows an older one is refused.
    """

    id: int
    key: str
    kind: str
    index: str
    payload: Mapping[str, Any]
    state: JobState = "pending"
    attempt: int = 0
    fence: int = 0
    lease_until: float = 0.0
    error: str | None = None
    effects: Mapping[str, Any] | None = None


@runtime_checkable
class Ledger(Protocol):
    """The truth about jobs, in SQL; brokers only carry their ids.

    Attempts are counted before work begins; the third failure makes a job `dead`: visible, and
    retryable by hand. A lease that runs out gives the job to the next who asks.
    """

    def submit(self, kind: str, index: str, key: str, payload: Mapping[str, Any]) -> Job: ...

    def claim(
        self, worker: str, *, seconds: float, index: str | None = None, job: int | None = None
    ) -> Job | None:
        """The oldest job that is pending or whose lease ran out; only this `job`, if a broker named one."""
        ...

    def renew(self, job: Job, *, seconds: float) -> None:
        """Extend the lease; LeaseLost if it is another's by now."""
        ...

    def finish(self, job: Job, effects: Mapping[str, Any]) -> None:
        """Record that the job is done, and its effects; LeaseLost if the fence has risen."""
        ...

    def fail(self, job: Job, error: str, *, final: bool = False) -> Job: ...

    def retry(self, job_id: int) -> Job:
        """Give a failed or dead job its attempts back."""
        ...

    def jobs(self, *, index: str | None = None, states: Sequence[JobState] = ()) -> list[Job]: ...

    def hold(self, name: str, owner: str, *, seconds: float, after: str | None = None) -> str:
        """Who holds the lease `name` now: `owner`, if it was free, run out, already its own, or `after`'s.

        `after` is a former owner that is known to be dead, so that nobody waits for its lease.
        """
        ...

    def release(self, name: str, owner: str) -> None:
        """Give the lease back; nothing if it is another's."""
        ...


# -- indexes -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A passage to be stored. `id` = uuid5 of index, document, content hash and position."""

    id: str
    position: int
    text: str
    hash: str


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document to be stored, with its passages.

    `id` = uuid5 of index, tenant, root and source. `hash` covers content, title and metadata, but
    not the labels: these change without a new embedding. `file` is the file it came from, below
    `root`; one file may hold many documents.
    """

    id: str
    tenant: str
    root: str
    file: str
    document: str
    title: str
    source: str
    hash: str
    labels: tuple[str, ...]
    metadata: Mapping[str, Any]
    passages: tuple[PassageRow, ...]


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file as it was when it was indexed; `error` says why it was skipped.

    `hash` covers its bytes and how they were read and split. `tenant` owns it: a root has one tenant.
    """

    root: str
    file: str
    hash: str
    size: int
    labels: tuple[str, ...] = ()
    documents: int = 0
    passages: int = 0
    error: str | None = None
    tenant: str = DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class Shard:
    """An immutable piece of an index on disk: a folder below the index's own, never written again."""

    name: str
    points: int


@dataclass(frozen=True, slots=True)
class IndexFormat:
    """What the vectors of an index were made with. Only an equal format can search or extend it."""

    embedder: str
    dimensions: int
    sparse: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class IndexVersion:
    """One published state of an index: shards, and passages in them that are no longer part of it.

    `removed` holds passage ids by the name of the shard whose copy of them is dead. It is not one set
    for all shards, since a passage that is relabelled, or changed and changed back, is in an old
    shard and in a new one under the same id, and only the new copy counts.
    """

    index: str
    number: int
    format: IndexFormat
    shards: tuple[Shard, ...]
    removed: Mapping[str, frozenset[str]]
    documents: int
    passages: int


@dataclass(frozen=True, slots=True)
class TermStatistics:
    """Document frequencies of one tenant, over passages: `frequency` by sparse dimension."""

    passages: int
    frequency: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class IndexChange:
    """What one job publishes, all or nothing.

    `documents` replace those of the same id; `removed_documents` go; `files` are the files as they
    now stand, `removed_files` are (root, file) that vanished. `shard` holds exactly the passages of
    `documents`. `terms` are the sparse dimensions of each new passage, for the tenant's statistics.
    A merge gives `shard` with `merged`, the names of the shards that it replaces, and no documents;
    a passage that died in one of these while the merge was under way is then dead in `shard`. `base`
    is the number of the version that a merge or a rebuild read: a merge without it lists more as dead
    than it need, a rebuild with another than the current one is refused. A passage that `terms` leaves
    out keeps those that it had.
    A rebuild gives `format` with `shards`, which are all the shards of the index from then on; its
    documents stay, and `terms` replace theirs if there are any.
    """

    shard: Shard | None = None
    documents: tuple[DocumentRow, ...] = ()
    removed_documents: tuple[str, ...] = ()
    files: tuple[FileRow, ...] = ()
    removed_files: tuple[tuple[str, str], ...] = ()
    terms: Mapping[str, Sequence[int]] = field(default_factory=dict[str, Sequence[int]])
    merged: tuple[str, ...] = ()
    base: int | None = None
    format: IndexFormat | None = None
    shards: tuple[Shard, ...] = ()


@runtime_checkable
class Catalogue(Protocol):
    """The truth about indexes, in SQL: which versions, documents, files and term statistics there are."""

    def create(self, index: str, format: IndexFormat) -> IndexVersion:
        """The current version, made empty if there is none; IndexMismatch if its format differs."""
        ...

    def current(self, index: str) -> IndexVersion | None: ...

    def indexes(self) -> list[IndexVersion]: ...

    def publish(self, job: Job, index: str, change: IndexChange) -> IndexVersion:
        """Apply a change and finish the job in one transaction; LeaseLost if the job's fence has risen."""
        ...

    def relabel(self, index: str, root: str, labels: Sequence[str]) -> int: ...

    def statistics(self, version: IndexVersion, tenant: str) -> TermStatistics: ...

    def files(self, index: str, root: str | None = None) -> list[FileRow]: ...

    def document_hashes(self, index: str, root: str, files: Sequence[str]) -> dict[str, str]:
        """Content hash by document id, of the documents that came from these files."""
        ...

    def documents(
        self,
        index: str,
        *,
        root: str | None = None,
        files: Sequence[str] = (),
        after: str = "",
        limit: int = 500,
    ) -> list[DocumentRow]:
        """Documents by rising id from after the id `after`, of one root or some of its files; to anyone."""
        ...

    def drop(self, index: str) -> None: ...

    def shards(self, index: str, *, grace_seconds: float = 0.0) -> frozenset[str]:
        """Names of the shards in use, or given up less than `grace_seconds` ago: folders to keep."""
        ...

    def collect(self, *, grace_seconds: float) -> int:
        """Purge passages that were replaced or removed longer ago than that; how many."""
        ...


@runtime_checkable
class ShardWriter(Protocol):
    """Writes shards to disk. Slow, and it may hold the interpreter: only for a process that serves nobody.

    A shard appears whole under its name or not at all, and a name is never written twice: a later
    attempt takes a new one (`{job}-{fence}`). What a killed writer left is swept later.
    """

    def build(
        self,
        index: str,
        name: str,
        documents: Sequence[DocumentRow],
        dense: NDArray[np.float32],
        sparse: Sequence[SparseVector],
    ) -> Shard:
        """A shard of the passages of `documents`; row i of `dense` and `sparse` is passage i of them all."""
        ...

    def rewrite(
        self, index: str, name: str, documents: Sequence[DocumentRow], version: IndexVersion
    ) -> Shard:
        """A shard of passages that `version` has, under new labels or metadata; their vectors are copied."""
        ...

    def merge(self, index: str, name: str, shards: Sequence[str], version: IndexVersion) -> Shard:
        """One shard of what is alive in `shards` of `version`."""
        ...

    def contents(self, index: str, name: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Tenant and labels by passage id of all points in a shard, dead ones too; StoreError if broken."""
        ...

    def sweep(self, index: str, keep: Collection[str], *, seconds: float) -> list[str]:
        """Delete shards that are not in `keep`, and were not `seconds` ago; the names of those deleted.

        Readers need the grace: one that has just read the older version has yet to open its shards.
        """
        ...
