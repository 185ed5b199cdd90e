"""`GET /v1/pets`, for whoever may ask."""

from __future__ import annotations

from fastapi import APIRouter

from orchestrator.serving.endpoint import Asker

router = APIRouter()


@router.get("/v1/pets")
async def pets(asker: Asker) -> dict[str, object]:
    from petshop.dataset import PETS

    return {"pets": sorted(PETS), "asked_by": asker.principal.name}
