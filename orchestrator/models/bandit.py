"""Which model to ask a prompt: a contextual bandit over prompt embeddings, with a cost for each model.

PAK-UCB (Hu, Leung, Farnia, arXiv 2410.13287): each model has a kernel ridge regression of its own, from the
prompts that it was asked to the scores that it got, and is judged by its upper confidence bound

    k(x)ᵀ (K + αI)⁻¹ y  +  η α^(−½) √(k(x, x) − k(x)ᵀ (K + αI)⁻¹ k(x)) .

RFF-UCB of the same paper replaces the kernel by random Fourier features, so that a step costs the square of
their number and not of the number of prompts seen. The price of a model is taken off its bound here.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from orchestrator.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

#: Of a saved bandit.
FORMAT = 1
Kernel = Literal["fourier", "rbf", "cubic"]


class _Regression(Protocol):
    def bound(self, x: NDArray[np.float64]) -> tuple[float, float]: ...

    def learn(self, x: NDArray[np.float64], score: float) -> None: ...

    def state(self) -> dict[str, NDArray[np.float64]]: ...

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Estimate:
    """The predicted score of a model for a prompt: mean and uncertainty."""

    mean: float
    deviation: float


class PromptBandit:
    """Chooses among `arms` models for the embedding of a prompt (unit vector), and learns from scores.

    `kernel` is `fourier` (RFF-UCB, `features` of an RBF kernel), `rbf` or `cubic` (PAK-UCB). `width` is
    the RBF kernel's, `exploration` η, `ridge` α. `costs` are in units of score, one a model. Scores are
    best in [0, 1]. With a kernel, the `memory` newest prompts of a model count. Ties go to the first.
    """

    def __init__(
        self,
        arms: int,
        dimensions: int,
        *,
        costs: Sequence[float] | None = None,
        kernel: Kernel = "fourier",
        width: float = 1.0,
        features: int = 128,
        exploration: float = 0.5,
        ridge: float = 1.0,
        memory: int = 1000,
        seed: int = 0,
    ) -> None:
        self._settings: dict[str, Any] = {
            "arms": arms,
            "dimensions": dimensions,
            "costs": list(costs) if costs is not None else None,
            "kernel": kernel,
            "width": width,
            "features": features,
            "exploration": exploration,
            "ridge": ridge,
            "memory": memory,
            "seed": seed,
        }
        self.arms = arms
        self.dimensions = dimensions
        self.costs = tuple(costs) if costs is not None else (0.0,) * arms
        self.exploration = exploration
        if kernel == "fourier":
            basis = _Fourier(dimensions, features, width, seed)
            self._regressions: list[_Regression] = [_Features(basis, ridge) for _ in range(arms)]
        else:
            self._regressions = [_Kernelised(kernel, width, ridge, memory) for _ in range(arms)]

    def estimates(self, prompt: NDArray[np.floating]) -> list[Estimate]:
        """The predicted score of each model."""
        x = _vector(prompt)
        return [Estimate(*regression.bound(x)) for regression in self._regressions]

    def choose(self, prompt: NDArray[np.floating]) -> int:
        """The model with the highest upper confidence bound, its cost taken off."""
        return self.ranked(prompt)[0]

    def ranked(self, prompt: NDArray[np.floating]) -> list[int]:
        """All models, the one to choose first."""
        bounds = [
            estimate.mean + self.exploration * estimate.deviation - cost
            for estimate, cost in zip(self.estimates(prompt), self.costs, strict=True)
        ]
        return sorted(range(self.arms), key=lambda arm: (-bounds[arm], arm))

    def learn(self, arm: int, prompt: NDArray[np.floating], score: float) -> None:
        """Note the score that a model got for a prompt."""
        if not math.isfinite(score):
            raise ValueError(f"A score is a finite number, not {score!r}.")
        self._regressions[arm].learn(_vector(prompt), float(score))

    def save(self, path: Path) -> None:
        """Write what was learned to a file, whole or not at all."""
        import numpy as np

        arrays = {
            f"{arm}.{name}": array
            for arm, regression in enumerate(self._regressions)
            for name, array in regression.state().items()
        }
        written = io.BytesIO()
        settings = json.dumps({"format": FORMAT, **self._settings}).encode()
        np.savez(written, allow_pickle=False, settings=np.frombuffer(settings, np.uint8), **arrays)
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(written.getvalue())
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> PromptBandit:
        """The bandit that was saved; BadInput if the file is none."""
        import numpy as np

        try:
            with np.load(path, allow_pickle=False) as kept:
                settings = json.loads(kept["settings"].tobytes())
                if settings.pop("format") != FORMAT:
                    raise ValueError("another release wrote it")
                made = cls(**settings)
                for arm, regression in enumerate(made._regressions):
                    names = [name for name in kept.files if name.startswith(f"{arm}.")]
                    regression.restore({name.partition(".")[2]: kept[name] for name in names})
                return made
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise BadInput(f"{path} is no saved bandit: {error}.", hint="Save one, or begin again.") from None


class _Kernelised:
    """Kernel ridge regression; the inverse grows by one row at a time (block inversion)."""

    def __init__(self, kernel: Literal["rbf", "cubic"], width: float, ridge: float, memory: int) -> None:
        import numpy as np

        self._kernel = kernel
        self._width = width
        self._ridge = ridge
        self._memory = memory
        self._seen: NDArray[np.float64] | None = None
        self._scores = np.empty(0)
        self._inverse = np.empty((0, 0))

    def bound(self, x: NDArray[np.float64]) -> tuple[float, float]:
        own = float(self._between(x[None], x)[0])
        if self._seen is None:
            return 0.0, math.sqrt(own / self._ridge)
        near = self._between(self._seen, x)
        solved = self._inverse @ near
        variance = max(0.0, own - float(near @ solved))
        return float(solved @ self._scores), math.sqrt(variance / self._ridge)

    def learn(self, x: NDArray[np.float64], score: float) -> None:
        import numpy as np

        if self._seen is None:
            self._seen = x[None]
            self._inverse = 1 / (self._between(x[None], x)[None] + self._ridge)
        else:
            near = self._between(self._seen, x)
            solved = self._inverse @ near
            rest = float(self._between(x[None], x)[0]) + self._ridge - float(near @ solved)
            grown = np.empty((len(near) + 1, len(near) + 1))
            grown[:-1, :-1] = self._inverse + np.outer(solved, solved) / rest
            grown[:-1, -1] = grown[-1, :-1] = -solved / rest
            grown[-1, -1] = 1 / rest
            self._inverse = grown
            self._seen = np.vstack([self._seen, x])
        self._scores = np.append(self._scores, score)
        if len(self._scores) > self._memory:
            self._forget(self._memory * 3 // 4)

    def state(self) -> dict[str, NDArray[np.float64]]:
        return {} if self._seen is None else {"seen": self._seen, "scores": self._scores}

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        if state:
            self._seen, self._scores = state["seen"], state["scores"]
            self._forget(len(self._scores))

    def _forget(self, kept: int) -> None:
        import numpy as np

        assert self._seen is not None
        self._seen, self._scores = self._seen[-kept:], self._scores[-kept:]
        gram = np.stack([self._between(self._seen, each) for each in self._seen])
        self._inverse = np.linalg.inv(gram + self._ridge * np.eye(kept))

    def _between(self, rows: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
        import numpy as np

        if self._kernel == "cubic":
            # Unit vectors: scaled, so that a prompt has the kernel value 1 with itself.
            return ((1 + rows @ x) / 2) ** 3
        return np.exp(-((rows - x) ** 2).sum(axis=1) / (2 * self._width**2))


class _Fourier:
    """Features whose dot products approach an RBF kernel (Rahimi and Recht, 2007)."""

    def __init__(self, dimensions: int, features: int, width: float, seed: int) -> None:
        import numpy as np

        chance = np.random.default_rng(seed)
        self._frequencies = chance.normal(0.0, 1.0 / width, (features // 2, dimensions))
        self.size = 2 * (features // 2)

    def of(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        import numpy as np

        angles = self._frequencies @ x
        return np.concatenate([np.cos(angles), np.sin(angles)]) / math.sqrt(self.size / 2)


class _Features:
    """Ridge regression over features; the inverse changes by one rank at a time (Sherman and Morrison)."""

    def __init__(self, basis: _Fourier, ridge: float) -> None:
        import numpy as np

        self._basis = basis
        self._inverse = np.eye(basis.size) / ridge
        self._sum = np.zeros(basis.size)

    def bound(self, x: NDArray[np.float64]) -> tuple[float, float]:
        features = self._basis.of(x)
        solved = self._inverse @ features
        return float(solved @ self._sum), math.sqrt(max(0.0, float(features @ solved)))

    def learn(self, x: NDArray[np.float64], score: float) -> None:
        import numpy as np

        features = self._basis.of(x)
        solved = self._inverse @ features
        self._inverse -= np.outer(solved, solved) / (1 + float(features @ solved))
        self._sum += score * features

    def state(self) -> dict[str, NDArray[np.float64]]:
        return {"inverse": self._inverse, "sum": self._sum}

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        self._inverse, self._sum = state["inverse"], state["sum"]


def _vector(prompt: NDArray[np.floating]) -> NDArray[np.float64]:
    import numpy as np

    return np.asarray(prompt, np.float64).ravel()
