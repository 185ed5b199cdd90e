"""What the readers of this package have in common: they read bytes, once, and say why they cannot."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import Document

from orchestrator.errors import UnreadableFile

#: The most text that one document may hold, in characters: some ten thousand pages.
LONGEST_TEXT = 20_000_000

_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


class FileReader(BaseReader):
    """Reads one format. A document's id is the file's name, or that of a record within the file.

    `markdown` says that the texts are Markdown, to be split at their headings; `records` that the file
    holds many documents with ids of their own.
    """

    markdown: ClassVar[bool] = False
    records: ClassVar[bool] = False

    @abstractmethod
    def read(self, data: bytes, name: str) -> Iterator[Document]:
        """The documents in the bytes of the file `name`; UnreadableFile with the reason if there are none."""

    def lazy_load_data(
        self, file: Path, extra_info: dict[str, Any] | None = None, **_: Any
    ) -> Iterator[Document]:
        """The documents of a file on disk, as LlamaIndex asks for them."""
        for document in self.read(Path(file).read_bytes(), Path(file).name):
            document.metadata.update(extra_info or {})
            yield document


def decoded(data: bytes) -> str:
    """Text from bytes in UTF-8, or in UTF-16 with its mark; UnreadableFile otherwise."""
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        expected = encoding.upper().removesuffix("-SIG")
        raise UnreadableFile(
            f"byte {error.start:,} (0x{data[error.start]:02x}) is not {expected}; save it as UTF-8."
        ) from error


def document(name: str, title: str, text: str, **metadata: Any) -> Document:
    """One document from a whole file; UnreadableFile if there is no text, or too much."""
    if not text.strip():
        raise UnreadableFile("it holds no text.")
    limited(text)
    return Document(id_=name, text=text, metadata={"title": title or Path(name).stem, **metadata})


def limited(text: str, what: str = "it") -> str:
    """The text, unless one document should not hold as much."""
    if len(text) > LONGEST_TEXT:
        raise UnreadableFile(
            f"{what} holds {len(text) / 1e6:,.0f} million characters in one document, more than "
            f"{LONGEST_TEXT / 1e6:,.0f} million; split it."
        )
    return text
