"""PDF, by pypdf: the text layer; a scan without one has to go through OCR first."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate

from orchestrator.errors import UnreadableFile
from orchestrator.indexing.readers.file import FileDocument, FileReader, document, limited

_HYPHENATED = re.compile(r"(?<=[a-zà-ÿ])-\n(?=[a-zà-ÿ])")


class PdfReader(FileReader):
    """A PDF file is one document, named by its own title if it has one."""

    def read(self, data: bytes, name: str) -> Iterator[FileDocument]:
        from pypdf import PdfReader as Parser
        from pypdf.errors import DependencyError, PyPdfError

        logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it warns of every flaw that it can repair
        try:
            parser = Parser(io.BytesIO(data))
            if parser.is_encrypted and not parser.decrypt(""):
                raise UnreadableFile("It is encrypted; save it without a password.")
            pages: list[str] = []
            length = 0
            for page in parser.pages:
                pages.append(_HYPHENATED.sub("", page.extract_text()).strip())
                length += len(pages[-1])
                if length > 2**24:
                    limited("".join(pages))
            title = str((parser.metadata and parser.metadata.title) or "")
        except DependencyError as error:
            raise UnreadableFile("It is encrypted; save it without a password.") from error
        except RecursionError as error:
            raise UnreadableFile("It is not a valid PDF: its objects are nested too deep.") from error
        except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError) as error:
            # A broken file can surprise its parser anywhere.
            raise UnreadableFile(f"It is not a valid PDF: {str(error) or type(error).__name__}.") from error
        if not any(pages):
            raise UnreadableFile("It holds no text; if it is a scan, run it through OCR first.")
        starts = accumulate((len(page) + 2 for page in pages[:-1]), initial=0)
        whole = document(name, title.strip(), "\n\n".join(pages), pages=len(pages))
        yield replace(whole, page_starts=tuple(starts))
