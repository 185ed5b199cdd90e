"""Characters that Word takes from symbol fonts, as Unicode has them."""

from __future__ import annotations

_GREEK = dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖαβχδεφγηιϕκλμνοπθρστυϖωξψζ",
        strict=True,
    )
)
_CODES = (
    0xA3,
    0xA5,
    0xAC,
    0xAE,
    0xB0,
    0xB1,
    0xB3,
    0xB4,
    0xB7,
    0xB9,
    0xBA,
    0xBB,
    0xC5,
    0xC7,
    0xC8,
    0xCE,
    0xD6,
    0xE5,
)
_SYMBOL: dict[int, str] = dict(zip(_CODES, "≤∞←→°±≥×•≠≡≈⊕∩∪∈√∑", strict=True))
_WINGDINGS = {
    0x6C: "●",
    0x6E: "■",
    0xA7: "▪",
    0xA8: "☐",
    0xE0: "→",
    0xFB: "✗",
    0xFC: "✓",
    0xFD: "☒",
    0xFE: "☑",
}


def symbol(font: str, code: str) -> str:
    """The character of a code in hexadecimal digits; "" for one that only its font could draw."""
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    if not 0xF000 <= number <= 0xF0FF:
        return "" if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF else chr(number)
    number -= 0xF000
    if font == "Symbol":
        return _SYMBOL.get(number) or _GREEK.get(chr(number), chr(number) if 32 <= number < 127 else "")
    if font.startswith(("Wingdings", "Webdings")):
        return _WINGDINGS.get(number, "") if font == "Wingdings" else ""
    return chr(number) if number >= 32 else ""
