"""The Dockerfile is valid, and makes an image of the whole package and of nothing else."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.docker.image import DOCKERFILE, ROOT, image
from tests.docker.programs import hadolint

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_hadolint_finds_no_fault():
    done = hadolint(DOCKERFILE)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("line", "instead", "rule"),
    [
        ("USER 10001:10001", "USER root", "DL3002"),
        ("WORKDIR /data", "WORKDIR data", "DL3000"),
        ("EXPOSE 8000", "PORT 8000", "unexpected"),
        ("EXPOSE 8000", "EXPOSE 80000", "DL3011"),
    ],
)
def test_hadolint_refuses_a_bad_instruction(tmp_path: Path, line: str, instead: str, rule: str):
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert f"\n{line}\n" in text
    planted = tmp_path / "Dockerfile"
    planted.write_text(text.replace(f"\n{line}\n", f"\n{instead}\n"), encoding="utf-8")
    done = hadolint(planted)
    assert done.returncode == 1
    assert rule in done.stdout + done.stderr


def test_the_image_stands_on_a_pinned_python_that_the_package_supports_and_names_no_registry():
    text = DOCKERFILE.read_text(encoding="utf-8")
    tag = next(line for line in text.splitlines() if line.startswith("ARG PYTHON_IMAGE="))
    name, _, version = tag.partition("=")[2].partition(":")
    assert name == "python"
    supported = [each.rpartition(" ")[2] for each in PROJECT["project"]["classifiers"] if ":: 3." in each]
    assert version.partition("-")[0] in supported
    stages = [each.words[0] for stage in image().stages for each in stage if each.name == "FROM"]
    assert stages == ["${PYTHON_IMAGE}"] * 2


def test_the_label_has_the_version_of_the_package():
    labels = image().labels
    assert labels["org.opencontainers.image.version"] == PROJECT["project"]["version"]
    assert labels["org.opencontainers.image.licenses"] == PROJECT["project"]["license"]


def test_what_is_copied_is_let_through_and_neither_data_nor_keys_are():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_through = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert let_through == set(image().copied)
    assert rules.index("**/__pycache__") > max(rules.index(f"!{name}") for name in let_through)


@pytest.mark.slow
def test_the_copied_files_are_enough_to_build_the_whole_wheel(tmp_path: Path):
    copied = tmp_path / "source"
    copied.mkdir()
    for name in image().copied:
        (copied / name).symlink_to(ROOT / name)
    assert wheel_names(copied, tmp_path / "copied") == wheel_names(ROOT, tmp_path / "whole")


def wheel_names(source: Path, folder: Path) -> list[str]:
    """The files of the wheel that is built of a folder."""
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return sorted(zipfile.ZipFile(next(folder.glob("*.whl"))).namelist())
