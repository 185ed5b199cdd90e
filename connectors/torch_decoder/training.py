"""Train the decoder: a cosine schedule, the best epoch by validation, and a state from which it goes on."""

# torch types little of what it calls.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from connectors.torch_decoder.decoding import TorchDecoder
from connectors.torch_decoder.network import Network
from connectors.torch_decoder.words import batches, token_rows, windows
from orchestrator.recommendation.generative.constrained import constrained_top
from orchestrator.recommendation.generative.trie import Trie

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from connectors.torch_decoder.settings import DecoderSettings
    from orchestrator.ports.recommend import Training
    from orchestrator.recommendation.generative.item_ids import ItemIds

#: What an interrupted training goes on from. A finished one removes it.
STATE = "training.pt"
#: Steps that an epoch has at least, and tokens that a step has at least.
_STEPS, _SMALLEST = 32, 256
#: Items a step × tokens from which more than one thread is used.
_THREADED = 2_000_000


def train(
    training: Training,
    settings: DecoderSettings,
    ids: ItemIds,
    contents: NDArray[np.float32] | None,
) -> Network:
    """A network with the weights of its best epoch.

    Every epoch has its own seed and the state is kept after each: a training that was killed and begun
    again gives the weights of one that was not.
    """
    threads = torch.get_num_threads()
    # The steps of a small catalogue are over before threads have met.
    if settings.batch * ids.vocabulary < _THREADED:
        torch.set_num_threads(1)
    try:
        return _train(training, settings, ids, contents)
    finally:
        torch.set_num_threads(threads)


def _train(
    training: Training, settings: DecoderSettings, ids: ItemIds, contents: NDArray[np.float32] | None
) -> Network:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(training.seed)
    network = Network(ids, settings, contents).to(device)
    tokens, lengths = token_rows(windows(training.train, settings.length), ids)
    # A small log has smaller batches: an epoch of few steps teaches little.
    budget = min(settings.batch * ids.depth, max(_SMALLEST, int(lengths.sum()) // _STEPS))
    plan = [list(batches(lengths, budget, _chance(training.seed, e))) for e in range(settings.epochs)]
    steps, done = sum(map(len, plan)), 0
    optimizer = _optimizer(network, settings)
    judge = _Judge(training, settings, ids)
    start, best, stale = 0, (-1.0, network.state_dict()), 0
    state = _found(training.folder / STATE, _identity(training, settings, ids))
    if state is not None:
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        start, best, stale = state["epoch"], (state["score"], state["best"]), state["stale"]
        done = sum(map(len, plan[:start]))
    matrix = torch.from_numpy(tokens).to(device)
    for epoch in range(start, settings.epochs):
        if stale >= settings.patience:
            break
        torch.manual_seed(training.seed * 1009 + epoch)
        network.train()
        for rows in plan[epoch]:
            for group in optimizer.param_groups:
                group["lr"] = settings.rate * _schedule(done, steps, settings.warmup)
            batch = matrix[torch.from_numpy(rows).to(device), : int(lengths[rows].max())]
            optimizer.zero_grad(set_to_none=True)
            network.loss(batch).backward()
            optimizer.step()
            done += 1
            if done % 16 == 0:
                training.progress(done, steps, f"epoch {epoch + 1} of {settings.epochs}")
        # Early epochs are not the best; judging them would cost as much as training does.
        if len(judge.asked) and epoch + 1 >= settings.epochs // 2:
            score = judge(network)
            stale = 0 if score > best[0] else stale + 1
            if score > best[0]:
                best = (score, {name: value.clone() for name, value in network.state_dict().items()})
            training.progress(done, steps, f"epoch {epoch + 1}: NDCG@10 {score:.4f} on validation")
        _keep(
            training.folder / STATE,
            {
                "identity": _identity(training, settings, ids),
                "epoch": epoch + 1,
                "network": network.state_dict(),
                "optimizer": optimizer.state_dict(),
                "score": best[0],
                "best": best[1],
                "stale": stale,
            },
        )
    network.load_state_dict(best[1] if best[0] >= 0 else network.state_dict())
    return network.cpu().eval()


def decoder(network: Network, ids: ItemIds) -> TorchDecoder:
    """The network as it is used: without what training added to it."""
    network.eval()
    with torch.no_grad():
        read, chosen = (table.detach().clone() for table in network.tables())
    return TorchDecoder(network.body, read, chosen, ids, network.settings.length)


class _Judge:
    """NDCG@10 of a fixed sample of validation users, by the search that is used later."""

    def __init__(self, training: Training, settings: DecoderSettings, ids: ItemIds) -> None:
        asked = training.chosen
        rows = np.random.default_rng(training.seed).permutation(len(asked))[: settings.judged]
        self.asked = asked.take(np.sort(rows))
        self.settings, self.ids, self.trie = settings, ids, Trie.of(ids)

    def __call__(self, network: Network) -> float:
        histories = self.asked.histories
        ranking = constrained_top(
            decoder(network, self.ids),
            self.trie,
            histories,
            k=10,
            width=self.settings.beam,
            removed=histories,
        )
        hit = ranking.items == self.asked.targets[:, None]
        return float((hit.any(axis=1) / np.log2(hit.argmax(axis=1) + 2)).mean())


def _optimizer(network: Network, settings: DecoderSettings) -> torch.optim.AdamW:
    matrices = [weight for weight in network.parameters() if weight.dim() > 1]
    rest = [weight for weight in network.parameters() if weight.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": settings.decay}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=settings.rate, betas=(0.9, 0.98), fused=True)


def _schedule(step: int, steps: int, warmup: float) -> float:
    rise = min(1.0, (step + 1) / max(1.0, warmup * steps))
    return rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / max(1, steps))))


def _chance(seed: int, epoch: int) -> np.random.Generator:
    return np.random.default_rng((seed, epoch))


def _identity(training: Training, settings: DecoderSettings, ids: ItemIds) -> str:
    sequences = training.train
    shape = (len(sequences), len(sequences.items), int(sequences.items.astype(np.int64).sum()))
    return repr((ids.hash, sorted(asdict(settings).items()), training.seed, shape, torch.__version__))


def _keep(path: Path, state: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def _found(path: Path, identity: str) -> dict[str, Any] | None:
    """The state of the same training; one of another, or half a file, is none."""
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except Exception:  # a torn file raises whatever its first bytes look like
        return None
    return state if isinstance(state, dict) and state.get("identity") == identity else None
