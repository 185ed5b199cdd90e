"""Runs, their steps and what they cited, in SQL."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from functools import partial
from typing import Any, cast

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from connectors.sql.access import readable
from connectors.sql.checkpoints import Checkpoints
from connectors.sql.database import Database
from connectors.sql.run_leases import RunLeases, give_back
from connectors.sql.statements import chunks, insert_all
from connectors.sql.tables import citations, documents, indexes, label_sets, passages, run_leases, runs, steps
from orchestrator.errors import BadInput
from orchestrator.ports import Clock, RunLease, RunRecord, StepRecord
from orchestrator.types import Principal, Usage


class SqlRuns:
    """The `Runs` port. A run is read by its own principal, with what this one may read today.

    A citation is shown to a reader who holds one of the labels that its passage had when it was cited
    and, as long as the passage is in the store, one of those that it has now. One that may not be shown
    is left out, and with it the answer's text, which quotes it: `output["withheld"]` then says how many.
    An output of another type is withheld whole, when one of the `passages` that it names may not be read.
    A run that ended well keeps no checkpoints, unless `keep_checkpoints`; `prune` and
    `prune_checkpoints` delete the others'.
    """

    def __init__(
        self, database: Database, clock: Clock | None = None, *, keep_checkpoints: bool = False
    ) -> None:
        self._database = database
        self._now = clock.now if clock is not None else time.time
        self._keep_checkpoints = keep_checkpoints
        self._checkpoints = Checkpoints(database)
        self._leases = RunLeases(database, self._now)

    async def begin(self, run: RunRecord) -> None:
        """Store that a run has begun, or goes on."""
        await self._database.run_writing(self._begin, run)

    async def finish(self, run: RunRecord, lease: RunLease | None = None) -> None:
        """Store the end of a run, its steps, and the text, hash and labels of each cited passage.

        With its lease, that is given back; LeaseLost, and nothing is stored, if its fence has risen.
        Where nothing can be written, a run that is not durable leaves no record.
        """
        if self._database.read_only and run.durability == "none":
            return
        await self._database.run_writing(self._finish, run, lease)
        if run.status == "done" and run.durability != "none" and not self._keep_checkpoints:
            await self._checkpoints.delete(run.id)

    async def claim(self, run_id: str, owner: str, *, seconds: float, after: str | None = None) -> RunLease:
        """The lease of a run: `owner`'s, if it was free, run out or `after`'s; otherwise another's."""
        claim = partial(self._leases.claim, run_id, owner, seconds=seconds, after=after)
        return await self._database.run_writing(claim)

    async def renew(self, lease: RunLease, *, seconds: float) -> RunLease:
        """The lease for longer; LeaseLost if its fence has risen."""
        return await self._database.run_writing(self._leases.renew, lease, seconds=seconds)

    async def release(self, lease: RunLease) -> None:
        """Give a lease back; nothing if it is another's."""
        await self._database.run_writing(self._leases.release, lease)

    async def read(self, run_id: str, *, principal: Principal) -> RunRecord | None:
        """The run, with the citations that this reader may read; None if it is not the reader's."""
        return await self._database.run(self._read, run_id, principal)

    def saver(self, serializer: Any | None = None) -> Any:
        """The LangGraph checkpointer that holds the state of durable runs, for the running loop."""
        return self._checkpoints.saver(serializer)

    async def prune(self, *, before: float) -> int:
        """Delete runs that began before this (seconds since the epoch), with all they kept; how many."""
        gone = await self._database.run_writing(self._prune, before)
        for run_id in gone:
            await self._checkpoints.delete(run_id)
        return len(gone)

    async def prune_checkpoints(self, *, before: float) -> int:
        """Delete the state of runs that ended, or were last heard of, before this; how many runs that are.

        Their records stay. One that had not ended well can be run again, but from its beginning.
        """
        ended = await self._database.run(self._ended, before)
        for run_id in ended:
            await self._checkpoints.delete(run_id)
        return len(ended)

    async def close(self) -> None:
        """Close the running loop's connection for checkpoints."""
        await self._checkpoints.close()

    # -- writing -------------------------------------------------------------------------------

    def _begin(self, run: RunRecord) -> None:
        with self._database.writing() as connection:
            self._store(connection, run)

    def _finish(self, run: RunRecord, lease: RunLease | None) -> None:
        with self._database.writing() as connection:
            if lease is not None:
                give_back(connection, lease)
            self._store(connection, run)
            for table in (steps, citations):
                connection.execute(delete(table).where(table.c.run_id == run.id))
            insert_all(
                connection,
                steps,
                (
                    {"run_id": run.id, "position": position, **_step_row(step)}
                    for position, step in enumerate(run.steps)
                ),
            )
            cited = [_citation(citation) for citation in _cited(run.output)]
            cited += [_source(*each) for each in _labels_of(connection, _sources(run.output)).items()]
            insert_all(
                connection,
                citations,
                ({"run_id": run.id, "position": position, **row} for position, row in enumerate(cited)),
            )

    def _store(self, connection: Connection, run: RunRecord) -> None:
        owner = {"tenant": run.principal.tenant, "principal": run.principal.name}
        values = {
            "grants": sorted(run.principal.grants),
            "workflow": run.workflow,
            "plan": run.plan,
            "durability": run.durability,
            "status": run.status,
            "created": run.created or self._now(),
            "seconds": run.seconds,
            "input": run.input,
            "output": _without_citations(run.output),
            "degraded": list(run.degraded),
            "usage": asdict(run.usage),
            "error": run.error,
        }
        known = connection.execute(select(runs.c.tenant, runs.c.principal).where(runs.c.id == run.id)).first()
        if known is None:
            connection.execute(insert(runs).values(id=run.id, **owner, **values))
        elif (known.tenant, known.principal) != (run.principal.tenant, run.principal.name):
            raise BadInput(f"The run id {run.id!r} is taken.", hint="Leave it out: one is made.")
        else:
            connection.execute(update(runs).where(runs.c.id == run.id).values(**values))

    def _prune(self, before: float) -> list[str]:
        with self._database.writing() as connection:
            gone = list(connection.execute(select(runs.c.id).where(runs.c.created < before)).scalars())
            for part in chunks(gone):
                connection.execute(delete(runs).where(runs.c.id.in_(part)))
                connection.execute(delete(run_leases).where(run_leases.c.run_id.in_(part)))
        return gone

    def _ended(self, before: float) -> list[str]:
        durable = select(runs.c.id).where(
            runs.c.durability != "none", runs.c.created + runs.c.seconds < before
        )
        if not self._keep_checkpoints:
            durable = durable.where(runs.c.status != "done")
        with self._database.reading() as connection:
            return list(connection.execute(durable).scalars())

    # -- reading -------------------------------------------------------------------------------

    def _read(self, run_id: str, principal: Principal) -> RunRecord | None:
        mine = and_(
            runs.c.id == run_id, runs.c.tenant == principal.tenant, runs.c.principal == principal.name
        )
        with self._database.reading() as connection:
            run = connection.execute(select(runs).where(mine)).first()
            if run is None:
                return None
            of_run = select(steps).where(steps.c.run_id == run_id).order_by(steps.c.position)
            trace = tuple(_step(row) for row in connection.execute(of_run))
            of_run = select(citations).where(citations.c.run_id == run_id).order_by(citations.c.position)
            cited = connection.execute(of_run).all()
            closed = _closed(connection, [row.passage for row in cited], principal)
        shown = [row for row in cited if principal.grants & set(row.labels) and row.passage not in closed]
        return RunRecord(
            id=run.id,
            workflow=run.workflow,
            plan=run.plan,
            durability=run.durability,
            principal=Principal(run.tenant, frozenset(run.grants), run.principal),
            status=run.status,
            created=run.created,
            seconds=run.seconds,
            input=run.input,
            output=_as_readable(run.output, shown, len(cited) - len(shown)),
            degraded=tuple(run.degraded),
            usage=Usage(**run.usage),
            steps=trace,
            error=run.error,
        )


