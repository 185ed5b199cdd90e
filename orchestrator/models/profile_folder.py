"""Model profiles in a folder: one small file a model."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

from orchestrator.errors import StoreError
from orchestrator.ports import ModelProfile


class ProfileFolder:
    """The `ModelProfiles` port over the files of a folder, which is made when the first is kept.

    They are in no backup: `orchestrator doctor --model` measures again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, model: str) -> ModelProfile | None:
        """The profile of a model; None if none was measured, or its file cannot be understood."""
        return await asyncio.to_thread(self._read, model)

    async def keep(self, profile: ModelProfile) -> None:
        """Write a profile. StoreError if the folder cannot be written to."""
        await asyncio.to_thread(self._keep, profile)

    def _read(self, model: str) -> ModelProfile | None:
        try:
            told: Any = json.loads(self._file(model).read_text(encoding="utf-8"))
            found = ModelProfile(str(told["model"]), str(told["strategy"]), float(told["measured"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError):
            # It only recommends: without it, the default holds.
            return None
        return found if found.model == model else None

    def _keep(self, profile: ModelProfile) -> None:
        file = self._file(profile.model)
        unfinished = file.with_name(f".{uuid.uuid4().hex}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(json.dumps(asdict(profile), ensure_ascii=False), encoding="utf-8")
            os.replace(unfinished, file)  # noqa: PTH105
        except OSError as error:
            raise StoreError(
                f"The profile of {profile.model!r} could not be written to {self._folder}: "
                f"{error.strerror or error}.",
                hint="Check the disk, or set another home.",
            ) from error

    def _file(self, model: str) -> Path:
        # Names of models are paths, addresses and worse.
        return self._folder / f"{hashlib.sha256(model.encode()).hexdigest()[:32]}.json"
