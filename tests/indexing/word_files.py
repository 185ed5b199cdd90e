"""Word files of the constructs that a test names, in XML as Word writes it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from xml.sax.saxutils import escape

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STRICT_RELATIONS = "http://purl.oclc.org/ooxml/officeDocument/relationships"
_NAMESPACES = {
    "r": _RELATIONS,
    "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
    "v": "urn:schemas-microsoft-com:vml",
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "dgm": "http://schemas.openxmlformats.org/drawingml/2006/diagram",
    "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
}
NUMBERING = """
<w:abstractNum w:abstractNumId="1">
 <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
 <w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%2)"/></w:lvl>
 <w:lvl w:ilvl="2"><w:start w:val="1"/><w:numFmt w:val="upperRoman"/><w:lvlText w:val="%1.%3"/></w:lvl>
</w:abstractNum>
<w:abstractNum w:abstractNumId="2">
 <w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="o"/></w:lvl>
</w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num>
<w:num w:numId="2"><w:abstractNumId w:val="2"/></w:num>
<w:num w:numId="3"><w:abstractNumId w:val="1"/>
 <w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride></w:num>
"""
STYLES = """
<w:style w:type="paragraph" w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style>
<w:style w:type="paragraph" w:styleId="Kapitel">
 <w:name w:val="Kapitel"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr>
</w:style>
<w:style w:type="paragraph" w:styleId="Unter">
 <w:name w:val="Unter"/><w:basedOn w:val="berschrift2"/>
</w:style>
"""


def run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def paragraph(inner: str, properties: str = "") -> str:
    """A paragraph of runs, or of text alone."""
    runs = inner if "<" in inner else run(inner)
    return f"<w:p>{f'<w:pPr>{properties}</w:pPr>' if properties else ''}{runs}</w:p>"


def cell(inner: str, properties: str = "") -> str:
    content = inner if "<w:p>" in inner or "<w:tbl>" in inner else paragraph(inner)
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{content}</w:tc>"


def row(*cells: str, properties: str = "") -> str:
    inner = "".join(each if each.startswith("<") else cell(each) for each in cells)
    return f"<w:tr><w:trPr>{properties}</w:trPr>{inner}</w:tr>"


def table(*rows: str) -> str:
    return f"<w:tbl>{''.join(rows)}</w:tbl>"


def control(inner: str) -> str:
    return f"<w:sdt><w:sdtPr/><w:sdtContent>{inner}</w:sdtContent></w:sdt>"


def word(
    body: str, parts: Mapping[str, tuple[str, str]] | None = None, *, title: str = "", strict: bool = False
) -> bytes:
    """A .docx with a body; `parts` are others by their file, each with its kind and content.

    A part's relationship has the name of its file without the ending, as `header1`.
    """
    spaces = " ".join(f'xmlns:{short}="{address}"' for short, address in _NAMESPACES.items())
    spaces = f'xmlns:w="{W}" {spaces}'

    def of(kind: str, inner: str) -> str:
        return f'<?xml version="1.0" encoding="UTF-8"?><w:{kind} {spaces}>{inner}</w:{kind}>'

    files = {"word/document.xml": of("document", f"<w:body>{body}</w:body>")}
    files["word/styles.xml"] = of("styles", STYLES)
    files["word/numbering.xml"] = of("numbering", NUMBERING)
    relations = [("styles", "styles.xml"), ("numbering", "numbering.xml")]
    for file, (kind, content) in (parts or {}).items():
        whole = content.startswith(("<html", "<?xml"))
        root = {"header": "hdr", "footer": "ftr"}.get(kind, kind)
        files[f"word/{file}"] = content if whole else of(root, content)
        relations.append((kind, file))
    files["word/_rels/document.xml.rels"] = _relations(relations)
    files["_rels/.rels"] = _relations(
        [("officeDocument", "word/document.xml"), ("core-properties", "core.xml")]
    )
    files["core.xml"] = (
        '<c:p xmlns:c="x" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{escape(title)}</dc:title></c:p>"
    )
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for file, content in files.items():
            if strict:
                content = content.replace(W, STRICT).replace(_RELATIONS, _STRICT_RELATIONS)
                content = content.replace(_NAMESPACES["m"], "http://purl.oclc.org/ooxml/officeDocument/math")
            archive.writestr(file, content)
    return data.getvalue()


def _relations(entries: list[tuple[str, str]]) -> str:
    inner = ""
    for kind, file in entries:
        identifier = file.rpartition("/")[2].partition(".")[0]
        inner += f'<Relationship Id="{identifier}" Type="{_RELATIONS}/{kind}" Target="{file}"/>'
    address = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{address}">{inner}</Relationships>'
