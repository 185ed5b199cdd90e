"""The status of an index as JSON."""

from __future__ import annotations

import json

from orchestrator.indexing.index_report import IndexStatus
from orchestrator.json_object import JsonObject
from orchestrator.ports import IndexFormat, Job, index_scope


def test_what_a_job_was_given_and_did_is_an_object_and_no_text() -> None:
    given = JsonObject.of({"files": ["a.md"]})
    jobs = (
        Job(1, "one", "read", index_scope("default"), given, state="dead", error="It was cancelled."),
        Job(2, "two", "read", index_scope("default"), effects=JsonObject.of({"version": 3})),
    )
    plain = IndexStatus("default", 1, IndexFormat("e", 2, "s"), 0, 0, 0, (), jobs).plain()
    dead, done = json.loads(json.dumps(plain))["jobs"]
    assert (dead["payload"], dead["effects"]) == ({"files": ["a.md"]}, None)
    assert (done["payload"], done["effects"]) == ({}, {"version": 3})
