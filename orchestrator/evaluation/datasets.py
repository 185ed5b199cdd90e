"""A data set: a corpus, queries, and judgements of which documents answer them.

Whatever is wrong with its files is an error, or a remark that says how often and what it does to
the scores. Nothing is repaired in silence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from orchestrator.errors import BadInput
from orchestrator.evaluation.qrels import Judgement

#: A query of more words than this is remarked upon: most models read less.
LONG_QUERY = 5_000
#: How many ids a remark shows.
EXAMPLES = 3

#: query → document → grade
Qrels = Mapping[str, Mapping[str, int]]


class Record(NamedTuple):
    """A document of a corpus."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A data problem that may affect scores: `what`, how often, and examples of where."""

    what: str
    count: int
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.count} × {self.what} ({', '.join(self.examples)}{', …' * (self.count > EXAMPLES)})"


@dataclass(slots=True)
class Remarks:
    """Remarks as they are found, counted by what they say."""

    found: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def add(self, what: str, example: str) -> None:
        """Count one case."""
        self.found.setdefault(what, []).append(example)

    def all(self) -> tuple[Remark, ...]:
        """All remarks, in the order of their first cases."""
        return tuple(
            Remark(what, len(cases), tuple(case[:60] for case in cases[:EXAMPLES]))
            for what, cases in self.found.items()
        )


