"""The encoding of a text file: UTF-8 if it can be, else the mark, else what its bytes are like.

Text in UTF-8 is told by its bytes alone. UTF-16 and UTF-32 without a mark are told by their zero bytes. Of
older encodings, `charset_normalizer` finds the script; which of those of one alphabet it is, the letters of
the languages say. What was taken is noted, so that a wrong guess is seen.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.errors import UnreadableFile
from orchestrator.indexing.readers.file import FileNote

_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)
#: What files begin with that are no text, whatever they are called.
_BINARY = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive, as files of Word and Excel are"),
    (b"\xd0\xcf\x11\xe0", "a file of an old Microsoft Office"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"\x1f\x8b", "compressed (gzip)"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "a database (SQLite)"),
)
#: How much of a file is looked at, in bytes, from its first byte that is not ASCII.
_SAMPLE = 64_000
#: The share of control characters that a text has at most: marks of a terminal, ends of pages.
_CONTROLS = 0.05
#: Bytes of a text in UTF-8 that may be damaged, as a share of its characters beyond ASCII.
_DAMAGED = 0.1

_TERMINAL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
#: What ends a line or a page beside line feeds: it parts words.
_BREAK = re.compile(r"[\x0b\x0c\x1c-\x1e\x85]")

_CONTROL_BYTES = bytes([*range(9), 11, 12, *range(14, 32), 127])
_LOW_BYTES = bytes([*range(10), 11, 12, *range(14, 32)])
_CONTROL_PAIR = re.compile(rb"\xc2[\x80-\x9f]|\xef(?:\xbb\xbf|\xbf[\xbe\xbf])")

#: Encodings of other scripts, and those of letters for the languages that they were made for.
_OTHERS = "cp1251 koi8_r iso8859_5 cp932 euc_jp gb18030 big5 cp949 cp1253 cp1255 cp1256 cp874".split()
_WESTERN = (
    "äöüßÄÖÜ àâæçéèêëîïôœùûüÿÀÂÇÉÈÊËÎÏÔŒÙÛ áéíóúüñÁÉÍÓÚÑºª ãáàâçéêíóôõúÃÁÀÂÇÉÊÍÓÔÕÚºª àèéìòùÀÈÉÌÒÙ åäöéÅÄÖÉ "
    "æøåéÆØÅÉ áéíóúýþðæöÁÉÍÓÚÝÞÐÆÖ éëïóüèê äõöüšž"
).split()
_CENTRAL = (
    "áčďéěíňóřšťúůýžÁČĎÉĚÍŇÓŘŠŤÚŮÝŽ ąćęłńóśźżĄĆĘŁŃÓŚŹŻ áéíóöőúüűÁÉÍÓÖŐÚÜŰ áäčďéíĺľňóôŕšťúýžÁČĎÉÍĽŇÓŠŤÚÝŽ "
    "čćđšžČĆĐŠŽ ăâîşţĂÂÎŞŢ"
).split()
_LATIN = (
    ("cp1252", _WESTERN),
    ("iso8859_15", _WESTERN),
    ("cp1250", _CENTRAL),
    ("iso8859_2", _CENTRAL),
    ("cp1254", ["çğıöşüâîûÇĞİÖŞÜ"]),
    ("cp1257", ["ąčęėįšųūžĄČĘĖĮŠŲŪŽ", "āčēģīķļņšūžĀČĒĢĪĶĻŅŠŪŽ", "äõöüšžÄÕÖÜŠŽ"]),
    ("cp1258", ["àáâãăèéêìíòóôõơùúưýđÀÁÂÈÉÊÌÍÒÓÔƠÙÚƯÝĐ\u0300\u0301\u0303\u0309\u0323"]),
    ("cp850", _WESTERN),
    ("mac_roman", _WESTERN),
)
# The letters of other alphabets, the most frequent first: of two alphabets of the same bytes, the right one
# is that in whose frequent letters the text is written.
_CYRILLIC = ["оеаинтсрвлмкдпуяыьгзбчйхжшюцщэфъё", "оанивтерісклудмпязьгбчйхжїцшюєщфґ"]
_GREEK = ["αοιετσνηυρπκμλςόγίδάωθήχέύφβξώζψϊϋΐΰ"]
_HEBREW = ["יוהלארתמשבנםדעקכפחטגןסזצךףץ"]
_ARABIC = ["الينمروتبةعدسفهكقحجشطصخأذضغزىئءثظإؤآپچژگ"]
_ALPHABETS = (
    ("cp1251", _CYRILLIC),
    ("koi8_r", _CYRILLIC),
    ("iso8859_5", _CYRILLIC),
    ("cp866", _CYRILLIC),
    ("cp1253", _GREEK),
    ("cp1255", _HEBREW),
    ("cp1256", _ARABIC),
)


@dataclass(frozen=True, slots=True)
class DecodedText:
    """The text of a file, without control characters, and what is to be said of how it was decoded."""

    text: str
    notes: tuple[FileNote, ...] = ()


def decoded(data: bytes) -> DecodedText:
    """Text from bytes in whatever encoding; UnreadableFile if they are no text, or cannot be told."""
    text, encoding, note = _decoded(data)
    if encoding == "utf-8" and note is None and _is_plain(data):
        return DecodedText(text)
    text = _BREAK.sub("\n", _TERMINAL.sub("", text.removeprefix("\ufeff")))
    if len(_CONTROL.findall(text)) > max(_CONTROLS * len(text), 1):
        raise _binary(data)
    text = _CONTROL.sub("", text)
    notes: list[FileNote] = []
    if encoding not in ("utf-8", "utf-8-sig"):
        notes.append(FileNote(f"It is not in UTF-8; read as {encoding.replace('_', '-')}."))
    if note:
        notes.append(note)
    return DecodedText(text, tuple(notes))


def without_controls(text: str) -> str:
    """Text without control characters, as escapes of JSON and HTML may name them."""
    if text.isprintable() or _is_plain(text.encode("utf-8", "surrogatepass")):
        return text
    return _CONTROL.sub("", _BREAK.sub("\n", _TERMINAL.sub("", text)))


def _is_plain(data: bytes) -> bool:
    """Whether a text in UTF-8 holds no control character; its bytes tell it faster than its characters."""
    return len(data.translate(None, _CONTROL_BYTES)) == len(data) and not _CONTROL_PAIR.search(data)


def _decoded(data: bytes) -> tuple[str, str, FileNote | None]:
    """The text, the name of its encoding, and what was lost."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _damaged(data, encoding)
    if _is_wide(data) or (b"\0" in data and not _is_dotted(data)):
        found = _wide(data)
        if found is not None:
            return found, _name_of_wide(data, found), None
        if data[:4096].count(b"\0") > _CONTROLS * len(data[:4096]):
            raise _binary(data)
    if b"\x1b$" in data and data.isascii():
        for encoding in ("iso2022_jp", "iso2022_kr"):
            try:
                return data.decode(encoding), encoding, None
            except UnicodeDecodeError:
                continue
    try:
        return data.decode(), "utf-8", None
    except UnicodeDecodeError as error:
        if any(data.startswith(mark) for mark, _ in _BINARY):
            raise _binary(data) from error
        first = error.start
    text = data.decode(errors="replace")
    lost = text.count("\ufffd")
    if lost <= _DAMAGED * sum(character > "\x7f" for character in text[:1_000_000]) and lost < 1000:
        return text, "utf-8", _lost(lost, first)
    encoding = _older(_sample(data, first))
    if encoding is None:
        if len(_CONTROL.findall(text)) > _CONTROLS * len(text):
            raise _binary(data)
        raise UnreadableFile(
            f"Byte {first:,} (0x{data[first]:02x}) is not UTF-8, and no other encoding fits; "
            "save it as UTF-8."
        )
    return _damaged(data, encoding)


