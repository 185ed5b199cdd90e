"""Graphs that must be refused before they run: every kind of mistake that is made with the framework."""

from __future__ import annotations

from tests.graph.corpus import (
    broken_annotations,
    broken_calls,
    broken_deep_types,
    broken_each,
    broken_flow,
    broken_fusions,
    broken_loops,
    broken_names,
    broken_places,
    broken_routes,
    broken_settings,
    broken_things,
    broken_workflows,
)
from tests.graph.corpus.case import joined

KINDS = (
    broken_things,
    broken_annotations,
    broken_settings,
    broken_names,
    broken_places,
    broken_flow,
    broken_fusions,
    broken_each,
    broken_routes,
    broken_loops,
    broken_workflows,
    broken_calls,
    broken_deep_types,
)

BROKEN = joined(kind.BROKEN for kind in KINDS)