_STEP, _USAGE = (tuple(field.name for field in fields(record)) for record in (StepRecord, Usage))


def _step_row(step: StepRecord) -> dict[str, Any]:
    """A step's columns. `asdict` copies what is in them, which took a third of keeping a long run."""
    usage = {name: getattr(step.usage, name) for name in _USAGE}
    return {**{name: getattr(step, name) for name in _STEP}, "usage": usage}


def _closed(connection: Connection, ids: list[str], principal: Principal) -> set[str]:
    """Of these passages, those that are in the store, but not for this reader."""
    there: set[str] = set()
    open_to: set[str] = set()
    stored = select(passages.c.id).select_from(passages.join(documents))
    stored = stored.where(passages.c.index_id.in_(select(indexes.c.id)))
    for part in chunks(dict.fromkeys(ids)):
        query = stored.where(passages.c.id.in_(part))
        there.update(connection.execute(query).scalars())
        for allowed in readable(connection, principal):
            open_to.update(connection.execute(query.where(allowed)).scalars())
    return there - open_to


def _labels_of(connection: Connection, ids: Iterable[str]) -> dict[str, list[str]]:
    """The labels of those of these passages that are in the store."""
    found: dict[str, list[str]] = {}
    stored = select(passages.c.id, label_sets.c.label).select_from(
        passages.join(documents).join(label_sets, label_sets.c.id == documents.c.labels)
    )
    stored = stored.where(passages.c.index_id.in_(select(indexes.c.id)))
    for part in chunks(dict.fromkeys(ids)):
        for row in connection.execute(stored.where(passages.c.id.in_(part)).distinct()):
            found.setdefault(row.id, []).append(row.label)
    return found


