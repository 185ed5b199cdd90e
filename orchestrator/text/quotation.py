"""How a sentence reads when it is quoted: its words, without the marks of the file it stood in.

Square brackets around numbers belong to the citations of an answer. Those of the quoted text are
removed where they are reference marks, and spaced (`a[ 1 ]`) where they may mean something.
"""

from __future__ import annotations

import re

from orchestrator.text.blocks import Kind

_ASIDE = re.compile("\ue000(\\d+)\ue001")
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_IMAGE = re.compile(r"!\[([^\]\n]*)\](?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)|\[[^\]\n]*\])")
_LINK = re.compile(r"\[([^\[\]\n]+(?:\n[^\[\]\n]+)*)\]\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)")
_REFERENCE_LINK = re.compile(r"\[([^\[\]\n]*[^\W\d][^\[\]\n]*)\]\[[^\[\]\n]*\]")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]:?")
_AUTOLINK = re.compile(r"<((?:https?|mailto|ftp):[^<>\s]+)>")
_TAG = re.compile(
    r"</?(?:a|abbr|b|br|code|details|div|em|font|i|img|kbd|li|ol|p|pre|s|small|span|strong|sub|summary|sup"
    r"|table|tbody|td|th|thead|tr|u|ul)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_STRONG = re.compile(
    r"(?<![*\w\\])(\*\*\*|\*\*)(?=\S)(.+?)(?<=\S)\1(?![*\w])|(?<![\w\\])(__)(?=\S)(.+?)(?<=\S)\3(?!\w)",
    re.DOTALL,
)
_EMPHASIS = re.compile(
    r"(?<![*\w\\])\*(?=[^\s*])([^*\n]+?)(?<=[^\s*])\*(?![*\w])"
    r"|(?<![\w\\])_(?=[^\s_])([^_\n]+?)(?<=[^\s_])_(?!\w)"
)
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+.!|<>~-])")
_MARK = re.compile(r"(?<=[.,;:!?)\"'”’])(?:\[\d+(?:\s*[,;–-]\s*\d+)*\])+")
_NUMBER = re.compile(r"([\[【])(\s*\d+(?:\s*[,;–-]\s*\d+)*\s*)([\]】])")
_LIST_MARK = re.compile(r"\s*(?:[-*+•‣◦▪–]|\(?(?P<number>\d{1,3})[.)]|\(?[a-z]\))[ \t]+(?:\[[ xX]\][ \t]+)?")
_QUOTE_MARK = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
_HEADING_MARK = re.compile(r"^ {0,3}#{1,6}[ \t]*|[ \t]+#+[ \t]*$|\n {0,3}(?:=+|-{2,})[ \t]*$")
_FENCE_LINE = re.compile(r"^ {0,3}(?:`{3,}|~{3,}).*$\n?", re.MULTILINE)
_FIELDS = re.compile(r"[^\s:][^:\n]{0,40}:[ \t]+\S.*")


def readable(text: str, kind: Kind = "prose") -> str:
    """`text` as a reader wants it: one line of plain words; code keeps its lines and indentation."""
    if kind == "code":
        lines = _FENCE_LINE.sub("", text).expandtabs(4).split("\n")
        return spaced_numbers("\n".join(_dedented([line.rstrip() for line in lines])))
    if kind == "row":
        return " · ".join(cell for cell in cells(text) if cell)
    if kind == "heading":
        text = _HEADING_MARK.sub("", text)
    if kind == "item":
        text = _LIST_MARK.sub("", text, count=1)
    text = _QUOTE_MARK.sub("", text)
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    between = "; " if len(lines) > 1 and all(_FIELDS.fullmatch(line) for line in lines) else " "
    return _inline(between.join(lines))


def cells(row: str) -> list[str]:
    """The cells of the first line of a table's row, readable."""
    line = row.split("\n", 1)[0].strip()
    line = line.removeprefix("|")
    line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
    return [_inline(cell.strip().replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", line)]


def item_number(text: str) -> str:
    """The number that an item of an ordered list begins with, or an empty string."""
    match = _LIST_MARK.match(text)
    return (match.group("number") or "") if match else ""


def spaced_numbers(text: str) -> str:
    """Bracketed numbers that cannot be mistaken for citations: `a[1]` becomes `a[ 1 ]`."""
    return _NUMBER.sub(lambda match: f"[ {match.group(2).strip()} ]", text)


def _inline(text: str) -> str:
    """Plain words of a line; what stands between backticks stays as it is."""
    # Links and emphasis may hold code, so it is put aside between characters of private use.
    kept: list[str] = []

    def aside(match: re.Match[str]) -> str:
        kept.append(match.group())
        return f"\ue000{len(kept) - 1}\ue001"

    plain = _CODE_SPAN.sub(aside, text.replace("\ue000", " ").replace("\ue001", " "))
    plain = _IMAGE.sub(r"\1", plain)
    plain = _LINK.sub(r"\1", plain)
    plain = _REFERENCE_LINK.sub(r"\1", plain)
    plain = _FOOTNOTE.sub("", plain)
    plain = _AUTOLINK.sub(r"\1", plain)
    plain = _TAG.sub(" ", plain)
    plain = _STRONG.sub(lambda match: match.group(2) or match.group(4), plain)
    plain = _EMPHASIS.sub(lambda match: match.group(1) or match.group(2), plain)
    plain = _ESCAPE.sub(r"\1", plain)
    plain = _MARK.sub("", plain)
    plain = _ASIDE.sub(lambda match: kept[int(match.group(1))], plain)
    return spaced_numbers(" ".join(plain.split()))


def _dedented(lines: list[str]) -> list[str]:
    while lines and not lines[0]:
        lines = lines[1:]
    while lines and not lines[-1]:
        lines = lines[:-1]
    margin = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return [line[margin:] for line in lines]
