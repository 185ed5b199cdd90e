"""Authentication: the principal of an API key, or that of a server without keys."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address

from starlette.requests import Request

from orchestrator.serving.wire.errors import HostNotAllowed, InvalidKey
from orchestrator.types import Principal


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request. `key` tells one API key from another, and nothing of it; empty without keys."""

    principal: Principal
    key: str = ""


class ApiKeys:
    """Maps a request to its caller.

    Without keys everyone is `anyone`, and only requests that name this machine itself are taken: a
    web page that a user happens to visit can point a name of its own at 127.0.0.1.
    """

    def __init__(self, keys: Mapping[str, Principal], anyone: Principal) -> None:
        # Digests are of one length, so that comparing them tells nothing about a key.
        self._digests = [(_digest(key.encode()), principal) for key, principal in keys.items()]
        self._anyone = anyone

    @property
    def required(self) -> bool:
        """Whether a request needs a key."""
        return bool(self._digests)

    @property
    def several(self) -> bool:
        """Whether there is more than one caller to be fair to."""
        return len(self._digests) > 1

    def caller(self, request: Request) -> Caller:
        """Who asks; InvalidKey or HostNotAllowed if that cannot be said."""
        if not self.required:
            if not is_loopback(_host(request)):
                raise HostNotAllowed(
                    f"A server without API keys answers only to localhost, not to {_host(request)!r}.",
                    hint="Set an API key to serve under another name.",
                )
            return Caller(self._anyone)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise InvalidKey("This server needs an API key.", hint="Send it as 'Authorization: Bearer KEY'.")
        digest = _digest(given.strip().encode("latin-1"))
        found: Principal | None = None
        for known, principal in self._digests:
            # No early end: the time must not depend on which key it is.
            if hmac.compare_digest(known, digest):
                found = principal
        if found is None:
            raise InvalidKey("This API key is not known here.", hint="Check the server's settings.")
        return Caller(found, digest.hex())


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine and no other."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _digest(key: bytes) -> bytes:
    return sha256(key).digest()


def _host(request: Request) -> str:
    """The host that the client asked for, without its port."""
    host = request.headers.get("host", "")
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.partition(":")[0]
