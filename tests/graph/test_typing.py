"""The static side of the contract: correct programs type-check, wrong settings do not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("typed_composition.py")
ROOT = Path(__file__).parents[2]


def checked(program: Path) -> str:
    """What pyright says of a program that lies in the checkout."""
    pyright = shutil.which("pyright", path=str(Path(sys.executable).parent))
    assert pyright, "pyright is part of the development environment"
    command = [pyright, "--pythonpath", sys.executable, str(program)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT).stdout


@pytest.mark.slow
def test_a_users_program_type_checks_strictly() -> None:
    assert checked(PROGRAM).strip().startswith("0 errors")


@pytest.mark.slow
def test_a_wrong_setting_is_found_by_the_type_checker() -> None:
    wrong = PROGRAM.with_name("typed_wrongly.py")
    wrong.write_text(PROGRAM.read_text().replace("  # pyright: ignore[reportArgumentType]", ""))
    try:
        assert "reportArgumentType" in checked(wrong)
    finally:
        wrong.unlink()