@dataclass(frozen=True, slots=True)
class Corpus:
    """The documents of a data set. `records` iterates over them, each id once; `fingerprint` is a SHA-256."""

    ids: frozenset[str]
    fingerprint: str
    records: Callable[[], Iterator[Record]]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A test collection: corpus, judged queries and relevance judgements. `queries` has judged ones only.

    `aspects` has, by query and aspect, the grades of documents, for the metrics of diversity.
    `hierarchy` has the place of documents, from the widest field down, where one is known. `folder` holds
    further files of the set, if it came from a folder.
    """

    name: str
    source: str
    corpus: Corpus
    queries: Mapping[str, str]
    qrels: Qrels
    aspects: Mapping[str, Qrels] = field(default_factory=dict[str, Qrels])
    remarks: tuple[Remark, ...] = ()
    folder: Path | None = None
    hierarchy: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def fingerprint(self) -> str:
        """Identifies corpus, queries and judgements by their content."""
        digest = hashlib.sha256(self.corpus.fingerprint.encode())
        digest.update(repr((sorted(self.queries.items()), _sorted(self.qrels))).encode())
        digest.update(
            repr([(query, _sorted(self.aspects[query])) for query in sorted(self.aspects)]).encode()
        )
        return digest.hexdigest()

    def only(self, keep: Callable[[str], bool]) -> Dataset:
        """The same set with those queries whose id `keep` accepts."""
        queries = {query: text for query, text in self.queries.items() if keep(query)}
        return Dataset(
            self.name,
            self.source,
            self.corpus,
            queries,
            {query: self.qrels[query] for query in queries},
            {query: self.aspects[query] for query in queries if query in self.aspects},
            self.remarks,
            self.folder,
            self.hierarchy,
        )


def assembled(
    name: str,
    source: str,
    *,
    records: Callable[[], Iterator[Record]],
    queries: Iterable[tuple[str, str]],
    judgements: Iterable[Judgement],
    aspects: Iterable[Judgement] = (),
    folder: Path | None = None,
) -> Dataset:
    """Make a data set from its parts and check it: BadInput if scores would be meaningless, else remarks."""
    remarks = Remarks()
    corpus = _corpus(source, records, remarks)
    texts = _queries(source, queries, remarks)
    qrels = _qrels(judgements, remarks)
    by_aspect = _aspects(aspects, remarks)
    judged = {query: text for query, text in texts.items() if query in qrels}
    if not judged:
        raise BadInput(
            f"{source}: none of its {len(texts)} queries has a judgement.",
            hint="Check that queries and judgements belong together, and which split they are of.",
        )
    for query in texts:
        if query not in qrels:
            remarks.add("a query has no judgement and is left out", query)
    for query in qrels:
        if query not in texts:
            remarks.add("judgements name a query that does not exist, and are left out", query)
    known = {query: qrels[query] for query in judged}
    _remark_on_queries(judged, known, remarks)
    _remark_on_documents(source, known, corpus, remarks)
    kept_aspects = {query: by_aspect[query] for query in judged if query in by_aspect}
    return Dataset(name, source, corpus, judged, known, kept_aspects, remarks.all(), folder)


def _corpus(source: str, records: Callable[[], Iterator[Record]], remarks: Remarks) -> Corpus:
    digest = hashlib.sha256()
    contents: dict[str, bytes] = {}
    repeated = False
    for record in records():
        content = hashlib.blake2b(repr(record).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if record.id in contents:
            if contents[record.id] != content:
                raise BadInput(
                    f"{source}: two different documents have the id {record.id!r}.",
                    hint="Make ids unique: no score could say which of them was found.",
                )
            remarks.add("a document is there twice, and counts once", record.id)
            repeated = True
            continue
        contents[record.id] = content
        digest.update(content)
        if not (record.text.strip() or record.title.strip()):
            remarks.add("a document is empty, so that nothing can find it", record.id)
    if not contents:
        raise BadInput(f"{source}: its corpus has no documents.", hint="Check the file.")
    return Corpus(
        frozenset(contents), digest.hexdigest(), (lambda: _once(records())) if repeated else records
    )


def _once(records: Iterator[Record]) -> Iterator[Record]:
    seen: set[str] = set()
    for record in records:
        if record.id not in seen:
            seen.add(record.id)
            yield record


def _queries(source: str, queries: Iterable[tuple[str, str]], remarks: Remarks) -> dict[str, str]:
    texts: dict[str, str] = {}
    for query, text in queries:
        if query in texts:
            if texts[query] != text:
                raise BadInput(
                    f"{source}: two different queries have the id {query!r}.", hint="Make ids unique."
                )
            remarks.add("a query is there twice, and counts once", query)
            continue
        texts[query] = text
        if len(text.split()) > LONG_QUERY:
            remarks.add(
                f"a query is longer than {LONG_QUERY} words, of which a model may read the first only", query
            )
    return texts


def _qrels(judgements: Iterable[Judgement], remarks: Remarks) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    for judgement in judgements:
        grades = qrels.setdefault(judgement.query, {})
        _grade_once(grades, judgement, remarks)
    return qrels


def _aspects(judgements: Iterable[Judgement], remarks: Remarks) -> dict[str, dict[str, dict[str, int]]]:
    found: dict[str, dict[str, dict[str, int]]] = {}
    for judgement in judgements:
        grades = found.setdefault(judgement.query, {}).setdefault(judgement.aspect, {})
        _grade_once(grades, judgement, remarks)
    return found


def _grade_once(grades: dict[str, int], judgement: Judgement, remarks: Remarks) -> None:
    query, document, grade = judgement.query, judgement.document, judgement.grade
    if document not in grades:
        grades[document] = grade
        return
    if grades[document] == grade:
        remarks.add("a judgement is there twice, and counts once", f"{query} {document}")
        return
    problem = (
        f"grades document {document!r} of query {query!r} {grade}, and a line before it {grades[document]}"
    )
    if judgement.line is not None:
        judgement.line.fault(problem, "Keep one of them.")
    raise BadInput(f"A judgement {problem}.", hint="Keep one of them.")


def _remark_on_queries(queries: Mapping[str, str], qrels: Qrels, remarks: Remarks) -> None:
    for query, text in queries.items():
        if not text.strip():
            remarks.add("a judged query is empty: it is not run, and scores 0", query)
        if all(grade <= 0 for grade in qrels[query].values()):
            remarks.add("a query has no relevant document, and scores 0", query)


def _remark_on_documents(source: str, qrels: Qrels, corpus: Corpus, remarks: Remarks) -> None:
    named = {document for grades in qrels.values() for document in grades}
    unknown = named - corpus.ids
    if unknown == named:
        raise BadInput(
            f"{source}: none of the {len(named)} judged documents is in the corpus.",
            hint="Check that corpus and judgements belong together.",
        )
    for document in sorted(unknown):
        remarks.add(
            "a judged document is not in the corpus: nothing can find it, and it counts as missed", document
        )


def _sorted(qrels: Qrels) -> list[tuple[str, list[tuple[str, int]]]]:
    return [(query, sorted(qrels[query].items())) for query in sorted(qrels)]
