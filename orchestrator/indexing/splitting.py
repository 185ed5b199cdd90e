"""Documents to passages: sections and sentences stay whole as far as the size allows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from orchestrator.text.sentences import sentences
from orchestrator.text.tokens import token_count

if TYPE_CHECKING:
    from llama_index.core.node_parser import MarkdownNodeParser, SentenceSplitter

#: Nothing longer than this is a word: encoded data, or a script without spaces.
LONGEST_WORD = 1000
_LONG_WORD = re.compile(rf"[^\s,.;。？！]{{{LONGEST_WORD}}}(?=\S)")


@dataclass(frozen=True)
class Splitting:
    """How large passages are, in estimated tokens, and how much of one is repeated in the next.

    The default keeps a paper's abstract whole. LlamaIndex's parsers do the splitting; the sentences
    are those that answers cite, and nothing has to be downloaded.
    """

    tokens: int = 640
    overlap: int = 64

    def __post_init__(self) -> None:
        if self.tokens < 32 or not 0 <= self.overlap <= self.tokens // 2:
            raise ValueError(
                f"passages of {self.tokens} tokens with an overlap of {self.overlap} cannot be made: "
                "give at least 32 tokens and an overlap of at most half of them."
            )

    def split(self, text: str, *, markdown: bool = False) -> list[str]:
        """The passages of a text, none empty; a text that is small enough is one."""
        text = text.strip()
        if not text:
            return []
        # A text has at most a token a character.
        if len(text) <= self.tokens or token_count(text) <= self.tokens:
            return [text]
        text = _LONG_WORD.sub(lambda match: match.group() + " ", text)
        if not markdown:
            return self._sentences.split_text(text)
        return self._join(
            [
                passage
                for section in self._sections_of(text)
                for passage in (
                    [section] if token_count(section) <= self.tokens else self._sentences.split_text(section)
                )
            ]
        )

    def _sections_of(self, text: str) -> list[str]:
        from llama_index.core.schema import Document

        return [node.text for node in self._sections.get_nodes_from_node(Document(text=text))]

    def _join(self, sections: list[str]) -> list[str]:
        """Neighbouring sections in one passage as far as they fit: a heading alone says nothing."""
        joined: list[str] = []
        room = 0
        for section in sections:
            size = token_count(section)
            if joined and size <= room:
                joined[-1] = f"{joined[-1]}\n\n{section}"
                room -= size + 2
            else:
                joined.append(section)
                room = self.tokens - size - 2
        return joined

    @cached_property
    def _sentences(self) -> SentenceSplitter:
        from llama_index.core.node_parser import SentenceSplitter

        return SentenceSplitter(
            chunk_size=self.tokens,
            chunk_overlap=self.overlap,
            tokenizer=_countable,
            chunking_tokenizer_fn=_sentence_pieces,
        )

    @cached_property
    def _sections(self) -> MarkdownNodeParser:
        from llama_index.core.node_parser import MarkdownNodeParser

        return MarkdownNodeParser(include_metadata=False, include_prev_next_rel=False)


def _countable(text: str) -> Any:
    """Something as long as a text has tokens: its length is all that the splitter looks at."""
    return range(token_count(text))


def _sentence_pieces(text: str) -> list[str]:
    """Sentences with the space between them, so that the pieces make up the text."""
    starts = [0, *(sentence.start for sentence in sentences(text)[1:]), len(text)]
    return [text[start:end] for start, end in pairwise(starts) if end > start]
