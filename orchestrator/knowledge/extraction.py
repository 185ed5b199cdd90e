"""Extraction: the job that lets an extractor read passages, keeps what it finds, and names what failed.

An extractor is an entry point of `orchestrator.extractors`: a function of the schema and the model that gives
an `Extractor`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

from orchestrator import plugins
from orchestrator.errors import BadInput, BudgetExhausted, ModelError
from orchestrator.knowledge.schema import GraphSchema
from orchestrator.ports import (
    Extraction,
    KnowledgeStore,
    LanguageModel,
    Name,
    Statements,
    Triple,
    Unextracted,
)
from orchestrator.progress import Progress, silent

#: Passages that are read together, and calls of an extractor under way at once.
BATCH, AT_ONCE = 100, 8


@dataclass(frozen=True, slots=True)
class Cost:
    """What an extraction will take: passages to read, calls of a model at least, tokens of their prompts."""

    passages: int
    known: int
    calls: int
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class ExtractionReport:
    """The result of an extraction: passages read, texts that were known, failures and their last reason."""

    extracted: int = 0
    known: int = 0
    failed: int = 0
    names: int = 0
    facts: int = 0
    reason: str = ""


@runtime_checkable
class Extractor(Protocol):
    """Finds names and facts in a passage."""

    @property
    def contract(self) -> str:
        """Identifies what it extracts and how: an extraction under another one is made anew."""
        ...

    def prompt_tokens(self, passage: Unextracted) -> int:
        """Tokens of the prompt for a passage; 0 if no model is asked."""
        ...

    async def extract(self, passage: Unextracted) -> Statements:
        """What a passage says; ModelError if it cannot be said."""
        ...


#: Makes an extractor of a schema and a model.
MakeExtractor = Callable[[GraphSchema, LanguageModel], Extractor]


def extractor(name: str, schema: GraphSchema, model: LanguageModel) -> Extractor:
    """The extractor of a name; BadInput names those that are installed."""
    found = plugins.plugin(plugins.EXTRACTORS, name)
    if found is None:
        known = ", ".join(sorted(plugins.plugins(plugins.EXTRACTORS))) or "none"
        raise BadInput(f"There is no extractor {name!r}.", hint=f"Installed are {known}.")
    made = found.load()(schema, model)
    if not isinstance(made, Extractor):
        raise plugins.broken(found, f"it makes a {type(made).__name__}, and no Extractor")
    return made


def extraction_key(passage: Unextracted, contract: str) -> str:
    """Identifies an extraction by tenant, title, text and contract: equal ones are made once."""
    content = json.dumps([passage.tenant, passage.title, passage.text, contract])
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]


async def cost(store: KnowledgeStore, made_by: Extractor) -> Cost:
    """What the extraction of all passages that lack one will take."""
    passages = known = tokens = 0
    seen: set[str] = set()
    after = ""
    while batch := await store.unextracted(made_by.contract, after=after, limit=BATCH):
        after = batch[-1].id
        keys = [extraction_key(each, made_by.contract) for each in batch]
        seen.update(await store.extracted(keys))
        for each, key in zip(batch, keys, strict=True):
            passages += 1
            if key in seen:
                known += 1
            else:
                seen.add(key)
                tokens += made_by.prompt_tokens(each)
    return Cost(passages, known, passages - known, tokens)


async def extract_all(
    store: KnowledgeStore, made_by: Extractor, *, progress: Progress = silent, total: int = 0
) -> ExtractionReport:
    """Extract from all passages that lack it. One that was stopped goes on where it was.

    A text that was extracted before under the same contract is not read again. A passage on which the
    extractor fails is recorded with the reason, and tried again next time.
    """
    counted = ExtractionReport()
    done, after = 0, ""
    while batch := await store.unextracted(made_by.contract, after=after, limit=BATCH):
        after = batch[-1].id
        keys = {each.id: extraction_key(each, made_by.contract) for each in batch}
        kept = await store.extracted(list(keys.values()))
        # Equal texts of one batch are read once.
        new = {keys[each.id]: each for each in batch if keys[each.id] not in kept}
        results = dict(zip(new, await _extracted(list(new.values()), made_by), strict=True))
        contents = kept | {key: dumped(each) for key, each in results.items() if isinstance(each, Statements)}
        made = [
            Extraction(
                each.id,
                made_by.contract,
                keys[each.id],
                contents.get(keys[each.id], ""),
                "" if keys[each.id] in contents else str(results[keys[each.id]]),
            )
            for each in batch
        ]
        said = {one.passage: loaded(one.content) for one in made if not one.error}
        await store.put(said, extractions=made)
        counted = _added(counted, batch, keys, kept, results, said)
        done += len(batch)
        progress(done, total, "")
    return counted


def _added(
    before: ExtractionReport,
    batch: Sequence[Unextracted],
    keys: dict[str, str],
    kept: dict[str, str],
    results: dict[str, Any],
    said: dict[str, Statements],
) -> ExtractionReport:
    reasons = [each for each in results.values() if isinstance(each, str)]
    failed = sum(isinstance(results.get(keys[each.id]), str) for each in batch)
    read = sum(isinstance(each, Statements) for each in results.values())
    return ExtractionReport(
        before.extracted + read,
        before.known + len(batch) - read - failed,
        before.failed + failed,
        before.names + sum(len(each.names) for each in said.values()),
        before.facts + sum(len(each.triples) for each in said.values()),
        reasons[-1] if reasons else before.reason,
    )


async def _extracted(batch: Sequence[Unextracted], made_by: Extractor) -> list[Statements | str]:
    """What each passage says, or why that is not known."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(passage: Unextracted) -> Statements | str:
        async with limit:
            try:
                return await made_by.extract(passage)
            except (BudgetExhausted, ModelError) as error:
                return error.message

    return list(await asyncio.gather(*map(one, batch)))


def dumped(said: Statements) -> str:
    """Statements as JSON text."""
    return json.dumps(asdict(said), ensure_ascii=False, sort_keys=True)


def loaded(content: str) -> Statements:
    """Statements from JSON text."""
    value: Any = json.loads(content)
    return Statements(
        tuple(Name(**each) for each in value["names"]),
        tuple(
            Triple(head=Name(**each.pop("head")), tail=Name(**each.pop("tail")), **each)
            for each in value["triples"]
        ),
    )
