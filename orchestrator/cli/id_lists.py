"""Lists of ids on a command line: `A,B` or `--items A --items B`, and `"A, or B"` for an id with a comma."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orchestrator.errors import BadInput

#: One id, in double quotes (RFC 4180: a quote within is written twice) or without, and what ends it.
_ID = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<bare>[^",][^,]*|))\s*(?P<end>,|\Z)')


def listed(option: str, values: Iterable[str]) -> list[str]:
    """The ids that the values of an option list, in their order. BadInput if a quote is not closed.

    Blanks around an id that is not quoted, and what lies between two commas in a row, are left out.
    """
    found: list[str] = []
    for text in values:
        at = 0
        while at <= len(text):
            one = _ID.match(text, at)
            if one is None:
                raise BadInput(
                    f"{option} {text!r} has a quote that begins or ends within an id.",
                    hint='Put the whole id in double quotes, and write a quote within it twice: "…".',
                )
            quoted = one["quoted"]
            found.append(one["bare"].strip() if quoted is None else quoted.replace('""', '"'))
            if not one["end"]:
                break
            at = one.end()
    return [one for one in found if one]
