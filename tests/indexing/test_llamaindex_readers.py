"""Readers of LlamaIndex serve here, and the readers of this library serve in LlamaIndex."""

from __future__ import annotations

from pathlib import Path

import pytest
from llama_index.core.readers.base import BaseReader
from llama_index.core.schema import Document

from orchestrator.indexing.file_documents import Recipe
from orchestrator.indexing.readers import READERS, reader_for
from tests.indexing.test_readers import read

# Importing LlamaIndex alone takes more than a second.
pytestmark = pytest.mark.slow


class ShoutingReader(BaseReader):
    """A reader as LlamaIndex has them: from a path, under ids of its own."""

    def load_data(self, file: Path, extra_info: object = None) -> list[Document]:
        return [Document(text="ONE", metadata={"title": "T", "page": 1, "odd": [1]}), Document(text="TWO")]


def test_a_reader_of_llamaindex_serves_here() -> None:
    recipe = Recipe(readers={**READERS, ".shout": f"{__name__}:ShoutingReader"})
    one, two = read("x", "a.shout", recipe)
    assert (one.document, one.title, dict(one.metadata)) == ("a.shout#1", "T", {"page": 1})
    assert (two.document, two.title) == ("a.shout#2", "a")
    assert read("x", "a.shout", recipe) == [one, two]


def test_readers_serve_in_a_program_of_llamaindex(tmp_path: Path) -> None:
    from llama_index.core import SimpleDirectoryReader

    (tmp_path / "a.md").write_text("# Title\n\nText.")
    reader = reader_for(".md")
    (document,) = SimpleDirectoryReader(str(tmp_path), file_extractor={".md": reader}).load_data()
    assert document.text == "# Title\n\nText."
    assert document.metadata["title"] == "Title"
