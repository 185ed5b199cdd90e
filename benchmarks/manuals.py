"""Phrases copied from manuals in many languages, and whether BM25 finds the passage that they are from.

    python -m benchmarks.manuals [--home DIR] [--record]

Debian's translated manual pages (Japanese, Chinese, German, French, Spanish, Russian) and its Korean FAQ, all
passages in one index: 60 passages a language, and whether a phrase copied from each finds it among the first
five. A phrase is five words from a random place (eight characters in scripts without spaces), mostly in the
language's script, that stand in no other passage. `apt-get download` fetches the packages once, into
`--home`, and nothing is installed.
"""

import gzip
import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks import harness
from benchmarks.languages import FIRST, ITEMS, PHRASES, WORDS, Encoder, Untold, ranked, scorer

#: Of each language: the Debian package, and the folder of its texts.
PACKAGES = {
    "zh": ("manpages-zh", "usr/share/man/zh_CN"),
    "ja": ("manpages-ja", "usr/share/man/ja"),
    "ko": ("debian-faq-ko", "usr/share/doc/debian/FAQ/ko"),
    "de": ("manpages-de", "usr/share/man/de"),
    "fr": ("manpages-fr", "usr/share/man/fr"),
    "es": ("manpages-es", "usr/share/man/es"),
    "ru": ("manpages-ru", "usr/share/man/ru"),
}
#: Passages of each language, of so many characters.
PASSAGES = 1000
SIZES = {"zh": (120, 400), "ja": (120, 400), "ko": (120, 500)}
SIZE = (250, 900)
#: Characters of a phrase in scripts without spaces.
CHARACTERS = {**PHRASES, "ja": 8}
# What a manual page writes for the typesetter: fonts, spaces, dashes.
_MARKUP = re.compile(r"\\f\[?[A-Z]+\]?|\\f.|\\[&|^/,%:]|\\\(..|\\\[[^\]]*\]|\\m\[[^\]]*\]|\\s[-+]?\d")
_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]+>", re.DOTALL)


def texts_of(language: str, home: Path) -> list[str]:
    """Passages of a language: paragraphs, joined until they are long enough."""
    package, folder = PACKAGES[language]
    if not (home / package).is_dir():
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-qq", package], cwd=home, check=True)
        (archive,) = home.glob(f"{package}_*.deb")
        subprocess.run(["dpkg", "-x", str(archive), str(home / package)], check=True)
    least, most = SIZES.get(language, SIZE)
    found: dict[str, None] = {}
    for file in sorted((home / package / folder).rglob("*")):
        passage = ""
        for paragraph in _paragraphs(file) if file.is_file() else ():
            passage = f"{passage}\n{paragraph}".strip()
            if len(passage) >= least:
                found[passage[:most]] = None
                passage = ""
    chance = random.Random(7)
    return chance.sample(list(found), min(PASSAGES, len(found)))


def _paragraphs(file: Path) -> Iterator[str]:
    if file.suffix == ".gz":
        lines = gzip.decompress(file.read_bytes()).decode("utf-8", "replace").splitlines()
        # A request on a line of its own ends a paragraph, unless it sets a word in another font.
        kept = (
            re.sub(r"^\.(?:B|I|BR|IR|RB|RI|BI|IB)\s", "", line) if not line.startswith((".\\", "'\\")) else ""
            for line in lines
        )
        text = "\n".join("" if line.startswith((".", "'")) else _plain(line) for line in kept)
    elif file.suffix == ".html":
        text = re.sub(r"</(p|li|h\d|dd|dt|tr)>", "\n\n", file.read_text(encoding="utf-8", errors="replace"))
        text = _TAG.sub("", text)
    else:
        return
    for paragraph in re.split(r"\n\s*\n", text):
        if words := " ".join(paragraph.split()):
            yield words


def _plain(line: str) -> str:
    return _MARKUP.sub("", line.replace(r"\-", "-").replace(r"\e", "\\").replace(r"\(en", "-"))


def phrases(texts: list[str], language: str, others: str) -> Iterator[tuple[int, str]]:
    """Passages by number, each with a phrase that stands in it alone; `others` is all text."""
    chance = random.Random(1)
    for number in chance.sample(range(len(texts)), len(texts)):
        for _ in range(5):
            phrase = _phrase(texts[number], language, chance)
            letters = sum(character.isalpha() and _is_own(character, language) for character in phrase)
            if letters >= len(phrase) * 0.7 and others.count(phrase) == 1:
                yield number, phrase
                break


def _is_own(character: str, language: str) -> bool:
    """Whether a letter is of the language's script: commands and options are in Latin letters everywhere."""
    return language in ("de", "fr", "es") or not character.isascii()


def _phrase(text: str, language: str, chance: random.Random) -> str:
    if size := CHARACTERS.get(language):
        at = chance.randrange(max(1, len(text) - size))
        return text[at : at + size].strip()
    words = text.split(" ")
    at = chance.randrange(max(1, len(words) - WORDS))
    return " ".join(words[at : at + WORDS])


def main() -> None:
    """Measure and print."""
    from connectors.bm25 import Bm25Encoder

    parser = harness.Arguments(__doc__, home="manuals", record=True)
    given = parser.parse_args()
    by_language = {language: texts_of(language, given.home) for language in PACKAGES}
    texts = [text for each in by_language.values() for text in each]
    whole = "\0".join(texts)
    encoders: dict[str, Encoder] = {"one token a run": Untold(), "`auto`": Bm25Encoder()}
    rows: list[list[object]] = [["passages", *map(len, by_language.values())]]
    for name, encoder in encoders.items():
        scores = scorer(encoder, texts)
        row: list[object] = [name]
        start = 0
        for language, own in by_language.items():
            items = [item for item, _ in zip(phrases(own, language, whole), range(ITEMS), strict=False)]
            hits = sum(start + number in ranked(scores(phrase), FIRST) for number, phrase in items)
            row.append(f"{hits} of {len(items)}")
            start += len(own)
        rows.append(row)
    text = harness.table(["BM25", *PACKAGES], rows)
    text += f"\n\n{harness.machine('qdrant-edge-py')}"
    print(text)
    if given.record:
        harness.record("manuals", text)


if __name__ == "__main__":
    main()
