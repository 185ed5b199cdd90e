"""Small documents for the tests of stores."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.ports import DocumentRow, IndexFormat, PassageRow
from orchestrator.types import PUBLIC

FORMAT = IndexFormat("embedder-a", 8, "sparse-a")


def document(
    name: str,
    *texts: str,
    tenant: str = "default",
    root: str = "/library",
    labels: Sequence[str] = (PUBLIC,),
    metadata: Mapping[str, Any] | None = None,
) -> DocumentRow:
    """A document of these passages; its ids depend on its tenant, root, name and texts."""
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    content = hashlib.sha256(" ".join(hashes).encode()).hexdigest()
    identifier = _id("document", tenant, root, name)
    return DocumentRow(
        id=identifier,
        tenant=tenant,
        root=root,
        file=f"{name}.txt",
        document=name,
        title=f"About {name}",
        source=f"{root}/{name}.txt",
        hash=content,
        labels=tuple(labels),
        metadata=metadata or {},
        passages=tuple(
            PassageRow(_id(identifier, content, str(position)), position, text, hashes[position])
            for position, text in enumerate(texts)
        ),
    )


def ids(*documents: DocumentRow) -> list[str]:
    """The ids of all their passages, in order."""
    return [passage.id for row in documents for passage in row.passages]


def _id(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
