"""The connectors that the settings name: the one file that knows both ports and connectors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from orchestrator.clock import SystemClock
from orchestrator.errors import BadInput, SettingsError
from orchestrator.models.null import NullModel
from orchestrator.ports import (
    Cache,
    Clock,
    Conversations,
    Documents,
    Embedder,
    Features,
    FeedbackStore,
    IndexFormat,
    IndexRegistry,
    LanguageModel,
    Ledger,
    Recommender,
    Runs,
    ShardWriter,
    SparseEncoder,
    TokenEmbedder,
    VectorStore,
)
from orchestrator.settings import DAY, Settings, index_name

if TYPE_CHECKING:
    from connectors.qdrant_edge import EdgeVectorStore
    from connectors.sql import (
        Database,
        SqlCache,
        SqlConversations,
        SqlFeedback,
        SqlIndexRegistry,
        SqlLedger,
        SqlRuns,
    )
    from orchestrator.backup.archive import ArchivedIndex
    from orchestrator.models.recording import Recording
    from orchestrator.recommendation.rankers.registry import RankerRegistry
    from orchestrator.recommendation.recommender import EditionRecommender

#: What `Connections.ports` gives, so that a workflow can be checked without opening anything.
PROVIDED: tuple[type, ...] = (
    VectorStore,
    Documents,
    Features,
    Embedder,
    TokenEmbedder,
    SparseEncoder,
    LanguageModel,
    Conversations,
    Cache,
    Runs,
    FeedbackStore,
    Clock,
    IndexRegistry,
    Ledger,
    Recommender,
)


class Connections:
    """The connectors that the settings name, each made when it is first needed, and shared.

    `settings` are by default those of the working folder and the environment. `model` takes the place of
    the language model that they name. `record` names a file to which everything goes that models and
    embedders are asked and answer, `replay` one to answer from, with none of them at all (`Recording`).
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        model: LanguageModel | None = None,
        record: Path | str | None = None,
        replay: Path | str | None = None,
    ) -> None:
        if record is not None and replay is not None:
            raise BadInput("a run is recorded or replayed, not both.", hint="Leave one out.")
        self.settings = settings or Settings()
        self._ports: dict[str, Mapping[type, object]] = {}
        self._stores: dict[str, EdgeVectorStore] = {}
        self._embedders: dict[str, Embedder] = {}
        if model is not None:
            self.base_model = model
        self._record, self._replay = record, replay

    # -- shared by all indexes -----------------------------------------------------------------

    @cached_property
    def clock(self) -> Clock:
        """The machine's time."""
        return SystemClock()

    @cached_property
    def database(self) -> Database:
        """The state. Opening it makes or migrates its tables, and finishes a restore that was killed."""
        from connectors.sql import Database
        from orchestrator.backup import snapshot as safekeeping

        database = Database(self.settings.database_url)
        if safekeeping.unfinished(self.settings.home):
            self.__dict__["database"] = database
            safekeeping.finish_restore(self.settings.home, self.restore_state)
        return database

    @cached_property
    def registry(self) -> SqlIndexRegistry:
        """Which indexes and versions there are."""
        from connectors.sql import SqlIndexRegistry

        return SqlIndexRegistry(self.database, self.clock)

    @cached_property
    def ledger(self) -> SqlLedger:
        """The jobs."""
        from connectors.sql import SqlLedger

        return SqlLedger(self.database, self.clock)

    @cached_property
    def runs(self) -> SqlRuns:
        """What happened in runs."""
        from connectors.sql import SqlRuns

        return SqlRuns(self.database, self.clock)

    @cached_property
    def conversations(self) -> SqlConversations:
        """What was said before."""
        from connectors.sql import SqlConversations

        return SqlConversations(self.database, self.clock)

    @cached_property
    def cache(self) -> SqlCache:
        """Results of nodes."""
        from connectors.sql import SqlCache

        return SqlCache(self.database, self.clock)

    @cached_property
    def feedback(self) -> SqlFeedback:
        """What was thought of answers."""
        from connectors.sql import SqlFeedback

        return SqlFeedback(self.database, self.clock)

    @cached_property
    def embedder(self) -> Embedder:
        """The dense model of a new index: with `auto`, that of `embed_url`, or the best that is installed."""
        from connectors.minilm import installed

        choice = self.settings.embedder
        if choice == "auto":
            choice = "server" if self.settings.embed_url else "minilm" if installed() else "light"
        return self._embedder(choice)

    def embedder_of(self, index: str | None = None) -> Embedder:
        """The dense model of an index: with `auto`, the one that it was made with, if it is there."""
        if self.settings.embedder == "auto":
            version = self.registry.current(self.named(index))
            if version is not None and version.format.embedder in self.choices:
                return self._embedder(self.choices[version.format.embedder])
        return self.embedder

    @property
    def token_embedder(self) -> TokenEmbedder:
        """What gives the vectors of tokens for an index that is made now."""
        return self._tokens_of(self.embedder)

    def token_embedder_of(self, index: str | None = None) -> TokenEmbedder:
        """The same for an index: its embedder, or, beside a server, the best that is installed."""
        return self._tokens_of(self.embedder_of(index))

    def _tokens_of(self, embedder: Embedder) -> TokenEmbedder:
        from connectors.minilm import installed

        if isinstance(embedder, TokenEmbedder):
            return embedder
        found: object = self._embedder("minilm" if installed() else "light")
        assert isinstance(found, TokenEmbedder)
        return found

    def token_embedder_for(self, name: str, *, anew: bool = False) -> TokenEmbedder | None:
        """What the tokens' vectors of an index are made with; None if it keeps none.

        An index that is there goes on as it was made; a new one does what the settings say.
        """
        version = None if anew else self.registry.current(name)
        if version.format.tokens if version is not None else self.settings.late_interaction:
            return self.token_embedder if anew else self.token_embedder_of(name)
        return None

    def format_of(self, name: str) -> IndexFormat:
        """What an index holds that these settings made."""
        from orchestrator.indexing.context import index_format

        return index_format(self.embedder_of(name), self.encoder, self.token_embedder_for(name))

    @cached_property
    def choices(self) -> Mapping[str, Literal["light", "minilm"]]:
        """The setting of each embedder, by the name that indexes have for it."""
        from connectors.minilm import MiniLmEmbedder
        from connectors.wordllama import WordLlamaEmbedder

        return {WordLlamaEmbedder.name: "light", MiniLmEmbedder.name: "minilm"}

    def _embedder(self, choice: Literal["light", "minilm", "server"]) -> Embedder:
        if choice not in self._embedders:
            from orchestrator.models.stack import build_embedder_stack

            made = self._made_embedder(choice)
            replay = self._replay is not None
            self._embedders[choice] = build_embedder_stack(made, recording=self.recording, replay=replay)
        return self._embedders[choice]

    def _made_embedder(self, choice: Literal["light", "minilm", "server"]) -> Embedder:
        if choice == "server":
            from connectors.vllm.configured import embedder_of

            return embedder_of(self.settings)
        from connectors.minilm import MiniLmEmbedder
        from connectors.wordllama import WordLlamaEmbedder

        return MiniLmEmbedder() if choice == "minilm" else WordLlamaEmbedder()

    @cached_property
    def encoder(self) -> SparseEncoder:
        """The terms: counted for BM25, or weighed by a model."""
        if self.settings.splade is not None:
            from connectors.splade import SpladeEncoder

            return SpladeEncoder(self.settings.splade)
        from connectors.bm25 import Bm25Encoder

        bm25 = self.settings.bm25
        return Bm25Encoder(
            bm25.language,
            k=bm25.k,
            b=bm25.b,
            average_length=bm25.average_length,
            keyphrases=bm25.keyphrases,
        )

    @cached_property
    def model(self) -> LanguageModel:
        """The language model that nodes are given: a recording, or the stack over `base_model`."""
        from orchestrator.models.stack import build_model_stack

        settings = self.settings
        return build_model_stack(
            self.base_model if self._replay is None else NullModel(),
            cache=(lambda: self.cache) if settings.llm_cache else None,
            cache_seconds=settings.retention.cache * DAY,
            recording=self.recording,
            replay=self._replay is not None,
            embeds=bool(settings.embed_url),
        )

    @cached_property
    def recording(self) -> Recording | None:
        """What models are recorded in or replayed from, if anything."""
        if self._record is None and self._replay is None:
            return None
        from orchestrator.models.recording import Recording

        return Recording(self._record or self._replay or "", required=self._replay is not None)

    @cached_property
    def base_model(self) -> LanguageModel:
        """The model that was given, those of `routes`, that of `llm_url` and `score_url`, or none."""
        settings = self.settings
        if not (settings.llm_url or settings.routes or settings.score_url):
            return NullModel()
        from connectors.vllm.configured import model_of, routes_of
        from orchestrator.models.routed import build_routed_model

        if not settings.routes:
            return model_of(settings)
        # Where a prompt points is learned of many: the embedder that is always there is enough.
        return build_routed_model(
            routes_of(settings),
            sorted(route.cost for route in settings.routes.values()),
            self._embedder("light"),
            self.feedback,
            exploration=settings.routes_exploration,
        )

    async def served(self) -> list[tuple[str, str]]:
        """What the model servers say that they serve, in words; raises ModelError if one does not answer."""
        from orchestrator.models.stack import server_info

        return await server_info(self.base_model)

    @property
    def index_folder(self) -> Path:
        """Where shards lie, one folder an index."""
        return self.settings.home / "indexes"

    @cached_property
    def shards(self) -> ShardWriter:
        """What writes shards; only a worker process calls it."""
        from connectors.qdrant_edge import EdgeShardWriter

        return EdgeShardWriter(self.index_folder, quantisation=self.settings.quantisation)

    @cached_property
    def rankers(self) -> RankerRegistry:
        """The rankers that can be trained, by name."""
        from connectors.sasrec import SasRecTrainer
        from connectors.torch_decoder import GenerativeTrainer
        from connectors.wordllama import WordLlamaEmbedder
        from orchestrator.recommendation.rankers.classics import classic_trainers
        from orchestrator.recommendation.rankers.registry import RankerRegistry

        reader = WordLlamaEmbedder()
        generated = [GenerativeTrainer(name, reader) for name in ("generative", "atomic")]
        return RankerRegistry.of([*classic_trainers(), SasRecTrainer(), *generated])

    @cached_property
    def recommender(self) -> EditionRecommender:
        """What was trained last."""
        from orchestrator.recommendation.editions.editions import Editions
        from orchestrator.recommendation.recommender import EditionRecommender

        keep = self.settings.retention.trainings * DAY
        return EditionRecommender(Editions(self.settings.home / "recommendations", self.rankers, keep=keep))

    # -- one index -----------------------------------------------------------------------------

    def named(self, index: str | None) -> str:
        """The name of an index, by default that of the settings; SettingsError if it is none."""
        if index is None:
            return self.settings.index
        try:
            return index_name(index)
        except ValueError as error:
            raise SettingsError(f"{str(error).capitalize()}.") from None

    def ports(self, index: str | None = None) -> Mapping[type, object]:
        """What the nodes of a workflow are given, for an index."""
        from connectors.sql import SqlDocuments, SqlFeatures
        from orchestrator.recommendation.item_documents import WithItems

        name = self.named(index)
        if name not in self._ports:
            self._ports[name] = {
                VectorStore: self.store(name),
                Documents: WithItems(SqlDocuments(self.database, name), self.recommender),
                Features: SqlFeatures(self.database, name),
                Embedder: self.embedder_of(name),
                TokenEmbedder: self.token_embedder_of(name),
                SparseEncoder: self.encoder,
                LanguageModel: self.model,
                Conversations: self.conversations,
                Cache: self.cache,
                Runs: self.runs,
                FeedbackStore: self.feedback,
                Clock: self.clock,
                IndexRegistry: self.registry,
                Ledger: self.ledger,
                Recommender: self.recommender,
            }
        return self._ports[name]

    def store(self, index: str | None = None) -> EdgeVectorStore:
        """The vectors of an index."""
        from connectors.qdrant_edge import EdgeVectorStore

        name = self.named(index)
        if name not in self._stores:
            self._stores[name] = EdgeVectorStore(
                self.registry,
                name,
                self.index_folder,
                self.encoder,
                self.format_of(name),
                oversampling=self.settings.oversampling,
            )
        return self._stores[name]

    def installed(self, embedder: str) -> bool:
        """Whether the embedder that an index names is there to be loaded."""
        from connectors.minilm import MiniLmEmbedder, installed

        return embedder != MiniLmEmbedder.name or installed()

    def restore_state(self, copy: Path) -> None:
        """Put a copy of the state, of SQLite, in the place of what there is."""
        from connectors.sql.backup import restore

        if self.database.path is None:
            raise BadInput(
                f"the state is in {self.database.name}, and the backup is of SQLite.",
                hint="Restore it with a database_url that names a SQLite file.",
            )
        restore(copy, self.database.path)

    def archived_indexes(self, copy: Path) -> tuple[ArchivedIndex, ...]:
        """The indexes that a copy of the state names."""
        from connectors.sql.backup import archived_indexes

        return archived_indexes(copy)

    async def close(self) -> None:
        """Give back files, threads and connections. What is used afterwards is opened again."""
        made = self.__dict__
        for store in self._stores.values():
            store.close()
        self._stores, self._ports = {}, {}
        for part in (made.get("base_model"), *self._embedders.values()):
            closing = getattr(part, "close", None)
            if closing is not None:
                await closing()
        if "runs" in made:
            await self.runs.close()
        if "database" in made:
            self.database.close()
