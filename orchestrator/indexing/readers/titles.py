"""Titles of documents: what a program wrote in place of one is none."""

from __future__ import annotations

import re

_JUNK = re.compile(
    r"""
    (?:microsoft\ )?(?:word|office|excel|powerpoint)\ (?:document|presentation)
    | (?:word-dokument|document\ (?:microsoft\ )?word|documento\ de\ word)
    | (?:untitled|unbenannt|sans\ titre|sin\ t[ií]tulo|senza\ titolo|ohne\ titel|no\ title|titel|title)
      (?:[\ -]?(?:document|page|dokument|file|presentation|spreadsheet))?[\ -]?\d*
    | (?:document|dokument|documento|doc|new\ (?:page|document)|page|draft|template|default|index|scan|print)
      [\ _-]?\(?\d*\)?
    | (?:ms\ word|your\ title\ here|title\ here|insert\ title(?:\ here)?|enter\ title|null|none|n/?a|test)
    | \W*
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PROGRAM = re.compile(
    r"^(?:microsoft (?:word|excel|powerpoint)|libreoffice|openoffice)\s*-\s*", re.IGNORECASE
)
_FILE = re.compile(
    r"\S+\.(?:docx?|dotx?|pdf|html?|rtf|odt|tex|dvi|indd|pptx?|xlsx?|txt|qxd|pmd)", re.IGNORECASE
)


def real_title(given: str | None, heading: str | None = "") -> str:
    """The title that a file gives itself, or its first heading where that is a placeholder or a file's name.

    In one line; "" if there is neither.
    """
    title = _PROGRAM.sub("", _line(given))
    if title and not _JUNK.fullmatch(title) and not _FILE.fullmatch(title):
        return title
    return _line(heading)


def _line(text: str | None) -> str:
    return " ".join((text or "").replace("\xad", "").split())
