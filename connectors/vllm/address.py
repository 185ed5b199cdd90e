"""The address of a model server, as users write it, and the URLs derived from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from orchestrator.errors import SettingsError

#: Paths of single operations, which are often pasted with the address.
_OPERATION = re.compile(r"/(chat/completions|completions|embeddings|rerank|score|models)$")
_VERSION = re.compile(r"/v\d+$")
_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)$")


@dataclass(frozen=True, slots=True)
class Address:
    """`root` is where vLLM's own paths begin (`/tokenize`, `/score`), `api` where OpenAI's do (`…/v1`).

    `query` is on every request, such as Azure's `api-version`.
    """

    root: str
    api: str
    query: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, given: str, setting: str = "llm_url") -> Address:
        """`http://host:8000` is completed by `/v1`; an address with a path is taken as it is.

        SettingsError if it is no such address.
        """
        parts = urlsplit(given.strip())
        # A password in an address would be in every message and log.
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            shown = given.partition("@")[2] or given
            raise SettingsError(
                f"{setting} has the address {shown!r}, which is not that of a server.",
                hint=f"Write it as http://host:port, and a key as {setting.removesuffix('url')}api_key.",
            )
        path = _OPERATION.sub("", re.sub(r"/{2,}", "/", parts.path).rstrip("/"))
        root = _VERSION.sub("", path)
        return cls(
            urlunsplit((parts.scheme, parts.netloc, root, "", "")),
            urlunsplit((parts.scheme, parts.netloc, path or "/v1", "", "")),
            tuple(parse_qsl(parts.query)),
        )

    @property
    def deployment(self) -> str | None:
        """The model that Azure's addresses of before name."""
        found = _DEPLOYMENT.search(self.api)
        return found.group(1) if found else None

    @property
    def azure(self) -> bool:
        """Whether the key has a header of its own there."""
        host = urlsplit(self.api).hostname or ""
        return self.deployment is not None or host.endswith((".azure.com", ".azure-api.net"))


def named(setting: str, end: str) -> str:
    """A setting of a server: `llm_url`, or `routes.small.url` in a table."""
    return f"{setting}.{end}" if "." in setting else f"{setting}_{end}"


def addresses(given: str | Sequence[str], setting: str = "llm_url") -> tuple[Address, ...]:
    """The addresses of one or several servers: a list, or text with blanks or commas between them."""
    written = given.replace(",", " ").split() if isinstance(given, str) else given
    found = tuple(dict.fromkeys(Address.of(each, setting) for each in written))
    if not found:
        raise SettingsError(f"{setting} is empty.", hint="Write it as http://host:port, or leave it out.")
    return found