def _sources(output: Mapping[str, Any] | None) -> list[str]:
    """The passages of an output whose citations do not name them already."""
    return [] if output is None or _answer(output) is not None else list(output.get("passages", ()))


def _source(passage: str, labels: list[str]) -> dict[str, Any]:
    return _citation({"n": 0, "id": passage, "labels": labels})


def _answer(output: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The plain answer in a run's output, which names its type beside it or not; None for another output."""
    if output is None or output.get("type", "Answer") != "Answer":
        return None
    inner = output.get("value", output)
    if isinstance(inner, Mapping) and isinstance(
        cast("Mapping[str, Any]", inner).get("citations"), (list, tuple)
    ):
        return dict(cast("Mapping[str, Any]", inner))
    return None


def _replaced(output: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return {**output, "value": answer} if "value" in output else answer


def _cited(output: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    answer = _answer(output)
    return [] if answer is None else list(answer["citations"])


def _citation(citation: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "n": citation["n"],
        "passage": citation["id"],
        "title": citation.get("title", ""),
        "source": citation.get("source", ""),
        "text": citation.get("text", ""),
        "hash": citation.get("hash", ""),
        "labels": sorted(citation.get("labels", ())),
        "page": citation.get("page"),
        "section": citation.get("section", ""),
    }


def _without_citations(output: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The output as its own column holds it: citations have a table, where each has its labels."""
    answer = _answer(output)
    if output is None or answer is None:
        return output
    return _replaced(output, {**answer, "citations": []})


def _as_readable(
    output: dict[str, Any] | None, shown: list[Row[Any]], withheld: int
) -> dict[str, Any] | None:
    answer = _answer(output)
    if output is None:
        return None
    if answer is None:
        return {"type": output.get("type"), "value": None, "withheld": withheld} if withheld else output
    answer["citations"] = [
        {
            "n": row.n,
            "id": row.passage,
            "title": row.title,
            "source": row.source,
            "text": row.text,
            "hash": row.hash,
            "labels": row.labels,
            "page": row.page,
            "section": row.section or "",
        }
        for row in shown
    ]
    if withheld:
        answer["text"] = ""
    return _replaced(output, answer) | ({"withheld": withheld} if withheld else {})


def _step(row: Row[Any]) -> StepRecord:
    return StepRecord(
        path=row.path,
        started=row.started,
        seconds=row.seconds,
        reads=row.reads,
        writes=row.writes,
        usage=Usage(**row.usage),
        cached=row.cached,
        attempts=row.attempts,
        error=row.error,
    )
