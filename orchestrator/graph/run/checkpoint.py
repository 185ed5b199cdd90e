"""How LangGraph's checkpointers write the values of a run, and which classes may be read back."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from functools import partial
from typing import Any, cast

from orchestrator.errors import PlanChanged
from orchestrator.graph.channel import type_name
from orchestrator.graph.serialise import dump, load

#: Version of what checkpoints are written in; another is refused.
FORMAT = "orchestrator-1"
_VALUE, _TUPLE, _SEND, _FOREIGN = 70, 71, 72, 73


class FlowSerializer:
    """A LangGraph serializer: declared types by name and plain fields, everything else strictly.

    LangGraph's own serializer writes a class name and field names for every nested value, and reads
    any class back unless told otherwise; this one writes a type's name once and reads back only the
    types that it was made with.
    """

    def __init__(self, types: Iterable[Any]) -> None:
        from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

        self._types = {_name(tp): tp for tp in types if isinstance(tp, type)}
        self._foreign = JsonPlusSerializer(allowed_msgpack_modules=None)

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """(format, bytes) of any value of a checkpoint."""
        # The same ids recur in a ranking, in its reranking and in the context made of both.
        return FORMAT, zlib.compress(self._pack(obj), 1)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """The value of `dumps_typed`'s bytes."""
        kind, packed = data
        if kind != FORMAT:
            raise PlanChanged(
                f"this checkpoint has the format {kind!r}, not {FORMAT!r}.",
                hint="It was written by another version or program; start the run anew.",
            )
        # ormsgpack swallows what an extension raises.
        unknown: list[str] = []
        value = self._unpack(zlib.decompress(packed), unknown)
        if unknown:
            raise PlanChanged(
                f"this checkpoint holds a {unknown[0]}, which no channel of the workflow has.",
                hint="The workflow was changed since the run began; start the run anew.",
            )
        return value

    def _pack(self, obj: Any) -> bytes:
        import ormsgpack

        option = (
            ormsgpack.OPT_PASSTHROUGH_DATACLASS
            | ormsgpack.OPT_PASSTHROUGH_TUPLE
            | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
            | ormsgpack.OPT_NON_STR_KEYS
        )
        return ormsgpack.packb(obj, default=self._write, option=option)

    def _write(self, obj: Any) -> Any:
        import ormsgpack

        tp = cast("Any", type(obj))
        if _name(tp) in self._types:
            return ormsgpack.Ext(_VALUE, ormsgpack.packb([_name(tp), dump(obj, tp)]))
        if tp is tuple:
            return ormsgpack.Ext(_TUPLE, self._pack(list(obj)))
        if tp.__name__ == "Send":
            return ormsgpack.Ext(_SEND, self._pack([obj.node, obj.arg]))
        kind, data = self._foreign.dumps_typed(obj)
        return ormsgpack.Ext(_FOREIGN, ormsgpack.packb([kind, data]))

    def _unpack(self, data: bytes, unknown: list[str]) -> Any:
        import ormsgpack

        hook = partial(self._read, unknown)
        return ormsgpack.unpackb(data, ext_hook=hook, option=ormsgpack.OPT_NON_STR_KEYS)

    def _read(self, unknown: list[str], tag: int, data: bytes) -> Any:
        inner = self._unpack(data, unknown)
        if tag == _TUPLE:
            return tuple(inner)
        if tag == _SEND:
            from langgraph.types import Send

            return Send(*inner)
        if tag == _FOREIGN:
            return self._foreign.loads_typed((inner[0], inner[1]))
        name, fields = inner
        if name not in self._types:
            unknown.append(name)
            return None
        return load(fields, self._types[name])


def _name(tp: Any) -> str:
    return f"{getattr(tp, '__module__', '')}:{getattr(tp, '__qualname__', type_name(tp))}"
