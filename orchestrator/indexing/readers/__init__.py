"""Files to documents: one reader a format, found by the end of the file's name.

These serve a program of LlamaIndex as well, and any `BaseReader` of LlamaIndex serves here:
`reader_for(".epub", {".epub": "llama_index.readers.file:EpubReader"})`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from orchestrator.errors import SettingsError
from orchestrator.indexing.readers.file import FileReader

if TYPE_CHECKING:
    from llama_index.core.readers.base import BaseReader

#: Where the reader of each kind of file is, as `module:class`; imported when a file needs it.
READERS: Mapping[str, str] = {
    ".csv": "orchestrator.indexing.readers.delimited:CsvReader",
    ".docx": "orchestrator.indexing.readers.docx:DocxReader",
    ".htm": "orchestrator.indexing.readers.html:HtmlReader",
    ".html": "orchestrator.indexing.readers.html:HtmlReader",
    ".json": "orchestrator.indexing.readers.records:JsonReader",
    ".jsonl": "orchestrator.indexing.readers.records:JsonLinesReader",
    ".markdown": "orchestrator.indexing.readers.text:MarkdownReader",
    ".md": "orchestrator.indexing.readers.text:MarkdownReader",
    ".ndjson": "orchestrator.indexing.readers.records:JsonLinesReader",
    ".pdf": "orchestrator.indexing.readers.pdf:PdfReader",
    ".rst": "orchestrator.indexing.readers.text:TextReader",
    ".tsv": "orchestrator.indexing.readers.delimited:CsvReader",
    ".txt": "orchestrator.indexing.readers.text:TextReader",
}


def reader_for(suffix: str, readers: Mapping[str, str] = READERS) -> FileReader | BaseReader:
    """The reader of files that end in `suffix`, made from its `module:class`."""
    place = readers[suffix]
    module, _, name = place.partition(":")
    try:
        reader = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"The reader {place!r} of {suffix} files cannot be imported: {error}.",
            hint="Give an installed `module:class`.",
        ) from error
    if isinstance(reader, FileReader):
        return reader
    from llama_index.core.readers.base import BaseReader

    if not isinstance(reader, BaseReader):
        raise SettingsError(f"{place!r} is not a LlamaIndex reader.", hint="Give a subclass of `BaseReader`.")
    return reader
