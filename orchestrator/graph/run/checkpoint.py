"""How LangGraph's checkpointers write the values of a run: each by the declared type of its slot."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from orchestrator.errors import BadInput, PlanChanged
from orchestrator.graph.serialise import pack, unpack

#: Version of what checkpoints are written in; another is refused.
FORMAT = "orchestrator-2"
_VALUE, _TUPLE, _SEND, _FOREIGN = 70, 71, 72, 73


@dataclass(frozen=True, slots=True)
class Kept:
    """A value in the state of a durable run, with the slot whose type says how it is written.

    It is packed when its node returns it, so that the node is named that returns what cannot be kept.
    """

    slot: str
    value: Any
    packed: bytes


class FlowSerializer:
    """A LangGraph serializer for the slots of one workflow: each value by its slot's declared type.

    LangGraph's own serializer writes the class of every value, and reads any class back unless told
    otherwise; this one reads back only what a slot's type declares.
    """

    def __init__(self, types: Mapping[str, Any]) -> None:
        from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

        self._types = dict(types)
        self._foreign = JsonPlusSerializer(allowed_msgpack_modules=None)

    def kept(self, slot: str, value: Any) -> Kept:
        """A value as the state holds it; BadInput if it holds what its slot's type does not declare."""
        try:
            return Kept(slot, value, pack(value, self._types[slot]))
        except RecursionError:
            raise BadInput(
                f"A value of {slot.partition('@')[0]} is nested too deeply to be kept.",
                hint="Hold it in a flat form, such as a tuple of rows.",
            ) from None

    def kept_all(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """An update of the state as the state holds it; what is beside the slots stays as it is."""
        return {
            key: self.kept(key, value) if key in self._types and type(value) is not Kept else value
            for key, value in values.items()
        }

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """(format, bytes) of any value of a checkpoint."""
        # The same ids recur in a ranking, in its reranking and in the context made of both.
        return FORMAT, zlib.compress(self._pack(obj), 1)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """The value of `dumps_typed`'s bytes."""
        kind, packed = data
        if kind != FORMAT:
            raise PlanChanged(
                f"This checkpoint has the format {kind!r}, not {FORMAT!r}.",
                hint="It was written by another version or program; start the run again.",
            )
        # ormsgpack swallows what an extension raises.
        wrong: list[Exception] = []
        value = self._unpack(zlib.decompress(packed), wrong)
        if wrong:
            raise wrong[0]
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

        if type(obj) is Kept:
            return ormsgpack.Ext(_VALUE, ormsgpack.packb([obj.slot, obj.packed]))
        if type(obj) is tuple:
            return ormsgpack.Ext(_TUPLE, self._pack(list(cast("tuple[Any, ...]", obj))))
        if type(obj).__name__ == "Send":
            return ormsgpack.Ext(_SEND, self._pack([obj.node, obj.arg]))
        kind, data = self._foreign.dumps_typed(obj)
        return ormsgpack.Ext(_FOREIGN, ormsgpack.packb([kind, data]))

    def _unpack(self, data: bytes, wrong: list[Exception]) -> Any:
        import ormsgpack

        hook = partial(self._read, wrong)
        return ormsgpack.unpackb(data, ext_hook=hook, option=ormsgpack.OPT_NON_STR_KEYS)

    def _read(self, wrong: list[Exception], tag: int, data: bytes) -> Any:
        inner = self._unpack(data, wrong)
        if tag == _TUPLE:
            return tuple(inner)
        if tag == _SEND:
            from langgraph.types import Send

            return Send(*inner)
        if tag == _FOREIGN:
            return self._foreign.loads_typed((inner[0], inner[1]))
        slot, packed = inner
        try:
            if slot not in self._types:
                raise PlanChanged(
                    f"This checkpoint holds a value of {slot}, which no channel of the workflow has.",
                    hint="The workflow was changed since the run began; start the run again.",
                )
            return Kept(slot, unpack(packed, self._types[slot]), packed)
        except Exception as error:
            wrong.append(error)
            return None


def opened(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state with the values themselves."""
    return {key: held.value if type(held) is Kept else held for key, held in state.items()}