def _damaged(data: bytes, encoding: str) -> tuple[str, str, FileNote | None]:
    """The text in an encoding that is known, where some bytes may not belong to it."""
    try:
        return data.decode(encoding), encoding, None
    except UnicodeDecodeError as error:
        text = data.decode(encoding, "replace")
        lost = text.count("\ufffd")
        if lost > 0.01 * len(text) + 1:
            raise UnreadableFile(
                f"Byte {error.start:,} (0x{data[error.start]:02x}) is not "
                f"{encoding.upper().removesuffix('-SIG')}; save it as UTF-8."
            ) from error
        return text, encoding, _lost(lost, error.start)


def _lost(count: int, first: int) -> FileNote:
    what = "1 character is damaged" if count == 1 else f"{count:,} characters are damaged"
    return FileNote(f"{what} (the first at byte {first:,}).", lost=True)


def _binary(data: bytes) -> UnreadableFile:
    kind = next((name for mark, name in _BINARY if data.startswith(mark)), "")
    return UnreadableFile(f"It is {kind}, not text." if kind else "It is not text: it holds binary data.")


# -- UTF-16 and UTF-32 without a mark ---------------------------------------------------------------


def _is_wide(data: bytes) -> bool:
    """Whether every second byte is that of one block, as in UTF-16 of Japanese without any line end."""
    if len(data) < 8 or len(data) % 2:
        return False
    return any(data[side:4096:2].count(0x30) > 0.4 * len(data[side:4096:2]) for side in (0, 1)) and not (
        data[:4096].isascii()
    )


def _is_dotted(data: bytes) -> bool:
    """Whether it is text in UTF-8 with a few zero bytes in it, which are no part of it."""
    # Letters of Russian or Hindi in UTF-16 are pairs of ASCII of which one controls.
    if len(data) - len(data.translate(None, _LOW_BYTES)) > 0.2 * len(data):
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _wide(data: bytes) -> str | None:
    """The text, if it is one in UTF-16 or UTF-32."""
    return max(_readings(data), key=_plausible, default=None)


