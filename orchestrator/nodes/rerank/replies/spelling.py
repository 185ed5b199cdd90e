"""Replies in the spelling that is read: digits for words and stars, plain marks for others, no markup.

Models write `段落１：8分`, `★★★★☆`, `Passage one`, `<score id="1">8</score>`, `\\boxed{…}`, `“1”: 8`. What is
made of it says the same. Where it might say something else, it is left as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

_NUMERALS = {
    word: number
    for number, word in enumerate("zero one two three four five six seven eight nine ten".split())
}
_ORDINALS = {
    word: number
    for number, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth".split(), 1
    )
}
_NUMERAL, _ORDINAL = "|".join(_NUMERALS), "|".join(_ORDINALS)
_WORD = r"passages?|documents?|docs?|items?|texts?|candidates?|snippets?"
_WIDE = str.maketrans(
    {
        **{chr(0xFF10 + digit): str(digit) for digit in range(10)},
        **dict(zip("：；，（）［］【】｛｝．％＝＞＜｜／＋", ":;,()[][]{}.%=><|/+", strict=True)),
        **dict.fromkeys("“”„‟＂", '"'),
        **dict.fromkeys("‘’‚‛", "'"),
        **dict.fromkeys("\ufe0f\u20e3", ""),
        "、": ", ",
        "。": ". ",
        "🥇": "1. ",
        "🥈": "2. ",
        "🥉": "3. ",
    }
)
_FOREIGN = "абзац|отрывок|документ|abschnitt|textstelle|dokument|pasaje|documento|extrait"
_TAGS = r"rankings?|orders?|scores?|ratings?|grades?|results?|table|tbody|thead|tr|ul|ol|li|p|br|div"
Change = str | Callable[[re.Match[str]], str]


def _starred(found: re.Match[str]) -> str:
    told = found.group()
    full = sum(mark in "★⭐" for mark in told)
    empty = len(told) - full
    whole = full + empty if empty else max(5, full)
    return f" {full}/{whole} " if 3 <= whole <= 10 else found.group()


def _of_score(found: re.Match[str]) -> str:
    return f"Passage {found.group(1) or found.group(2)}"


#: Patterns and what stands for them, in this order.
_SPELLINGS: tuple[tuple[str, Change], ...] = (
    # Other scripts.
    (r"第\s*(\d{1,3})\s*(?:段落|[段篇条个節番])", r"Passage \1"),
    (r"(?:段落|文段|文章|文档|文書|パッセージ|문서|지문|단락)\s*(\d{1,3})", r"Passage \1"),
    (
        rf"\b(?:{_FOREIGN})\s*(?:№|n[°o.]\s*)?\s*(\d{{1,3}})\b",
        r"Passage \1",
    ),
    (r"\bpassage\s+(?:№|n[°º])\s*(\d{1,3})\b", r"Passage \1"),
    (r"(?:评分|得分|分数|スコア|点数|점수)(?=\s*[:=])", "Score"),
    (r"(\d)\s*[分点점](?![\w])", r"\1"),
    (r"(?:正确)?答案\s*[是为:]\s*", "Answer: "),
    (r"(?m)^[^\S\n]{0,8}(\d{1,2})\.(?=Passage )", r"\1. "),
    # Markup.
    (r"\\text(?:bf)?\{([^{}]*)\}", r"\1"),
    (r"\\boxed\{([^{}]*)\}", r"\1"),
    (r"/\*[^*]{0,400}\*/", " "),
    (r"<t[dh]\b[^>]{0,80}>", "| "),
    (r"</t[dh]>", " "),
    (r"</tr>", " |\n"),
    (
        rf"<(?:{_WORD}|score|result|rating|p)\s+(?:id|passage|number|index|n|doc)\s*=\s*[\"']?(\d{{1,4}})[\"']?\s*>",
        r"\nPassage \1: ",
    ),
    (r"<(?:relevance_?)?(?:score|rating|grade)s?>", " Score: "),
    (
        rf"</?(?:{_TAGS}|{_WORD})\s*/?>",
        "\n",
    ),
    (r"</?(?:b|i|em|strong|span)>", ""),
    # Numbers.
    ("[★⭐][★⭐☆✩]*", _starred),
    (
        rf"\b(?:{_WORD})\s+({_NUMERAL})\b",
        lambda found: f"Passage {_NUMERALS[found.group(1).lower()]}",
    ),
    (
        rf"\b({_ORDINAL})\s+(?:{_WORD})\b",
        lambda found: f"Passage {_ORDINALS[found.group(1).lower()]}",
    ),
    (
        rf"\b({_NUMERAL})\s+out\s+of\s+({_NUMERAL}|\d+)\b",
        lambda found: "/".join(str(_NUMERALS.get(each.lower(), each)) for each in found.groups()),
    ),
    (
        r"\b\d{1,2}(?:st|nd|rd|th)\b(?:\s*(?:,|;|>|and|then|,\s*and)\s*\d{1,2}(?:st|nd|rd|th)\b)+",
        lambda found: re.sub(r"(?<=\d)(?:st|nd|rd|th)", "", found.group()),
    ),
    (r"[~≈]\s*(?=\d)", ""),
    (r"(?<=\d)\+(?=\s|$|[,;)])", ""),
    (
        r"(?<![\d,.])\d{1,3}(?:,\d{1,2}(?!\d)){2,}(?![,.]?\d)",
        lambda found: found.group().replace(",", ", "),
    ),
    # Names of passages.
    (r"\bscore(?:_(\d{1,3})|\(\s*(\d{1,3})\s*\))(?=\"?\s*[:=])", _of_score),
    (r"\*\*([^*\n]{1,40})\*\*", r"\1"),
    (r"(?<!\w)[PD](\d{1,3})(?=\s*(?:[:=|>→,]|-\s|->))", r"Passage \1"),
    (rf"\b({_WORD})_(\d{{1,4}})\b", r"\1 \2"),
    # A decimal comma, behind the name of a passage and at the end of its line.
    (rf"((?:{_WORD})\s*#?\d{{1,4}}\s*[:=]\s*\d{{1,2}}),(\d{{1,2}})(?=[^\S\n]*(?:\n|$))", r"\1.\2"),
)
_CHANGES = tuple((re.compile(pattern, re.IGNORECASE | re.DOTALL), change) for pattern, change in _SPELLINGS)


def plain(text: str) -> str:
    """The text in the spelling that is read."""
    text = _unwrapped(text).translate(_WIDE)
    for pattern, change in _CHANGES:
        text = pattern.sub(change, text)
    return text


def _unwrapped(text: str) -> str:
    """What a text says that is a JSON string as a whole."""
    bare = text.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == '"' and "\\" in bare:
        try:
            inner = json.loads(bare)
        except ValueError:
            return text
        return inner if isinstance(inner, str) else text
    return text
