"""An answer as a chat client reads it: its text, where the text cites, and what it cites."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import WrongReturn
from orchestrator.graph.run.result import RunResult
from orchestrator.places import described
from orchestrator.serving.wire.openai import Annotation, CitedPassage, TokenUsage, UrlCitation
from orchestrator.types import Citation, Usage

_MARK = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a run answers, in the fields of the wire."""

    content: str
    citations: tuple[CitedPassage, ...]
    degraded: tuple[str, ...]
    usage: TokenUsage

    @classmethod
    def of(cls, result: RunResult) -> Reply:
        """The reply of a run that ended in an answer."""
        answer = result.answer
        if answer is None:
            raise WrongReturn(
                f"The run ended in {type(result.output).__name__}; a reply is made of an Answer.",
                hint="End it with a node that writes one.",
            )
        return cls(answer.text, cited(answer.citations), result.degraded, tokens(result.usage))

    def cut(self, length: int) -> Reply:
        """The reply as far as a client was shown it: its first `length` characters, and what these cite."""
        if length >= len(self.content):
            return self
        content = self.content[: max(0, length)]
        cited = {int(mark[1]) for mark in _MARK.finditer(content)}
        return replace(
            self, content=content, citations=tuple(each for each in self.citations if each.n in cited)
        )

    def annotations(self, *, offset: int = 0) -> list[Annotation]:
        """One for each `[n]` of the content that cites a passage; `offset` is where the content begins.

        Indices count characters (code points), the end exclusive.
        """
        by_number = {citation.n: citation for citation in self.citations}
        found: list[Annotation] = []
        for mark in _MARK.finditer(self.content):
            citation = by_number.get(int(mark[1]))
            if citation is not None:
                found.append(
                    Annotation(
                        type="url_citation",
                        url_citation=UrlCitation(
                            start_index=mark.start() + offset,
                            end_index=mark.end() + offset,
                            title=_shown(citation),
                            url=address(citation.source, citation.page),
                        ),
                    )
                )
        return found


def cited(citations: Iterable[Citation]) -> tuple[CitedPassage, ...]:
    """Citations as they are sent; labels and hashes are not a client's business."""
    return tuple(
        CitedPassage(
            n=each.n,
            id=each.id,
            title=each.title,
            source=each.source,
            text=each.text,
            page=each.page,
            section=each.section,
        )
        for each in citations
    )


def tokens(usage: Usage) -> TokenUsage:
    """Usage as it is sent."""
    return TokenUsage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.tokens,
    )


def address(source: str, page: int | None = None) -> str:
    """A source as a URL: a path of the file system becomes a `file:` URL, anything else stays.

    A page of a file is its fragment, `#page=12`, which browsers open a PDF at (RFC 8118).
    """
    path = Path(source)
    url = path.as_uri() if path.is_absolute() else source
    return f"{url}#page={page}" if page is not None and url and "#" not in url else url


def _shown(citation: CitedPassage) -> str:
    name = citation.title or citation.source or citation.id
    return name + described(citation.page, citation.section)
