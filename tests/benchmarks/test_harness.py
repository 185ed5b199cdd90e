"""Benchmarks start, and what they share writes a block of the results and nothing else."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from benchmarks import harness

NAMES = sorted(path.stem for path in harness.FOLDER.glob("*.py") if path.stem != "__init__")
PAGE = "before\n\n<!-- engine -->\n| old |\n<!-- /engine -->\n\nafter\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_finds_everything_it_imports(name: str) -> None:
    if name == "generative":
        pytest.importorskip("torch")
    importlib.import_module(f"benchmarks.{name}")


def test_a_block_is_replaced_and_the_rest_of_the_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "RESULTS.md"
    page.write_text(PAGE, encoding="utf-8")
    harness.record("engine", harness.table(["a", "b"], [[1, r"\1"]]), page)
    assert page.read_text(encoding="utf-8") == PAGE.replace("| old |", "| a | b |\n|---|---|\n| 1 | \\1 |")


def test_a_page_without_the_block_is_refused_and_not_changed(tmp_path: Path) -> None:
    page = tmp_path / "RESULTS.md"
    page.write_text(PAGE, encoding="utf-8")
    with pytest.raises(SystemExit, match="no block <!-- search -->"):
        harness.record("search", "| new |", page)
    assert page.read_text(encoding="utf-8") == PAGE


@pytest.mark.parametrize("topic", ["engine", "imports", "start", "search"])
def test_the_results_have_the_blocks_that_benchmarks_write(topic: str) -> None:
    page = harness.RESULTS.read_text(encoding="utf-8")
    assert f"<!-- {topic} -->\n|" in page
    assert f"|\n<!-- /{topic} -->" in page


def test_the_machine_line_says_which_package_is_absent() -> None:
    line = harness.machine("numpy", "no-such-package", peer="1.2")
    assert "no-such-package absent, peer 1.2; " in line
    assert "load average" in line
