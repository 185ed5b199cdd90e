"""The model and the embedder that the settings describe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from connectors.vllm.address import addresses, named
from connectors.vllm.embedder import VllmEmbedder
from connectors.vllm.model import VllmModel
from connectors.vllm.scoring import Scorer, ScoringModel
from connectors.vllm.served_beam import PATIENCE
from connectors.vllm.servers import Servers
from connectors.vllm.settings import VllmSettings
from orchestrator.errors import SettingsError
from orchestrator.models.null import NullModel
from orchestrator.text.thoughts import TAGS

if TYPE_CHECKING:
    from pydantic import SecretStr

    from orchestrator.settings import Settings


def model_of(settings: Settings, own: VllmSettings | None = None) -> VllmModel | ScoringModel | NullModel:
    """The model at `llm_url`; its scores come from `score_url`, which may be there alone."""
    own = own or VllmSettings()
    scorer = _scorer(settings, own)
    if not settings.llm_url:
        return ScoringModel(scorer) if scorer is not None else NullModel()
    servers = _servers(settings, "llm", settings.llm_url, settings.llm_api_key)
    return VllmModel(
        servers,
        settings.llm_model,
        scorer=scorer,
        secret=_told(settings.llm_api_key) or "",
        options=settings.llm_options,
        reasoning=own.reasoning,
        tags=(*TAGS, *own.tags),
    )


def routes_of(settings: Settings, own: VllmSettings | None = None) -> dict[str, VllmModel]:
    """The models of `routes` by name, the cheapest first: ties, and scores, are its own.

    A name holds the model's: what was learned of one is not taken for another that follows it.
    """
    own = own or VllmSettings()
    scorer = _scorer(settings, own)
    routes = sorted(settings.routes.items(), key=lambda item: item[1].cost)
    return {
        f"{name} ({route.model})" if route.model else name: VllmModel(
            _servers(settings, f"routes.{name}", route.url, route.api_key),
            route.model,
            scorer=scorer,
            secret=_told(route.api_key) or "",
            options={**settings.llm_options, **route.options},
            reasoning=own.reasoning,
            tags=(*TAGS, *own.tags),
        )
        for name, route in routes
    }


def _scorer(settings: Settings, own: VllmSettings) -> Scorer | None:
    if not settings.score_url:
        return None
    servers = _servers(settings, "score", settings.score_url, settings.score_api_key)
    return Scorer(servers, settings.score_model, form=own.score_form)


def embedder_of(settings: Settings) -> VllmEmbedder:
    """The embedder at `embed_url`."""
    if not settings.embed_url:
        raise SettingsError(
            "The embedder 'server' is configured, but embed_url is not.",
            hint="Set it to a server that embeds, such as http://host:8001.",
        )
    servers = _servers(settings, "embed", settings.embed_url, settings.embed_api_key)
    return VllmEmbedder(servers, settings.embed_model, query_prefix=settings.embed_query_prefix)


def decoding_servers(settings: Settings) -> Servers | None:
    """Where `[connectors.vllm.decode]` says that a ranker's checkpoint is served; None if nowhere."""
    own = VllmSettings.model_validate(settings.connectors.get("vllm", {})).decode
    if own is None:
        return None
    setting = "connectors.vllm.decode"
    known = addresses(own.url, named(setting, "url"))
    return Servers(known, key=_told(own.api_key), timeout=PATIENCE, attempts=1, setting=setting)


def _servers(settings: Settings, setting: str, urls: Sequence[str], key: SecretStr | None) -> Servers:
    known = addresses(urls, named(setting, "url"))
    return Servers(known, key=_told(key), timeout=settings.llm_timeout, setting=setting)


def _told(key: SecretStr | None) -> str | None:
    return key.get_secret_value() if key else None
