"""How the ranker is trained, saved and loaded."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from connectors.sasrec.ranker import SasRec
from connectors.sasrec.settings import SasRecSettings
from orchestrator.errors import BadInput
from orchestrator.interactions.items import Items
from orchestrator.ports.recommend import Ranker, Refresh, Training


class SasRecTrainer:
    """Trains the SASRec-class ranker; `model` in a training's settings may be `tiny`."""

    name = "sasrec"
    parts: tuple[str, ...] = ()

    def missing(self) -> str | None:
        """Whether torch is there."""
        if importlib.util.find_spec("torch") is None:
            return (
                "The ranker sasrec needs torch, which is not installed. "
                "Install it: pip install 'orchestrator-rag[train]'."
            )
        return None

    def fit(self, training: Training) -> Ranker:
        """Train and save."""
        import numpy as np

        save_file: Any = import_module("safetensors.torch").save_file

        from connectors.sasrec.training import train
        from orchestrator.recommendation.rankers.item_content import read_content

        settings = SasRecSettings.named(str(training.settings.get("model", "full")))
        content, reading = read_content(training.items, settings.content)
        ranker = train(training, settings, content)
        reading.save(training.folder)
        np.save(training.folder / "content.npy", content)
        save_file(ranker.network.state_dict(), training.folder / "model.safetensors")
        (training.folder / "settings.json").write_text(json.dumps(asdict(settings)), encoding="utf-8")
        return ranker

    def load(self, folder: Path, items: Items, parts: Mapping[str, Ranker]) -> Ranker:
        """Load what `fit` saved."""
        import numpy as np

        load_file: Any = import_module("safetensors.torch").load_file

        from connectors.sasrec.model import network

        settings = SasRecSettings(**json.loads((folder / "settings.json").read_text(encoding="utf-8")))
        content = np.load(folder / "content.npy", allow_pickle=False)
        model = network(len(items), settings, content)
        model.load_state_dict(load_file(folder / "model.safetensors"))
        model.eval()
        return SasRec(model, len(items), settings.length)

    def refresh(self, target: Refresh) -> Ranker:
        """The network as it is, over the vectors of another catalogue.

        An item that is new is read as training read the others, and takes from the one that reads most
        like it what was learned of that one beyond its content, in the measure in which they are alike.
        """
        import numpy as np

        torch: Any = import_module("torch")
        save_file: Any = import_module("safetensors.torch").save_file

        from orchestrator.recommendation.generative.item_ids.clustering import nearest
        from orchestrator.recommendation.rankers.item_content import Reading

        before, items = target.before, target.items
        if before.rows == items.rows:
            shutil.copytree(target.trained, target.folder, dirs_exist_ok=True)
            return self.load(target.folder, items, {})
        try:
            reading = Reading.load(target.trained)
        except FileNotFoundError:
            raise BadInput(
                "The ranker sasrec was trained by a release that did not keep how it read items.",
                hint="Train again: `orchestrator recommend train --data DIR`.",
            ) from None
        old = self.load(target.trained, before, {})
        assert isinstance(old, SasRec)
        learned = old.network.embedding.weight.detach()
        content, read = np.load(target.trained / "content.npy", allow_pickle=False), reading.vectors(items)
        rows = np.asarray([before.numbers.get(one, -1) for one in items.ids], dtype=np.int64)
        new = np.flatnonzero(rows < 0)
        beside = nearest(read[new], content)
        alike = np.clip((read[new] * content[beside]).sum(axis=1), 0.0, 1.0)
        rows[new] = beside
        # The last row is that of padding.
        table = learned[torch.from_numpy(np.append(rows, len(before)))].clone()
        table[torch.from_numpy(new)] *= torch.from_numpy(alike)[:, None]
        reading.save(target.folder)
        np.save(target.folder / "content.npy", read)
        save_file(
            {**old.network.state_dict(), "embedding.weight": table}, target.folder / "model.safetensors"
        )
        shutil.copyfile(target.trained / "settings.json", target.folder / "settings.json")
        return self.load(target.folder, items, {})
