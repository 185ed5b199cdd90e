"""The rankers `generative` and `atomic`: items by generated identifiers, under constraints."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import UnknownModel
from orchestrator.ports.recommend import Ranker, Ranking, Refresh, Training

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from connectors.torch_decoder.checkpoint import Checkpoint
    from connectors.vllm.served_beam import ServedBeam
    from connectors.vllm.servers import Servers
    from orchestrator.interactions.items import Items
    from orchestrator.interactions.sequences import Sequences
    from orchestrator.ports import Embedder
    from orchestrator.recommendation.generative.trie import Trie

#: Where a ranker's folder keeps the model that a server may be pointed at.
MODEL = "model"


@dataclass(frozen=True, eq=False)
class GenerativeRanker:
    """Ranks by the log-probability of identifiers; an empty history gets what begins histories.

    Where `servers` have its checkpoint, they decode; otherwise this process does. `folder` holds it.
    """

    checkpoint: Checkpoint
    name: str = "generative"
    servers: Servers | None = None
    folder: Path | None = None

    @cached_property
    def trie(self) -> Trie:
        """The whole catalogue."""
        from orchestrator.recommendation.generative.trie import Trie

        return Trie.of(self.checkpoint.ids)

    @cached_property
    def served(self) -> ServedBeam | None:
        """The search on servers, if there are any."""
        if self.servers is None:
            return None
        from connectors.vllm.served_beam import ServedBeam

        name = f"{self.name}-{self.checkpoint.fingerprint}"
        return ServedBeam(self.servers, name, self.checkpoint.ids, self.checkpoint.decoder.length)

    def inspect_server(self) -> str | None:
        """What the server of its checkpoint says, None without one. A ModelError says what to start."""
        if self.served is None:
            return None
        try:
            return self.served.inspect()
        except UnknownModel as error:
            raise UnknownModel(
                f"The checkpoint of {self.name} is not served: it is decoded in process.",
                hint=f"Serve {self.folder} with --served-model-name {self.served.name}.",
            ) from error

    def top(
        self,
        histories: Sequences,
        *,
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        removed: Sequences | None = None,
    ) -> Ranking:
        """The best `k` of each history."""
        from orchestrator.recommendation.generative.constrained import constrained_top

        beam = self.checkpoint.beam
        if self.served is not None:
            found = self.served.top(self.trie, histories, k=k, width=beam, allowed=allowed, removed=removed)
            if found is not None:
                return found
        return constrained_top(
            self.checkpoint.decoder,
            self.trie,
            histories,
            k=k,
            width=beam,
            allowed=allowed,
            removed=removed,
        )


class GenerativeTrainer:
    """Trains `generative` (an identifier of several tokens, setting `ids`) or `atomic` (one token an item).

    `embedder` reads the items' texts; `servers` may have the checkpoint that is in use. Settings of a
    training may name any of `DecoderSettings`.
    """

    parts: tuple[str, ...] = ()

    def __init__(self, name: str, embedder: Embedder, servers: Servers | None = None) -> None:
        self.name = name
        self.embedder = embedder
        self.servers = servers

    def missing(self) -> str | None:
        """Whether torch and scipy are there."""
        for library in ("torch", "scipy"):
            if importlib.util.find_spec(library) is None:
                return (
                    f"The ranker {self.name} needs {library}, which is not installed. "
                    "Install it: pip install 'orchestrator-rag[train]'."
                )
        return None

    def fit(self, training: Training) -> Ranker:
        """Make identifiers, train, and save a Hugging Face checkpoint in the folder `model`."""
        import numpy as np

        from connectors.torch_decoder.checkpoint import Checkpoint
        from connectors.torch_decoder.contents import Contents
        from connectors.torch_decoder.identifiers import identifiers
        from connectors.torch_decoder.settings import DecoderSettings
        from connectors.torch_decoder.training import STATE, decoder, train

        settings = DecoderSettings.named(self.name, training.settings)
        training.folder.mkdir(parents=True, exist_ok=True)
        training.progress(0, 1, "item vectors")
        contents = Contents.of(training.items, training.train, self.embedder, seed=training.seed)
        training.progress(0, 1, "item identifiers")
        ids = identifiers(settings.ids, training.items, training.train, contents, seed=training.seed)
        views = {"text": contents.text, "both": contents.both, "none": None}[settings.content]
        network = train(training, settings, ids, views)
        text = contents.text.shape[1]
        borrowed = np.zeros((settings.width, text), dtype=np.float32)
        if network.contents is not None:
            borrowed = network.borrowed.weight.detach().numpy()[:, :text].copy()
        checkpoint = Checkpoint(
            decoder(network, ids),
            training.items.ids,
            training.items.hash,
            contents.text,
            contents.components,
            borrowed,
            settings.beam,
        )
        checkpoint.save(training.folder / MODEL)
        (training.folder / STATE).unlink(missing_ok=True)
        return GenerativeRanker(checkpoint, self.name)

    def load(self, folder: Path, items: Items, parts: Mapping[str, Ranker]) -> Ranker:
        """Load what `fit` saved. BadInput if it was made for another catalogue."""
        from connectors.torch_decoder.checkpoint import Checkpoint

        checkpoint = Checkpoint.load(folder / MODEL, items)
        return GenerativeRanker(checkpoint, self.name, self.servers, folder / MODEL)

    def refresh(self, target: Refresh) -> Ranker:
        """The model as it is, with identifiers for the items that are new."""
        if target.before.rows == target.items.rows:
            shutil.copytree(target.trained / MODEL, target.folder / MODEL)
            return self.load(target.folder, target.items, {})
        return self.adapt(target.trained, target.items, target.folder)

    def adapt(self, trained: Path, items: Items, folder: Path) -> Ranker:
        """What `fit` left in `trained`, for a catalogue with new and deleted items, saved in `folder`.

        Nothing is trained. `folder` may be the same. BadIdentifiers if there is no room for a new item.
        """
        from connectors.torch_decoder.checkpoint import Checkpoint
        from connectors.torch_decoder.contents import embedded, said

        before = Checkpoint.load(trained / MODEL)
        read = embedded([item.text for item in items.rows], self.embedder)
        after = before.adapted(items, said(items, read, before.components))
        after.save(folder / MODEL)
        return GenerativeRanker(after, self.name)
