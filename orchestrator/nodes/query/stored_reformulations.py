"""StoredReformulations: rewritten queries from a file, so that experiments replay without the model."""

from __future__ import annotations

import csv
import hashlib
import io
import logging
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from orchestrator.errors import BadInput
from orchestrator.graph.node import Node
from orchestrator.graph.run_context import Run
from orchestrator.nodes._queries import queries_of, with_vector
from orchestrator.nodes._settings import IndexName
from orchestrator.nodes.query._term_weights import term_counts
from orchestrator.nodes.query.pseudo_documents import mean_direction
from orchestrator.nodes.query.split_question import parts_of
from orchestrator.ports import Embedder
from orchestrator.types import Queries, Question

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How many ids a message shows.
_EXAMPLES = 3
#: The longest field that is read, in characters.
_LONGEST = 10_000_000

_log = logging.getLogger(__name__)


class StoredReformulations(Node):
    """Replace the first query by a stored reformulation from a file, for experiments without a model.

    `file` has a query id and a text a line, separated by a tab, as QueryGym writes them (a text with a
    tab, a quote or a line break is in double quotes); `queries` has the texts of the ids: `queries.jsonl`
    of a BEIR folder, or a TSV file. The stored text is searched by terms, in which repeated ones count.
    With `vector`, the query's vector is the mean of its own and of what was written, in at most
    `pieces` pieces; otherwise it stays the question's.

    `unknown` says what happens to a question that has no stored text, and to a stored text whose id no
    query has: `refuse` is BadInput, `keep` asks the question as it is and says so in `degraded`, and
    logs how many texts nobody asks. Both files are read when the node is made; `digest` is of both.
    Source of the format: QueryGym (arXiv 2511.15996).
    """

    file: Path
    queries: Path
    vector: bool = False
    pieces: Annotated[int, Field(ge=1)] = 8
    unknown: Literal["refuse", "keep"] = "refuse"
    digest: str = ""
    index: IndexName = ""

    def __post_init__(self) -> None:
        found = hashlib.sha256()
        for path in (self.file, self.queries):
            found.update(hashlib.sha256(_read(path).encode()).digest())
        if self.digest and self.digest != found.hexdigest():
            raise BadInput(
                f"{self.file} or {self.queries} has changed since the node was made.",
                hint="Leave out `digest`, or restore the files.",
            )
        # Equal settings over other files are another node.
        object.__setattr__(self, "digest", found.hexdigest())
        _ = self.written

    @cached_property
    def written(self) -> Mapping[str, str]:
        """The stored text by the text of the query."""
        texts = stored_texts(self.file)
        asked = query_texts(self.queries)
        nobody = sorted(set(texts) - set(asked))
        if nobody:
            told = (
                f"{self.file} has {len(nobody)} reformulations of queries that {self.queries} lacks "
                f"({', '.join(nobody[:_EXAMPLES])})"
            )
            if self.unknown == "refuse" or len(nobody) == len(texts):
                raise BadInput(f"{told}.", hint="Give the queries that were reformulated, or unknown='keep'.")
            _log.warning("%s; nobody asks them.", told)
        found: dict[str, str] = {}
        for one, text in texts.items():
            if one not in asked:
                continue
            if found.setdefault(asked[one], text) != text:
                raise BadInput(
                    f"{self.file} has two reformulations of one question, the second under the id {one!r}.",
                    hint="Queries of the same text need the same reformulation.",
                )
        return found

    async def __call__(
        self, question: Question, queries: Queries | None, embedder: Embedder, run: Run
    ) -> Queries:
        asked = queries_of(question, queries)
        first = asked.queries[0]
        text = self.written.get(first.text)
        if text is None:
            told = f"{self.file.name} has no reformulation of this query"
            if self.unknown == "refuse":
                raise BadInput(
                    f"{told}: {first.text[:60]!r}.",
                    hint="With `unknown='keep'`, such a query is searched unchanged.",
                )
            run.degrade(f"{told}: it is asked as it is")
            return asked
        found = replace(first, terms=term_counts(text))
        if self.vector:
            new = without_repeats(first.text, text)
            pieces = parts_of(new, self.pieces) or ([new] if new.strip() else [])
            vectors = await embedder.embed([first.text, *pieces], kind="query")
            found = await with_vector(found, mean_direction(vectors), embedder)
        return Queries((found, *asked.queries[1:]))


def stored_texts(path: Path) -> dict[str, str]:
    """Texts by query id, from lines of `id<tab>text`; BadInput with the line of whatever is wrong."""
    found: dict[str, str] = {}
    previous = csv.field_size_limit(_LONGEST)
    try:
        reader = csv.reader(io.StringIO(_read(path), newline=""), delimiter="\t", strict=True)
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            where = f"{path} line {reader.line_num}"
            if len(row) != 2:
                raise BadInput(
                    f"{where}: has {len(row)} fields, and a query id and a text were expected.",
                    hint='Separate them by one tab; put a text with tabs in it in double quotes: "…".',
                )
            query, text = row[0].strip(), row[1].strip()
            if not query or not text:
                raise BadInput(f"{where}: the {'text' if query else 'query id'} is empty.")
            if query in found:
                raise BadInput(f"{where}: the query {query!r} is there twice.", hint="Keep one of them.")
            found[query] = text
    except csv.Error as error:
        raise BadInput(
            f"{path} is no table of a query id and a text a line: {error}.",
            hint='A quote within a text in double quotes is written twice: "".',
        ) from None
    finally:
        csv.field_size_limit(previous)
    if not found:
        raise BadInput(f"{path} has no reformulation in it.", hint="Give a file of `id<tab>text` lines.")
    return found


def query_texts(path: Path) -> dict[str, str]:
    """Texts by query id, from `queries.jsonl` in BEIR's form, or a TSV file."""
    if ".jsonl" not in path.suffixes:
        return stored_texts(path)
    from orchestrator.text.numbered_lines import identifier, objects, wording

    found: dict[str, str] = {}
    for line, entry in objects(path):
        query = identifier(line, entry.get("_id"), "_id")
        if query in found:
            line.fault(f"the query {query!r} is there twice", "Keep one of them.")
        found[query] = wording(line, entry, "text", required=True)
    return found


def without_repeats(query: str, text: str) -> str:
    """What was written beside the query: the text without the copies of the query that it begins with."""
    own = " ".join(query.split())
    rest = " ".join(text.split())
    while own and rest.startswith(own):
        rest = rest[len(own) :].lstrip()
    return rest


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.", hint="Check the path.") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: byte {error.start} is not UTF-8.", hint="Save it as UTF-8.") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from None
