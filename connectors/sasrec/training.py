"""Train the network: next item at every place, early stopping on the validation part, resumable."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.sasrec.model import network
from connectors.sasrec.ranker import SasRec, padded
from connectors.sasrec.settings import SasRecSettings
from orchestrator.ports.recommend import Training
from orchestrator.recommendation.rankers.tuning import quality, sampled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Users whose validation item decides when to stop.
SAMPLE = 4_000
#: What training left off with; written whole after every epoch.
STATE = "training.pt"


def train(training: Training, settings: SasRecSettings, content: NDArray[np.float32]) -> SasRec:
    """The network of the best validation NDCG@10. Goes on where an interrupted training stopped."""
    import numpy as np

    torch: Any = import_module("torch")

    items = len(training.items)
    torch.manual_seed(training.seed)
    model = network(items, settings, content)
    optimizer = torch.optim.AdamW(_groups(model, settings), lr=settings.learning_rate, betas=(0.9, 0.98))
    usable = training.train.take(np.flatnonzero(training.train.lengths >= 2))
    usable = usable.newest(settings.length + 1)
    asked = sampled(training.chosen, SAMPLE, training.seed)
    ranker = SasRec(model, items, settings.length)
    best, best_epoch, best_state, begin, step = -1.0, 0, copy.deepcopy(model.state_dict()), 0, 0
    state = _stopped(training.folder, settings)
    if state is not None:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        best, best_epoch, best_state = state["best"], state["best_epoch"], state["best_state"]
        begin, step = state["epoch"], state["step"]
    for epoch in range(begin, settings.epochs if len(usable) else 0):
        if epoch - best_epoch >= settings.patience:
            break
        training.progress(epoch, settings.epochs, f"sasrec, NDCG@10 {max(best, 0.0):.4f}")
        # Every epoch has a seed of its own, so that a resumed training is the one that was stopped.
        torch.manual_seed(training.seed * 10_007 + epoch)
        random = np.random.default_rng((training.seed, epoch))
        model.train()
        for rows in batches(usable.lengths, settings.batch, random):
            step += 1
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * min(1.0, step / settings.warmup)
            matrix, _ = padded(usable.take(rows), settings.length + 1, items)
            loss = _loss(model, torch.from_numpy(matrix), items, settings)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        if (epoch + 1) % settings.every == 0 or epoch + 1 == settings.epochs:
            found = quality(ranker, asked)
            if found > best:
                best, best_epoch, best_state = found, epoch + 1, copy.deepcopy(model.state_dict())
        _keep(
            training.folder,
            {
                "settings": asdict(settings),
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "best": best,
                "best_epoch": best_epoch,
                "best_state": best_state,
                "epoch": epoch + 1,
                "step": step,
            },
        )
    model.load_state_dict(best_state)
    model.eval()
    report = {"settings": asdict(settings), "epoch": best_epoch, "validation ndcg@10": best}
    (training.folder / "training.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    (training.folder / STATE).unlink(missing_ok=True)
    return ranker


def batches(lengths: NDArray[np.int64], size: int, random: np.random.Generator) -> list[NDArray[np.int64]]:
    """Rows in random batches of like lengths, so that little is padding."""
    import numpy as np

    order = random.permutation(len(lengths))
    found: list[NDArray[np.int64]] = []
    for begin in range(0, len(order), size * 20):
        part = order[begin : begin + size * 20]
        part = part[np.argsort(lengths[part], kind="stable")]
        found += [part[at : at + size] for at in range(0, len(part), size)]
    return [found[at] for at in random.permutation(len(found))]


def _loss(model: Any, matrix: Any, items: int, settings: SasRecSettings) -> Any:
    torch: Any = import_module("torch")
    functional: Any = torch.nn.functional

    given, wanted = matrix[:, :-1], matrix[:, 1:]
    table = model.table()
    real = wanted != items
    states, targets = model(given, table)[real], wanted[real]
    if not settings.negatives or settings.negatives >= items:
        # The product with the catalogue is most of the work, and bfloat16 halves it on most machines.
        with torch.autocast("cpu", torch.bfloat16):
            logits = model.logits(states, table[:items])
        return functional.cross_entropy(logits.float(), targets)
    drawn = torch.randint(items, (settings.negatives,))
    logits = model.logits(states, table[drawn]).masked_fill(drawn[None] == targets[:, None], float("-inf"))
    directions = functional.normalize(table, dim=-1)[targets] / settings.temperature
    right = (functional.normalize(states, dim=-1) * directions).sum(dim=-1, keepdim=True)
    return (torch.logsumexp(torch.cat([right, logits], dim=1), dim=1) - right[:, 0]).mean()


def _groups(model: Any, settings: SasRecSettings) -> list[dict[str, Any]]:
    """Matrices decay; embeddings, biases and norms do not."""
    decaying = [
        parameter
        for name, parameter in model.named_parameters()
        if parameter.ndim >= 2 and "embedding" not in name and "distance" not in name
    ]
    known = {id(parameter) for parameter in decaying}
    other = [parameter for parameter in model.parameters() if id(parameter) not in known]
    return [
        {"params": decaying, "weight_decay": settings.weight_decay},
        {"params": other, "weight_decay": 0.0},
    ]


def _stopped(folder: Path, settings: SasRecSettings) -> dict[str, Any] | None:
    torch: Any = import_module("torch")

    try:
        state = torch.load(folder / STATE, weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError):
        return None
    return state if state.get("settings") == asdict(settings) else None


def _keep(folder: Path, state: dict[str, Any]) -> None:
    torch: Any = import_module("torch")

    part = folder / f".{STATE}.part"
    torch.save(state, part)
    part.replace(folder / STATE)
