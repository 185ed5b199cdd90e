"""What docker/Dockerfile says, read as text: its instructions, and what the image of the last stage has."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"


@dataclass(frozen=True)
class Instruction:
    """One instruction, continued lines joined: `name` in capitals, `text` is what follows it."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """The text as its words: a JSON list (the exec form), or split as a shell does."""
        if self.text.startswith("["):
            return cast("list[str]", json.loads(self.text))
        return shlex.split(self.text)


@dataclass(frozen=True)
class Image:
    """The instructions of every stage; the properties are those of the last one, which is the image."""

    stages: Sequence[Sequence[Instruction]]

    def last(self, name: str) -> Instruction:
        """The instruction of that name that is in force in the image."""
        return [each for each in self.stages[-1] if each.name == name][-1]

    @property
    def command(self) -> list[str]:
        """What a container runs."""
        return self.last("CMD").words

    @property
    def environment(self) -> dict[str, str]:
        """What ENV sets."""
        words = [word for each in self.stages[-1] if each.name == "ENV" for word in each.words]
        return dict(word.split("=", 1) for word in words)

    @property
    def labels(self) -> dict[str, str]:
        """What LABEL sets."""
        return dict(word.split("=", 1) for word in self.last("LABEL").words)

    @property
    def health_command(self) -> list[str]:
        """What HEALTHCHECK runs."""
        _, _, command = self.last("HEALTHCHECK").text.partition("CMD ")
        return Instruction("CMD", command).words

    @property
    def health_options(self) -> dict[str, str]:
        """The options of HEALTHCHECK, without their dashes."""
        options, _, _ = self.last("HEALTHCHECK").text.partition("CMD ")
        return dict(re.findall(r"--([\w-]+)=(\S+)", options))

    @property
    def copied(self) -> list[str]:
        """The files and folders that COPY takes from the checkout."""
        found = [each.words for stage in self.stages for each in stage if each.name == "COPY"]
        return [source for words in found if not words[0].startswith("--from=") for source in words[:-1]]


def image(text: str | None = None) -> Image:
    """The image that a Dockerfile describes; by default the product's."""
    text = DOCKERFILE.read_text(encoding="utf-8") if text is None else text
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    stages: list[list[Instruction]] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name.upper() == "FROM":
            stages.append([])
        if stages:
            stages[-1].append(Instruction(name.upper(), rest.strip()))
    return Image(stages)
