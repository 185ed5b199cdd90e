"""The parts of a Word file: found by their relationships, transitional or strict, one reading of names."""

from __future__ import annotations

import importlib
import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any

#: Short names of the namespaces, those of ISO strict files first.
_NAMESPACES = {
    "http://purl.oclc.org/ooxml/wordprocessingml/main": "w",
    "http://purl.oclc.org/ooxml/officeDocument/relationships": "r",
    "http://purl.oclc.org/ooxml/officeDocument/math": "m",
    "http://purl.oclc.org/ooxml/drawingml/main": "a",
    "http://purl.oclc.org/ooxml/drawingml/chart": "c",
    "http://purl.oclc.org/ooxml/drawingml/diagram": "dgm",
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main": "w",
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships": "r",
    "http://schemas.openxmlformats.org/officeDocument/2006/math": "m",
    "http://schemas.openxmlformats.org/drawingml/2006/main": "a",
    "http://schemas.openxmlformats.org/drawingml/2006/chart": "c",
    "http://schemas.openxmlformats.org/drawingml/2006/diagram": "dgm",
    "http://schemas.openxmlformats.org/markup-compatibility/2006": "mc",
    "http://purl.org/dc/elements/1.1/": "dc",
    "urn:schemas-microsoft-com:vml": "v",
}
_ATTRIBUTES: dict[str, tuple[str, ...]] = {}
for _address, _short in _NAMESPACES.items():
    _ATTRIBUTES[_short] = (*_ATTRIBUTES.get(_short, ()), f"{{{_address}}}")
_NAMES: dict[str, str] = {}


def name(element: Any) -> str:
    """The name with its short prefix, as "w:p"; without one if its namespace matters to nobody here."""
    tag = element.tag
    if not isinstance(tag, str):  # comments, instructions, entities
        return ""
    if (known := _NAMES.get(tag)) is None:
        address, _, local = tag.rpartition("}")
        short = _NAMESPACES.get(address[1:], "")
        known = f"{short}:{local}" if short else local
        if len(_NAMES) < 10_000:
            _NAMES[tag] = known
    return known


def attribute(element: Any, key: str) -> str:
    """An attribute by its name with prefix, as "w:val"; "" if there is none."""
    short, _, local = key.partition(":")
    for address in _ATTRIBUTES[short]:
        if (value := element.get(address + local)) is not None:
            return value
    return ""


def child(element: Any, *path: str) -> Any:
    """The first element down a path of names, or None."""
    for step in path:
        if element is None:
            return None
        element = next((each for each in element if name(each) == step), None)
    return element


def value(element: Any, *path: str) -> str | None:
    """What `w:val` says down a path; "" if it says nothing, None if the path leads nowhere."""
    found = child(element, *path)
    return None if found is None else attribute(found, "w:val")


def is_on(element: Any, *path: str) -> bool:
    """Whether a switch down a path is there, and not switched off."""
    setting = value(element, *path)
    return setting is not None and setting not in ("0", "false", "off", "none")


class WordPackage:
    """An open .docx: its parts by name, parsed once each."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        # Some programs write the paths as Windows has them.
        self._files = {file.replace("\\", "/").lstrip("/").lower(): file for file in archive.namelist()}
        self._parsed: dict[str, Any] = {}
        self._relationships: dict[str, dict[str, tuple[str, str]]] = {}
        self.main = ""
        found = self.related("", "officeDocument")
        self.main = found[0] if found else "word/document.xml"
        if self.root(self.main) is None:
            raise ValueError("it has no document part")

    def bytes(self, part: str) -> bytes | None:
        """A part as it is, or None."""
        file = self._files.get(part.lower())
        return None if file is None else self._archive.read(file)

    def root(self, part: str) -> Any:
        """The root element of a part, or None where there is none."""
        etree: Any = importlib.import_module("lxml.etree")  # which has no types
        if part not in self._parsed:
            data = self.bytes(part)
            parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=part != self.main)
            self._parsed[part] = None if not data else etree.fromstring(data, parser)
        return self._parsed[part]

    def target(self, part: str, identifier: str) -> str | None:
        """The part that a relationship of `part` leads to."""
        found = self._of(part).get(identifier)
        return found[1] if found else None

    def related(self, part: str, kind: str) -> list[str]:
        """The parts of a kind that `part` is related to, as "styles"."""
        return [target for found, target in self._of(part).values() if found == kind]

    def _of(self, part: str) -> dict[str, tuple[str, str]]:
        if part not in self._relationships:
            folder, file = posixpath.split(part)
            found: dict[str, tuple[str, str]] = {}
            for each in self._entries(posixpath.join(folder, "_rels", f"{file}.rels")):
                if each.get("TargetMode") == "External":
                    continue
                target = each.get("Target", "").replace("\\", "/")
                whole = target if target.startswith("/") else posixpath.join(folder, target)
                kind = each.get("Type", "").rpartition("/")[2]
                found[each.get("Id", "")] = (kind, posixpath.normpath(whole).lstrip("/"))
            self._relationships[part] = found
        return self._relationships[part]

    def _entries(self, part: str) -> Iterator[Any]:
        root = self.root(part)
        return (each for each in (() if root is None else root) if isinstance(each.tag, str))
