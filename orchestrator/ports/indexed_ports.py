"""Ports of several indexes: what a workflow is given whose nodes search more than one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast, runtime_checkable

Ports = Mapping[Any, Any]


@runtime_checkable
class IndexedPorts(Protocol):
    """The ports of one index, which know the other indexes: what `Application.ports()` gives.

    A node that has a setting `index` is given the ports of that index. All others are given those of
    `across(workflow.indexes)`, which find a passage whatever index it came from.
    """

    def indexes(self) -> Sequence[str]:
        """The names of the indexes that there are now."""
        ...

    def of(self, index: str) -> Ports:
        """The ports of another index; IndexMismatch if there is none of that name."""
        ...

    def across(self, indexes: Collection[str]) -> Ports:
        """The same ports, with texts, features and vectors of the passages of these indexes as well.

        Searches stay in their own index, and vectors in the space of its embedder.
        """
        ...


def replace_ports(ports: Ports, given: Ports | None = None, *, without: Collection[Any] = ()) -> Ports:
    """The same ports, some replaced by those `given`, some left out; in each index."""
    # Whether a value is of a protocol takes as long as a node does; a dictionary is of none.
    if type(cast("object", ports)) is not dict and isinstance(ports, IndexedPorts):
        return _ReplacedPorts(cast("Any", ports), dict(given or {}), frozenset(without))
    return {**{port: each for port, each in ports.items() if port not in without}, **(given or {})}


class _ReplacedPorts(Mapping[Any, Any]):
    """Ports of which some are others."""

    def __init__(self, ports: Any, given: dict[Any, Any], without: frozenset[Any]) -> None:
        self._ports = ports
        self._given = given
        self._without = without

    def indexes(self) -> Sequence[str]:
        """The names of the indexes that there are now."""
        return self._ports.indexes()

    def of(self, index: str) -> Ports:
        """The ports of another index, with the same replacements."""
        return _ReplacedPorts(self._ports.of(index), self._given, self._without)

    def across(self, indexes: Collection[str]) -> Ports:
        """The same with the passages of other indexes; see `IndexedPorts`."""
        return _ReplacedPorts(self._ports.across(indexes), self._given, self._without)

    def __getitem__(self, port: Any) -> Any:
        if port in self._given:
            return self._given[port]
        if port in self._without:
            raise KeyError(port)
        return self._ports[port]

    def __contains__(self, port: object) -> bool:
        return port in self._given or (port not in self._without and port in self._ports)

    def __iter__(self) -> Iterator[Any]:
        yield from (port for port in self._ports if port not in self._without or port in self._given)
        yield from (port for port in self._given if port not in self._ports)

    def __len__(self) -> int:
        return sum(1 for _ in self)
