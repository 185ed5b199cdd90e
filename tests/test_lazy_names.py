"""The public names of a package are listed once, in its stub, and imported when first used."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

CONNECTORS = ("connectors.pgvector", "connectors.qdrant", "connectors.qdrant_edge", "connectors.vllm")
PACKAGES = ("orchestrator", "orchestrator.nodes", *CONNECTORS)


def stub(package: str) -> str:
    return Path(str(importlib.import_module(package).__file__)).with_suffix(".pyi").read_text()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_listed_name_is_what_its_module_defines(package: str) -> None:
    module = importlib.import_module(package)
    lines = re.findall(r"^from (\S+) import (\w+) as (\w+)$", stub(package), re.MULTILINE)
    assert [name for _, name, _ in lines] == module.__all__
    for home, name, public in lines:
        assert name == public
        assert getattr(module, name) is getattr(importlib.import_module(home), name)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_star_import_brings_every_name(package: str) -> None:
    names: dict[str, object] = {}
    exec(f"from {package} import *", names)
    assert set(importlib.import_module(package).__all__) <= set(names)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_name_that_is_not_listed_is_an_error_that_names_both(package: str) -> None:
    with pytest.raises(AttributeError, match=f"'{package}' has no attribute 'Retriever'"):
        _ = importlib.import_module(package).Retriever


def test_naming_one_node_imports_no_other_family() -> None:
    program = (
        "import sys; from orchestrator.nodes import rrf; "
        "print(*(name for name in sys.modules if name.startswith('orchestrator.nodes.')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "orchestrator.nodes.retrieve.fusion" in done.stdout
    assert "orchestrator.nodes.answer" not in done.stdout
