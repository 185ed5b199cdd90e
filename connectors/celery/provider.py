"""Provides Celery as what brings jobs to workers."""

from __future__ import annotations

from importlib.util import find_spec

from connectors.celery.settings import CelerySettings
from orchestrator.jobs.broker import JobBroker
from orchestrator.ports import Build, Provider
from orchestrator.settings import Settings

_INSTALL = "pip install 'orchestrator-rag[server]'"


def _missing(settings: Settings) -> str | None:
    if find_spec("celery") is None:
        return f"It needs celery and redis: {_INSTALL}."
    return None


def _broker(build: Build) -> JobBroker:
    from connectors.celery.broker import CeleryBroker

    return CeleryBroker(build.settings, build.table)


providers = (
    Provider(
        port=JobBroker,
        name="celery",
        make=_broker,
        settings=CelerySettings,
        missing=_missing,
        description="Celery, on Redis, Valkey or RabbitMQ",
    ),
)
