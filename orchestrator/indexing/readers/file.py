"""Base class of file readers, and their documents."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from orchestrator.errors import UnreadableFile

if TYPE_CHECKING:
    from llama_index.core.schema import Document

#: The most text that one document may hold, in characters: some ten thousand pages.
LONGEST_TEXT = 20_000_000


@dataclass(frozen=True, slots=True)
class FileDocument:
    """A document read from a file: its id within the file, text, title and other metadata.

    `page_starts` are the characters of the text at which its pages begin, where the format has pages.
    """

    id: str
    text: str
    metadata: Mapping[str, Any]
    page_starts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FileNote:
    """What a reader says of a file beside its documents; `lost` if something of it was left out."""

    text: str
    lost: bool = False


@dataclass(frozen=True, slots=True)
class StillReading:
    """A sign from a reader that nothing comes of yet: the file is long, and it does not hang."""


class FileReader(ABC):
    """Reads one format. A document's id is the file's name, or that of a record within the file.

    `markdown` says that the texts are Markdown, to be split at their headings; `records` that the file
    holds many documents with ids of their own. It serves where LlamaIndex asks for a reader, but is
    none of its classes: to import these takes longer than to read a folder.
    """

    markdown: ClassVar[bool] = False
    records: ClassVar[bool] = False

    @abstractmethod
    def read(self, data: bytes, name: str) -> Iterator[FileDocument | FileNote | StillReading]:
        """The documents in the bytes of the file `name`, and notes on how they were read.

        UnreadableFile with the reason if there is none.
        """

    def lazy_load_data(
        self, file: Path, extra_info: dict[str, Any] | None = None, **_: Any
    ) -> Iterable[Document]:
        """The documents of a file on disk, as LlamaIndex asks for them."""
        from llama_index.core.schema import Document

        for each in self.read(Path(file).read_bytes(), Path(file).name):
            if isinstance(each, FileDocument):
                yield Document(id_=each.id, text=each.text, metadata={**each.metadata, **(extra_info or {})})

    def load_data(self, file: Path, extra_info: dict[str, Any] | None = None, **_: Any) -> list[Document]:
        """The same as a list."""
        return list(self.lazy_load_data(file, extra_info))


def document(name: str, title: str, text: str, **metadata: Any) -> FileDocument:
    """One document from a whole file; UnreadableFile if there is no text, or too much."""
    if not text.strip():
        raise UnreadableFile("It holds no text.")
    limited(text)
    return FileDocument(name, text, {"title": title or Path(name).stem, **metadata})


def limited(text: str, what: str = "It") -> str:
    """The text, unless one document should not hold as much."""
    if len(text) > LONGEST_TEXT:
        raise UnreadableFile(
            f"{what} holds {len(text) / 1e6:,.0f} million characters in one document, more than "
            f"{LONGEST_TEXT / 1e6:,.0f} million; split it."
        )
    return text
