"""The REST interface of a Qdrant server, over the local mode of its client: for tests without the server.

Every request is checked by the client's own models, which refuse what they do not know. An update that does
not wait is applied a moment later, as a server does. `inject` makes requests fail in the ways of a network.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, TypeAdapter, ValidationError
from qdrant_client import QdrantClient, models

Kind = Literal["429", "503", "500", "400", "timeout", "disconnect", "after", "partial", "lost"]
#: Seconds after which an update that nobody waits for is applied.
_LATER = 0.05


@dataclass
class Fault:
    """What happens to the next `times` requests whose method and path match.

    `disconnect` cuts the line before anything is done, and `after` once all of it is; `partial` does half of
    an upsert and cuts the line; `lost` answers, and does nothing; `timeout` answers too late.
    """

    kind: Kind
    matches: str = ""
    times: int = 1
    seconds: float = 1.5


@dataclass
class Shim:
    """The server: `client` is what has the points, `asked` are the requests."""

    url: str = ""
    client: QdrantClient = field(default_factory=lambda: QdrantClient(":memory:"))
    asked: list[str] = field(default_factory=list[str])
    faults: list[Fault] = field(default_factory=list[Fault])
    later: list[tuple[float, Callable[[], object]]] = field(
        default_factory=list[tuple[float, Callable[[], object]]]
    )
    lock: threading.RLock = field(default_factory=threading.RLock)

    def inject(self, kind: Kind, matches: str = "", *, times: int = 1, seconds: float = 1.5) -> None:
        """Let requests fail."""
        with self.lock:
            self.faults.append(Fault(kind, matches, times, seconds))

    def fault(self, request: str) -> Fault | None:
        """What happens to a request."""
        with self.lock:
            for each in self.faults:
                if each.times > 0 and re.search(each.matches, request):
                    each.times -= 1
                    return each
        return None

    def settle(self, *, now: bool) -> None:
        """Apply what waits, or what has waited long enough."""
        with self.lock:
            due = [one for one in self.later if now or one[0] <= time.monotonic()]
            self.later = [one for one in self.later if one not in due]
            for _, work in due:
                work()


@contextmanager
def qdrant_shim() -> Generator[Shim]:
    """Serve on a port of this machine until the block ends."""
    shim = Shim()
    handler = type("Handler", (_Handler,), {"shim": shim})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    shim.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield shim
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        shim.client.close()


class _Refused(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    shim: Shim
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def setup(self) -> None:
        super().setup()
        # Head and body are written one after the other: the second would wait for the first to be confirmed.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        request = f"{self.command} {parts.path}"
        with self.shim.lock:
            self.shim.asked.append(request)
        fault = self.shim.fault(request)
        kind = fault.kind if fault else None
        if kind in ("429", "503", "500", "400"):
            headers = {"Retry-After": "0"} if kind == "429" else {}
            self._send(int(kind), {"status": {"error": "injected"}, "time": 0.0}, headers)
            return
        if fault is not None and kind == "timeout":
            time.sleep(fault.seconds)
        if kind == "disconnect":
            self._cut()
            return
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        try:
            result = self._done(parts.path, query, body, kind)
            status, answer = 200, {"result": result, "status": "ok", "time": 0.0}
        except _Refused as error:
            status, answer = error.status, {"status": {"error": str(error)}, "time": 0.0}
        if kind in ("after", "partial"):
            self._cut()
            return
        self._send(status, answer, {})

    def _done(self, path: str, query: Mapping[str, str], body: bytes, kind: str | None) -> Any:
        for method, pattern, operation in _ROUTES:
            found = re.fullmatch(pattern, path)
            if found and method == self.command:
                if unknown := set(query) - {"wait", "ordering", "timeout", "consistency"}:
                    raise _Refused(400, f"unknown parameters: {sorted(unknown)}")
                try:
                    with self.shim.lock, warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        return operation(self.shim, *found.groups(), body, query.get("wait") == "true", kind)
                except ValidationError as error:
                    raise _Refused(400, f"Format error in JSON body: {error}"[:500]) from error
                except ValueError as error:
                    raise _Refused(404 if "not found" in str(error) else 400, str(error)) from error
        raise _Refused(404, f"no such route: {self.command} {path}")

    def _send(self, status: int, answer: Any, headers: Mapping[str, str]) -> None:
        content = json.dumps(answer, default=_plain).encode()
        try:
            self.send_response(status)
            for name, value in {**headers, "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    return str(value)


def _read(model: Any, body: bytes) -> Any:
    return TypeAdapter(model).validate_json(body)


def _collections(shim: Shim, body: bytes, wait: bool, kind: str | None) -> Any:
    return shim.client.get_collections()


def _exists(shim: Shim, name: str, body: bytes, wait: bool, kind: str | None) -> Any:
    return {"exists": shim.client.collection_exists(name)}


def _create(shim: Shim, name: str, body: bytes, wait: bool, kind: str | None) -> Any:
    given: models.CreateCollection = _read(models.CreateCollection, body)
    if shim.client.collection_exists(name):
        raise _Refused(409, f"Collection `{name}` already exists!")
    return shim.client.create_collection(
        name, vectors_config=given.vectors, sparse_vectors_config=given.sparse_vectors
    )


def _delete_collection(shim: Shim, name: str, body: bytes, wait: bool, kind: str | None) -> Any:
    shim.settle(now=True)
    return shim.client.delete_collection(name)


def _index(shim: Shim, name: str, body: bytes, wait: bool, kind: str | None) -> Any:
    _read(models.CreateFieldIndex, body)
    return _updated(shim, lambda: None, wait, kind)


def _upsert(shim: Shim, name: str, body: bytes, wait: bool, kind: str | None) -> Any:
    given: Any = _read(models.PointsBatch | models.PointsList, body)
    assert isinstance(given, models.PointsList)
    points = given.points[: len(given.points) // 2] if kind == "partial" else given.points
    return _updated(
        shim, lambda: points and shim.client.upsert(name, points, update_mode=given.update_mode), wait, kind
    )


def _payload(shim: Shim, name: str, body: bytes, wait: bool, kind: str | None) -> Any:
    given: models.SetPayload = _read(models.SetPayload, body)
    chosen: Any = given.filter if given.filter is not None else given.points
    return _updated(shim, lambda: shim.client.set_payload(name, given.payload, chosen), wait, kind)


def _delete(shim: Shim, name: str, body: bytes, wait: bool, kind: str | None) -> Any:
    given: models.FilterSelector = _read(models.FilterSelector, body)
    return _updated(shim, lambda: shim.client.delete(name, given), wait, kind)


def _updated(shim: Shim, work: Callable[[], object], wait: bool, kind: str | None) -> Any:
    if kind != "lost":
        shim.later.append((time.monotonic() + _LATER, work))
    if wait or kind == "partial":
        shim.settle(now=True)
    return {"operation_id": 0, "status": "completed" if wait else "acknowledged"}


def _count(shim: Shim, name: str, body: bytes, wait: bool, kind: str | None) -> Any:
    given: models.CountRequest = _read(models.CountRequest, body)
    shim.settle(now=False)
    return shim.client.count(name, given.filter, exact=bool(given.exact))


def _scroll(shim: Shim, name: str, body: bytes, wait: bool, kind: str | None) -> Any:
    given: models.ScrollRequest = _read(models.ScrollRequest, body)
    shim.settle(now=False)
    records, offset = shim.client.scroll(
        name,
        given.filter,
        limit=given.limit or 10,
        offset=given.offset,
        with_payload=given.with_payload,  # type: ignore[arg-type]
        with_vectors=given.with_vector or False,  # type: ignore[arg-type]
    )
    return {"points": records, "next_page_offset": offset}


def _query(shim: Shim, name: str, body: bytes, wait: bool, kind: str | None) -> Any:
    given: models.QueryRequestBatch = _read(models.QueryRequestBatch, body)
    shim.settle(now=False)
    answers = shim.client.query_batch_points(name, given.searches)
    for search, answer in zip(given.searches, answers, strict=True):
        if isinstance(getattr(search.query, "nearest", search.query), models.SparseVector):
            continue
        for point in answer.points:
            # The last bits of a product of matrices depend on how many rows they have; a server's do not.
            point.score = round(point.score, 6)
    return answers


_NAME = r"/collections/([^/]+)"
_ROUTES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("GET", r"/collections", _collections),
    ("GET", _NAME + "/exists", _exists),
    ("PUT", _NAME, _create),
    ("DELETE", _NAME, _delete_collection),
    ("PUT", _NAME + "/index", _index),
    ("PUT", _NAME + "/points", _upsert),
    ("POST", _NAME + "/points/payload", _payload),
    ("POST", _NAME + "/points/delete", _delete),
    ("POST", _NAME + "/points/count", _count),
    ("POST", _NAME + "/points/scroll", _scroll),
    ("POST", _NAME + "/points/query/batch", _query),
)