def _readings(data: bytes) -> Iterator[str]:
    for encoding in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _plausible(text) > 0.9:
            yield text


def _name_of_wide(data: bytes, text: str) -> str:
    return next(
        name for name in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be") if text.encode(name) == data
    )


def _plausible(text: str) -> float:
    """The share of characters that texts are made of, those of one script counted together."""
    sample = text[:4000]
    blocks: dict[int, int] = {}
    for character in sample:
        if character in "\n\r\t" or unicodedata.category(character)[0] in "LMNPSZ":
            code = ord(character)
            # The blocks of Chinese and of Korean are large; those of others are not.
            block = -1 if 0x4E00 <= code < 0xA000 else -2 if 0xAC00 <= code < 0xD7B0 else code >> 8
            blocks[block] = blocks.get(block, 0) + 1
    common = sorted(blocks.values(), reverse=True)[:4]
    return sum(common) / len(sample) if sample else 0.0


# -- older encodings --------------------------------------------------------------------------------


def _sample(data: bytes, first: int) -> bytes:
    """The part of a file that shows its encoding, in whole lines."""
    begin = data.rfind(b"\n", 0, first) + 1
    if first - begin > _SAMPLE // 2:
        begin = first
    part = data[begin : begin + _SAMPLE]
    if begin + _SAMPLE < len(data):
        part = part[: part.rfind(b"\n") + 1] or part
    return part


def _older(sample: bytes) -> str | None:
    """The encoding before UTF-8 that a text is in, or None."""
    from charset_normalizer import from_bytes

    odd = sum(byte > 127 for byte in sample) / max(len(sample), 1)
    latin, fits = _fitting(sample, _LATIN)
    if latin and fits > 0.9 and odd < 0.4:
        return latin
    other, others_fit = _fitting(sample, _ALPHABETS)
    if other and others_fit > 0.9:
        return other
    best = from_bytes(sample, cp_isolation=[*_OTHERS, "cp1252"], preemptive_behaviour=False).best()
    if best is not None and best.encoding in _OTHERS:
        return "euc_jp" if _is_kana(sample) else best.encoding
    return latin if latin and fits > 0.5 and odd < 0.25 else None


def _is_kana(sample: bytes) -> bool:
    """Whether a fifth of a text in EUC-JP is kana, which short texts of China and Korea never have."""
    try:
        text = sample.decode("euc_jp")
    except UnicodeDecodeError:
        return False
    return sum("\u3040" <= character < "\u3100" for character in text) > 0.2 * len(text)


def _fitting(sample: bytes, encodings: Sequence[tuple[str, Sequence[str]]]) -> tuple[str | None, float]:
    """Of these encodings the one whose letters a language has best, and the share of those that it has."""
    found: list[tuple[float, float, str | None]] = [(-1.0, 0.0, None)]
    for encoding, languages in encodings:
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        share, letters = max((_share(text, letters), letters) for letters in languages)
        found.append((share - _rarity(text, letters), share, encoding))
    # Of equals, the first: it is the more usual one.
    _, share, encoding = max(found, key=lambda each: each[0])
    return encoding, share


def _rarity(text: str, letters: str) -> float:
    """How rare its letters are in this language, from 0 to 1; 0 for Latin ones, which are not so ordered."""
    if letters[0] < "\u0370":
        return 0.0
    places = [at for letter in text.lower() if (at := letters.find(letter)) >= 0]
    return sum(places) / len(places) / len(letters) if places else 1.0


def _share(text: str, letters: str) -> float:
    """The share of a text's characters beyond ASCII that may stand where they stand in this language."""
    right = odd = 0
    for at, character in enumerate(text):
        if character < "\x80":
            continue
        odd += 1
        if character.isalpha() or unicodedata.combining(character):
            # A capital inside of a word is a sign of another encoding.
            inside = at > 0 and text[at - 1].islower() and character.isupper()
            torn = _touches_ascii(text, at) if letters[0] > "\u0370" else None
            known = character in letters or (torn is not None and character.lower() in letters)
            right += known and not inside and not torn
        elif character in "’´`-\u00a0«»“”„‘…–—•€§°£%©®™\u00ad²³½¼¾±µ×·":
            right += _stands_apart(text, at) or character in "’´\u00a0\u00ad—–"
    return right / odd if odd else 0.0


def _touches_ascii(text: str, at: int) -> bool:
    around = text[max(at - 1, 0) : at] + text[at + 1 : at + 2]
    return any(character.isascii() and character.isalpha() for character in around)


def _stands_apart(text: str, at: int) -> bool:
    """Whether a mark does not stand between two letters."""
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    return not (before.isalpha() and after.isalpha())
