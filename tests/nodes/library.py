"""A library of documents in a real store, and a model server's stand-in, for tests of answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.bm25 import Bm25Encoder
from connectors.sql import SqlConversations, SqlDocuments, SqlIndexRegistry, SqlLedger, open_database
from connectors.wordllama import WordLlamaEmbedder
from orchestrator import Hits, Question, node
from orchestrator.clock import SystemClock
from orchestrator.errors import ModelError
from orchestrator.models.null import NullModel
from orchestrator.ports import (
    Conversations,
    DocumentRow,
    Documents,
    Embedder,
    Generation,
    GenerationRequest,
    LanguageModel,
    SparseEncoder,
)
from orchestrator.testing.publisher import Publisher
from orchestrator.testing.rows import FORMAT
from orchestrator.types import Hit, Message, Usage


@dataclass
class Model:
    """A language model that writes `text` in pieces of `size` characters, and keeps its prompts.

    It fails after `fails_after` pieces, if that is given.
    """

    text: str
    size: int = 5
    fails_after: int | None = None
    finish: str = "stop"
    prompts: list[Sequence[Message]] = field(default_factory=list)

    name = "scripted"
    available = True

    async def generate(
        self, request: GenerationRequest, *, on_text: Callable[[str], None] | None = None
    ) -> Generation[Any]:
        self.prompts.append(request.prompt)
        for number, at in enumerate(range(0, len(self.text), self.size)):
            if number == self.fails_after:
                raise ModelError("The model server went away.")
            if on_text:
                on_text(self.text[at : at + self.size])
        return Generation(self.text, usage=Usage(1, 10, 5), finish=self.finish)  # type: ignore[arg-type]

    async def choose(self, prompt: Sequence[Message], options: Sequence[str]) -> Any:
        raise NotImplementedError

    async def score(self, query: str, texts: Sequence[str]) -> Any:
        raise NotImplementedError


class Library:
    """Documents in SQLite, and the ports that nodes need beside the vectors."""

    def __init__(self, folder: Path, *documents: DocumentRow) -> None:
        self.database = open_database(folder / "state.db")
        catalogue = SqlIndexRegistry(self.database)
        catalogue.create("default", FORMAT)
        Publisher(catalogue, SqlLedger(self.database, SystemClock())).publish(*documents)
        self.ids = [passage.id for document in documents for passage in document.passages]

    def ports(self, model: LanguageModel | None = None) -> dict[Any, Any]:
        return {
            Documents: SqlDocuments(self.database, "default"),
            Conversations: SqlConversations(self.database),
            SparseEncoder: Bm25Encoder(),
            Embedder: WordLlamaEmbedder(),
            LanguageModel: model or NullModel(),
        }

    def everything(self):
        """A node that finds all passages, in their order."""
        hits = Hits(tuple(Hit(one, 1.0 - place / 100) for place, one in enumerate(self.ids)))

        @node
        async def everything(question: Question) -> Hits:
            return hits

        return everything
