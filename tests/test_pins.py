"""What is pinned can be installed wherever the project says that it runs."""

from __future__ import annotations

import importlib.metadata
from contextlib import suppress
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_every_pin_can_be_installed_on_the_first_release_of_the_oldest_python() -> None:
    """A distribution's Python 3.11 may be 3.11.2; a pin that wants 3.11.5 would end `make demo` there."""
    refused: list[str] = []
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, _, version = line.partition("==")
        # Pins of extras that are not installed here are looked at where they are.
        with suppress(importlib.metadata.PackageNotFoundError):
            wanted = importlib.metadata.metadata(name).get("Requires-Python")
            if wanted and not SpecifierSet(wanted).contains("3.11.0"):
                refused.append(f"{name} {version}: {wanted}")
    assert refused == []
