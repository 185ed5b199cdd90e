"""Files of results: refused before the work if they cannot be written, then written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def require_writable(file: Path | None) -> None:
    """Refuse a file that cannot be written, before the work."""
    from orchestrator.errors import BadInput

    if file is None or str(file) == "-":
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error}.", hint="Name another file.") from None
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        raise BadInput(f"{file} cannot be written.", hint="Name another file.")


def write_whole(file: Path, text: str) -> None:
    """A file, whole or not at all."""
    from orchestrator.errors import StoreError

    part = file.with_name(f".{file.name}.part")
    try:
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{file} could not be written: {error.strerror or error}.",
            hint="Give the command again with another file: what was computed is kept.",
        ) from error
