"""The address of a model server, as users write it, and the URLs derived from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from orchestrator.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Address:
    """`root` is where vLLM's own paths begin (`/tokenize`, `/score`), `api` where OpenAI's do (`…/v1`)."""

    root: str
    api: str

    @classmethod
    def of(cls, given: str, setting: str = "llm_url") -> Address:
        """`http://host:8000`, with or without `/v1`; SettingsError if it is no such address."""
        parts = urlsplit(given.strip())
        # A password in an address would be in every message and log.
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            shown = given.partition("@")[2] or given
            raise SettingsError(
                f"{setting} has the address {shown!r}, which is not that of a server.",
                hint=f"Write it as http://host:port, and a key as {setting.removesuffix('url')}api_key.",
            )
        path = parts.path.rstrip("/")
        root = path.removesuffix("/v1")
        return cls(
            urlunsplit((parts.scheme, parts.netloc, root, "", "")),
            urlunsplit((parts.scheme, parts.netloc, f"{root}/v1", "", "")),
        )


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
