"""Derived indexes: features, trees and graphs that are kept up to date with the documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from orchestrator.ports.indexes import DerivedProgress, DocumentRow


@dataclass(frozen=True, slots=True)
class DerivedChange:
    """The change of an index in one transaction, as a derived index receives it.

    `documents` are new, or replace those of the same id; `removed_documents` are no longer part of the
    index. `retired` passages are no longer part of it either, but can be cited for a while; `purged` ones
    are deleted now, and nothing of their text may stay. Documents that only have other labels are told of as
    well. Who may read what is derived of single passages is decided by the labels that their documents have
    when it is read; what is made of many of them must follow their labels here.
    """

    index: str
    index_id: int
    version: int
    documents: tuple[DocumentRow, ...] = ()
    removed_documents: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    purged: tuple[str, ...] = ()


@runtime_checkable
class DerivedIndex(Protocol):
    """Keeps derived data, such as features or graphs, up to date with the documents of an index.

    `connection` is SQLAlchemy's, in the transaction that publishes the change: what is written with it is
    published with the version, or not at all. What takes long, as asking a model, is for a job; here is
    only noted what it has to do. A table of its own needs a column `index_id`, so that its rows go with
    the index whatever becomes of this class. One that a package registers as an entry point of the group
    `orchestrator.derived` is an object, or a class that is made without arguments.
    """

    @property
    def name(self) -> str:
        """The name for messages."""
        ...

    def changed(self, change: DerivedChange, connection: Any) -> None:
        """Apply a change of the documents."""
        ...

    def dropped(self, index: str, index_id: int, connection: Any) -> None:
        """Forget an index: all that does not lie in a table with an `index_id`."""
        ...

    def verify(self, index: str, index_id: int, connection: Any) -> Iterable[str]:
        """Every contradiction between what is derived and the documents, in a sentence each."""
        ...

    def progress(self, index: str, index_id: int, connection: Any) -> DerivedProgress:
        """How much of the derived data is complete."""
        ...
