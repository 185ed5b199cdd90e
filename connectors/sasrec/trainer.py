"""How the arm is trained, saved and loaded."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from connectors.sasrec.settings import SasRecSettings
from orchestrator.ports.recommend import Arm, Training
from orchestrator.recommendation.items import Items


class SasRecTrainer:
    """Trains the SASRec-class arm; `model` in a training's settings may be `tiny`."""

    name = "sasrec"
    parts: tuple[str, ...] = ()

    def missing(self) -> str | None:
        """Whether torch is there."""
        if importlib.util.find_spec("torch") is None:
            return (
                "The arm sasrec needs torch, which is not installed. "
                "Install it: pip install 'orchestrator-rag[train]'."
            )
        return None

    def fit(self, training: Training) -> Arm:
        """Train and save."""
        import numpy as np

        save_file: Any = import_module("safetensors.torch").save_file

        from connectors.sasrec.training import train
        from orchestrator.recommendation.content import content_vectors

        settings = SasRecSettings.named(str(training.settings.get("model", "full")))
        content = content_vectors(training.items, settings.content)
        arm = train(training, settings, content)
        np.save(training.folder / "content.npy", content)
        save_file(arm.network.state_dict(), training.folder / "model.safetensors")
        (training.folder / "settings.json").write_text(json.dumps(asdict(settings)), encoding="utf-8")
        return arm

    def load(self, folder: Path, items: Items, parts: Mapping[str, Arm]) -> Arm:
        """What `fit` saved."""
        import numpy as np

        load_file: Any = import_module("safetensors.torch").load_file

        from connectors.sasrec.arm import SasRec
        from connectors.sasrec.model import network

        settings = SasRecSettings(**json.loads((folder / "settings.json").read_text(encoding="utf-8")))
        content = np.load(folder / "content.npy", allow_pickle=False)
        model = network(len(items), settings, content)
        model.load_state_dict(load_file(folder / "model.safetensors"))
        model.eval()
        return SasRec(model, len(items), settings.length)
