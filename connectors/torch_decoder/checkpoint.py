"""The trained decoder as a Hugging Face checkpoint that servers load, bound to a catalogue."""

# torch types little of what it calls.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import pad

from connectors.torch_decoder.decoding import TorchDecoder
from connectors.torch_decoder.llama import EPSILON, Llama, Shape
from connectors.torch_decoder.settings import BEAM
from connectors.torch_decoder.words import BEGIN, PAD, SPECIAL
from orchestrator.errors import BadInput
from orchestrator.recommendation.generative.item_ids import ItemIds, placed
from orchestrator.recommendation.generative.item_ids.vectors import Components

if TYPE_CHECKING:
    from orchestrator.interactions.items import Items

#: A checkpoint of another format is refused.
FORMAT = 1
CATALOGUE, IDENTIFIERS, CONTENTS = "catalogue.json", "identifiers.npz", "contents.npz"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A decoder and the catalogue that it speaks of.

    `text` (items, dimensions) are the items by their texts, `components` reads texts of later items, and
    `borrowed` (width, dimensions) is what a token's vector owes to them. `beam` is how many identifiers a
    search keeps at every step, as it did when the epochs were compared.
    """

    decoder: TorchDecoder
    items: tuple[str, ...]
    catalogue: str
    text: NDArray[np.float32]
    components: Components
    borrowed: NDArray[np.float32]
    beam: int = BEAM

    @property
    def ids(self) -> ItemIds:
        """The identifiers of the catalogue."""
        return self.decoder.ids

    @property
    def fingerprint(self) -> str:
        """Names the weights and the identifiers: what a server has loaded is this checkpoint, or another."""
        weights = {**self.decoder.body.state_dict(), "read": self.decoder.read, "chosen": self.decoder.chosen}
        digest = hashlib.sha256(self.ids.hash.encode())
        for name in sorted(weights):
            digest.update(name.encode())
            digest.update(weights[name].detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:12]

    def adapted(self, items: Items, text: NDArray[np.float32]) -> Checkpoint:
        """The same model for a changed catalogue, without training: `text` are all its items by text.

        An item that stays keeps its identifier, one that left is in no trie any more, and a new one gets
        a free identifier beside the item that its text is most like; where its last token is its own,
        that token's vector is the neighbour's, moved by what the texts differ in. An item that was known,
        left and came back is new.
        """
        place = {one: row for row, one in enumerate(self.items)}
        rows = np.asarray([place.get(one, -1) for one in items.ids], dtype=np.int64)
        new = np.flatnonzero(rows < 0)
        ids, beside = placed(self.ids, self.text, text[new])
        rows[new] = len(self.items) + np.arange(len(new))
        read, chosen, body = self.decoder.read, self.decoder.chosen, self.decoder.body
        if ids.vocabulary > self.ids.vocabulary:
            body = _of_vocabulary(body, ids.vocabulary + SPECIAL)
        if ids.own and len(new):
            more = (0, 0, 0, ids.vocabulary - self.ids.vocabulary)
            read, chosen = pad(read, more).clone(), pad(chosen, more).clone()
            own = torch.from_numpy(_last(ids)[len(self.items) :].astype(np.int64)) + SPECIAL
            old = torch.from_numpy(_last(self.ids)[beside].astype(np.int64)) + SPECIAL
            moved = torch.from_numpy((text[new] - self.text[beside]) @ self.borrowed.T)
            read[own] = read[old] + moved
            length = read[own].norm(dim=1, keepdim=True).clamp(min=1e-6)
            chosen[own] = read[own] / length * chosen[old].norm(dim=1, keepdim=True)
        ids = ItemIds(ids.scheme, ids.tokens[rows], ids.vocabulary, ids.spare, ids.own, ids.kinds)
        decoder = replace(self.decoder, body=body, read=read, chosen=chosen, ids=ids)
        return replace(self, decoder=decoder, items=items.ids, catalogue=items.hash, text=text)

    def save(self, folder: Path) -> None:
        """Into a folder: written whole beside it, then put in its place."""
        import shutil

        part, old = _beside(folder)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        self._write(part)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.replace(old)
        part.replace(folder)
        shutil.rmtree(old, ignore_errors=True)

    def _write(self, folder: Path) -> None:
        from safetensors.torch import save_file

        weights = {
            f"model.{name}": value.contiguous() for name, value in self.decoder.body.state_dict().items()
        }
        weights["model.embed_tokens.weight"] = self.decoder.read.contiguous()
        weights["lm_head.weight"] = self.decoder.chosen.contiguous()
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        _write(folder / "config.json", _config(self.decoder.body.shape))
        tokens = {"bos_token_id": BEGIN, "pad_token_id": PAD, "eos_token_id": PAD}
        _write(folder / "generation_config.json", tokens)
        _write_tokenizer(folder, self.ids)
        np.savez(folder / IDENTIFIERS, tokens=self.ids.tokens)
        np.savez(
            folder / CONTENTS,
            text=self.text,
            mean=self.components.mean,
            directions=self.components.directions,
            borrowed=self.borrowed,
        )
        ids = self.ids
        _write(
            folder / CATALOGUE,
            {
                "format": FORMAT,
                "hash": self.catalogue,
                "identifiers": ids.hash,
                "scheme": ids.scheme,
                "vocabulary": ids.vocabulary,
                "spare": ids.spare,
                "own": ids.own,
                "kinds": list(ids.kinds),
                "length": self.decoder.length,
                "beam": self.beam,
                "shape": asdict(self.decoder.body.shape),
                "items": list(self.items),
            },
        )

    @classmethod
    def load(cls, folder: Path, items: Items | None = None) -> Checkpoint:
        """From a folder. BadInput if there is none, or if it speaks of another catalogue than `items`."""
        from safetensors.torch import load_file

        _, old = _beside(folder)
        if old.exists() and not folder.exists():
            # Whoever was putting a new one in its place was killed in between.
            old.replace(folder)
        try:
            said = json.loads((folder / CATALOGUE).read_text(encoding="utf-8"))
            if said["format"] != FORMAT:
                raise BadInput(
                    f"The checkpoint in {folder} has format {said['format']}; this version reads {FORMAT}.",
                    hint="Train again: `orchestrator recommend train --data DIR`.",
                )
            if items is not None and said["hash"] != items.hash:
                raise BadInput(
                    f"The checkpoint in {folder} speaks of another catalogue: {len(said['items']):,} items, "
                    f"hash {said['hash'][:12]}; this one has {len(items):,}, hash {items.hash[:12]}.",
                    hint="Adapt it to the new items without training, or train again: "
                    "`orchestrator recommend train --data DIR`.",
                )
            with np.load(folder / IDENTIFIERS) as kept:
                ids = ItemIds(
                    said["scheme"],
                    kept["tokens"],
                    said["vocabulary"],
                    said["spare"],
                    said["own"],
                    tuple(said["kinds"]),
                )
            with np.load(folder / CONTENTS) as kept:
                components = Components(kept["mean"], kept["directions"])
                text, borrowed = kept["text"], kept["borrowed"]
            weights = load_file(folder / "model.safetensors")
        except BadInput:
            raise
        except FileNotFoundError as error:
            raise BadInput(
                f"There is no whole checkpoint in {folder}: {Path(str(error.filename)).name} is missing.",
                hint="Train first: `orchestrator recommend train --data DIR`.",
            ) from None
        except Exception as error:
            raise BadInput(
                f"The checkpoint in {folder} cannot be read: {error}.",
                hint="Train again: `orchestrator recommend train --data DIR`.",
            ) from error
        if ids.hash != said["identifiers"]:
            raise BadInput(f"The identifiers in {folder} are not those that its model was trained for.")
        body = Llama(Shape(**said["shape"]))
        read, chosen = weights.pop("model.embed_tokens.weight"), weights.pop("lm_head.weight")
        body.load_state_dict({name.removeprefix("model."): value for name, value in weights.items()})
        decoder = TorchDecoder(body.eval(), read, chosen, ids, said["length"])
        beam = said.get("beam", BEAM)
        return cls(decoder, tuple(said["items"]), said["hash"], text, components, borrowed, beam)


def _beside(folder: Path) -> tuple[Path, Path]:
    """Where the next version of a folder is written, and where the one before waits meanwhile."""
    return folder.with_name(f".{folder.name}.part"), folder.with_name(f".{folder.name}.old")


def _of_vocabulary(body: Llama, vocabulary: int) -> Llama:
    """The same body, which says that it reads more tokens."""
    grown = Llama(replace(body.shape, vocabulary=vocabulary))
    grown.load_state_dict(body.state_dict())
    return grown.eval()


def _last(ids: ItemIds) -> NDArray[np.int32]:
    """The last token of every identifier."""
    return ids.tokens[np.arange(len(ids)), ids.lengths - 1]


def _config(shape: Shape) -> dict[str, Any]:
    """What `LlamaForCausalLM` is built from."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.heads,
        "head_dim": shape.width // shape.heads,
        "hidden_act": "silu",
        "max_position_embeddings": shape.positions,
        "rms_norm_eps": EPSILON,
        "rope_theta": shape.theta,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
        "bos_token_id": BEGIN,
        "pad_token_id": PAD,
        "eos_token_id": PAD,
        "torch_dtype": "float32",
    }


def _write_tokenizer(folder: Path, ids: ItemIds) -> None:
    """One word a token, split at spaces: `<s> t17 t1250` is a history of one item."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    words = {"<pad>": PAD, "<s>": BEGIN, **{f"t{token}": token + SPECIAL for token in range(ids.vocabulary)}}
    tokenizer = Tokenizer(WordLevel(words, unk_token="<pad>"))  # noqa: S106 — a token of text
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.add_special_tokens(["<pad>", "<s>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"bos_token": "<s>", "eos_token": "<pad>", "pad_token": "<pad>", "unk_token": "<pad>"}
    _write(folder / "special_tokens_map.json", special)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        # A server's chat endpoint is given the words of a row as one message, and adds nothing.
        "chat_template": "{% for message in messages %}{{ message['content'] }}{% endfor %}",
        **special,
    }
    _write(folder / "tokenizer_config.json", config)


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
