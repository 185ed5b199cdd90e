"""`/v1/models`: each served workflow is a model."""

from __future__ import annotations

from fastapi import APIRouter

from orchestrator.serving.endpoint import Asker, Endpoint, Served
from orchestrator.serving.wire.openai import Model, ModelList
from orchestrator.serving.wire.openapi import COMMON

router = APIRouter(prefix="/v1/models", tags=["models"], responses=COMMON)


@router.get("")
async def models(endpoint: Served, asker: Asker) -> ModelList:
    """The served workflows, whatever they give."""
    return ModelList(data=[_model(endpoint, name) for name in endpoint.served])


@router.get("/{model:path}")
async def model(model: str, endpoint: Served, asker: Asker) -> Model:
    """One of them."""
    return _model(endpoint, endpoint.workflow(model).name)


def _model(endpoint: Endpoint, name: str) -> Model:
    return Model(id=name, created=endpoint.created)
