"""A vector store and a language model, as providers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from orchestrator.ports import Build, IndexRegistry, LanguageModel, Provider, VectorStore


class PetshopSettings(BaseModel):
    """`[connectors.petshop]`: what the model says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phrase: str = "Polly wants a cracker."


def store(build: Build) -> VectorStore:
    from petshop.store import WordStore

    return WordStore(build.get(IndexRegistry), build.index)


def model(build: Build) -> LanguageModel:
    from petshop.model import Parrot

    return Parrot(build.table.phrase)


providers = (
    Provider(
        port=VectorStore,
        name="petshop",
        make=store,
        scope="index",
        settings=PetshopSettings,
        description="words",
    ),
    Provider(
        port=LanguageModel, name="petshop", make=model, settings=PetshopSettings, description="a parrot"
    ),
)
