"""The jobs of an index, by name."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.indexing import passage_features, read_job, upkeep
from orchestrator.jobs.registry import Handler

HANDLERS: Mapping[str, Handler] = {
    "index.read": read_job.read_files,
    "index.relabel": upkeep.relabel,
    "index.forget": upkeep.forget,
    "index.merge": upkeep.merge,
    "index.embed": upkeep.embed_again,
    "index.switch": upkeep.switch,
    "index.repair": upkeep.repair,
    "index.collect": upkeep.collect,
    "features.make": passage_features.features_job,
}
