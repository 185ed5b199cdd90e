"""Data sets in TREC's files: a collection, topics, qrels.

Formats: https://trec.nist.gov/data/ (SGML documents and topics, XML topics of later tracks, qrels).
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Collection, Iterator
from html import unescape
from pathlib import Path

from orchestrator.errors import BadInput
from orchestrator.evaluation import beir_folder
from orchestrator.evaluation.datasets import Dataset, Record, assembled
from orchestrator.evaluation.qrels import read_aspects, read_qrels
from orchestrator.text.numbered_lines import identifier, lines

_TAG = re.compile(r"<[^>]*>")
_TITLES = re.compile(r"<(title|headline|head|hl)>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_DOCNO = re.compile(r"<docno>\s*(.*?)\s*</docno>", re.DOTALL | re.IGNORECASE)
_OUTSIDE = re.compile(r"<(docno|docid|dochdr)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_TOPIC = re.compile(r"<top>(.*?)</top>", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"<num>\s*(?:Number:)?\s*([^\s<]+)", re.IGNORECASE)
#: Labels that old topic files repeat at the beginning of a field.
_LABEL = re.compile(r"^\s*(?:Topic|Description|Narrative)\s*:\s*", re.IGNORECASE)


def trec(
    *,
    corpus: str | Path,
    topics: str | Path,
    qrels: str | Path,
    aspects: str | Path | None = None,
    field: str = "title",
    name: str | None = None,
) -> Dataset:
    """The data set of a collection, topics and qrels, and perhaps diversity qrels as `aspects`.

    `corpus`: SGML (<DOC>, <DOCNO>), .jsonl in BEIR's form, or .tsv (id, text or id, title, text); or a
    folder of such files, which are read in the order of their paths.
    `topics`: SGML (<top>), XML (<topic number="…">), .jsonl, or .tsv (id, text); `field` is the part of
    a topic that is asked: title, desc, query … All may be compressed as .gz.
    """
    collection = Path(corpus)
    beside = {Path(file).resolve() for file in (topics, qrels, aspects) if file is not None}
    return assembled(
        name or Path(qrels).name.removesuffix(".gz").rsplit(".", 1)[0],
        str(qrels),
        records=lambda: _records(collection, beside),
        queries=_topics(Path(topics), field),
        judgements=read_qrels(Path(qrels)),
        aspects=read_aspects(Path(aspects)) if aspects is not None else (),
    )


def _kind(path: Path) -> str:
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()


def _records(path: Path, beside: Collection[Path] = ()) -> Iterator[Record]:
    """The documents of a file, or of the files below a folder that are not those `beside` them."""
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.is_file() and each.resolve() not in beside)
        # What begins with a dot is of the system or of an editor.
        files = [each for each in files if not any(part[0] == "." for part in each.relative_to(path).parts)]
        if not files:
            raise BadInput(f"{path} has no files.", hint="Name the folder of the collection.")
        for each in files:
            yield from _records(each)
        return
    match _kind(path):
        case ".jsonl":
            yield from beir_folder.records(path)
        case ".tsv":
            for line in lines(path):
                # Further tabs belong to the text.
                fields = line.text.split("\t", 2)
                if len(fields) < 2:
                    line.fault("has no tab", "Write id, text or id, title, text.")
                title = fields[1] if len(fields) == 3 else ""
                yield Record(identifier(line, fields[0], "id"), title, fields[-1])
        case _:
            yield from _sgml_records(path)


def _sgml_records(path: Path) -> Iterator[Record]:
    block: list[str] = []
    for line in lines(path):
        start = line.text.strip().lower()
        if start.startswith("<doc>"):
            block = []
        block.append(line.text)
        if not start.endswith("</doc>"):
            continue
        text = "\n".join(block)
        block = []
        found = _DOCNO.search(text)
        if found is None:
            line.fault("ends a document that has no <DOCNO>")
        title = _TITLES.search(text)
        body = _OUTSIDE.sub(" ", text.replace(title.group(0), " ") if title else text)
        yield Record(
            identifier(line, found.group(1), "DOCNO"), _plain(title.group(2)) if title else "", _plain(body)
        )


def _topics(path: Path, field: str) -> Iterator[tuple[str, str]]:
    match _kind(path):
        case ".jsonl":
            return beir_folder.texts(path)
        case ".tsv":
            return _tabbed(path)
        case _:
            text = "\n".join(line.text for line in lines(path))
            return _sgml_topics(path, text, field) if _TOPIC.search(text) else _xml_topics(path, field)


def _tabbed(path: Path) -> Iterator[tuple[str, str]]:
    for line in lines(path):
        query, tab, text = line.text.partition("\t")
        if not tab:
            line.fault("has no tab", "Write a topic's id, a tab, and its text.")
        yield identifier(line, query, "topic id"), text


def _sgml_topics(path: Path, text: str, field: str) -> Iterator[tuple[str, str]]:
    for topic in _TOPIC.findall(text):
        number = _NUMBER.search(topic)
        # Fields of old topics have no end tag: the next tag ends them.
        asked = re.search(rf"<{re.escape(field)}>([^<]*)", topic, re.IGNORECASE)
        if number is None or asked is None:
            lacking = "<num>" if number is None else f"<{field}>"
            raise BadInput(
                f"{path}: a topic has no {lacking}: {_plain(topic)[:60]!r}.",
                hint="Name the part of a topic that is asked with field=….",
            )
        yield number.group(1), _plain(_LABEL.sub("", asked.group(1)))


def _xml_topics(path: Path, field: str) -> Iterator[tuple[str, str]]:
    from defusedxml import ElementTree
    from defusedxml.common import DefusedXmlException

    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            root = ElementTree.parse(file).getroot()
    except (ElementTree.ParseError, DefusedXmlException) as error:
        raise BadInput(
            f"{path} has no topics that can be read: {error}.",
            hint="Known are <top> and <topic> elements, .tsv and .jsonl.",
        ) from None
    found = [] if root is None else root.findall(".//topic")
    if not found:
        raise BadInput(
            f"{path} has no topics.", hint="Known are <top> and <topic> elements, .tsv and .jsonl."
        )
    for topic in found:
        number = topic.get("number")
        # Later tracks call the title of a topic its query.
        element = (
            topic.find(field) if topic.find(field) is not None or field != "title" else topic.find("query")
        )
        if number is None or element is None:
            lacking = "number" if number is None else f"<{field}>"
            raise BadInput(f"{path}: a topic has no {lacking}.", hint="Name another with field=….")
        yield number, " ".join("".join(element.itertext()).split())


def _plain(text: str) -> str:
    return " ".join(unescape(_TAG.sub(" ", text)).split())
