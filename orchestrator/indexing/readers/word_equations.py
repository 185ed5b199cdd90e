"""Equations of Word documents (OMML) in one line: `(a + b)/2`, `x^2`, `√(x)`."""

from __future__ import annotations

from typing import Any

from orchestrator.indexing.readers.word_package import attribute, child, name

_SKIPPED = frozenset(
    "m:rPr m:ctrlPr m:fPr m:radPr m:sSupPr m:sSubPr m:sSubSupPr m:sPrePr m:naryPr m:dPr m:accPr w:rPr "
    "w:del w:moveFrom w:delText w:instrText".split()
)


def equation(element: Any) -> str:
    """The text of an equation or a part of it."""
    return " ".join(_text(element).split())


def _text(element: Any) -> str:
    kind = name(element)
    if kind in ("m:t", "w:t"):
        return element.text or ""
    if kind == "m:f":
        return f"{_part(element, 'm:num')}/{_part(element, 'm:den')}"
    if kind == "m:rad":
        degree = _text(child(element, "m:deg")) if child(element, "m:deg") is not None else ""
        return f"{degree}√{_part(element, 'm:e')}"
    if kind in ("m:sSup", "m:sSub", "m:sSubSup", "m:sPre", "m:nary"):
        return _with_scripts(element, kind)
    if kind == "m:d":
        parts = ", ".join(_text(each) for each in element if name(each) == "m:e")
        return f"{_sign(element, 'm:dPr', 'm:begChr', '(')}{parts}{_sign(element, 'm:dPr', 'm:endChr', ')')}"
    if kind in ("m:m", "m:eqArr"):
        return "; ".join(_text(each) for each in element if name(each) in ("m:mr", "m:e"))
    if kind == "m:mr":
        return ", ".join(_text(each) for each in element if name(each) == "m:e")
    if kind in _SKIPPED:
        return ""
    return "".join(_text(each) for each in element)


def _with_scripts(element: Any, kind: str) -> str:
    sub, sup = child(element, "m:sub"), child(element, "m:sup")
    scripts = f"_{_part(element, 'm:sub')}" if sub is not None and _text(sub).strip() else ""
    scripts += f"^{_part(element, 'm:sup')}" if sup is not None and _text(sup).strip() else ""
    base = child(element, "m:e")
    text = "" if base is None else _text(base)
    if kind == "m:nary":
        return f"{_sign(element, 'm:naryPr', 'm:chr', '∫')}{scripts} {text}"
    return f"{text}{scripts}"


def _sign(element: Any, properties: str, of: str, otherwise: str) -> str:
    found = child(element, properties, of)
    return otherwise if found is None else attribute(found, "m:val")


def _part(element: Any, of: str) -> str:
    """A part, in brackets if it is more than one word or number."""
    found = child(element, of)
    text = "" if found is None else _text(found).strip()
    return text if text.isalnum() else f"({text})"
