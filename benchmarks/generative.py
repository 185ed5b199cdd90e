"""Generative recommendation: quality on the last item of every user, and the speed of its parts.

    python -m benchmarks.generative train [--rankers generative atomic] [--seeds 0 1 2] [--set width=128 …]
    python -m benchmarks.generative speed [--users 2000]
    python -m benchmarks.generative trie
    python -m benchmarks.generative vllm --url http://127.0.0.1:8000 [--key KEY] [--generated 16]

`train` trains each ranker by the protocol (all but the last two items; constants chosen on the last but
one) and prints validation and test. Models are kept in benchmarks/.cache/generative, where `speed`
finds them: it compares the beam with exhaustive scoring and with transformers' `generate` under
`prefix_allowed_tokens_fn` on the same checkpoint. `trie` makes a million identifiers up. `vllm` asks a server
of that checkpoint (named `model`, started with `--max-logprobs -1`): the client's beam, the server's own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from connectors.torch_decoder import GenerativeRanker, GenerativeTrainer
from connectors.torch_decoder.checkpoint import Checkpoint
from connectors.torch_decoder.ranker import MODEL
from connectors.torch_decoder.words import SPECIAL, token_rows
from connectors.wordllama import WordLlamaEmbedder
from orchestrator.interactions.log_files import Log, read_log
from orchestrator.interactions.protocol import Split, leave_two_out
from orchestrator.interactions.sequences import Sequences
from orchestrator.ports.recommend import Training
from orchestrator.recommendation.generative.beam import alive, children, search
from orchestrator.recommendation.generative.item_ids import ItemIds
from orchestrator.recommendation.generative.trie import Trie
from orchestrator.recommendation.hit_metrics import figures

CACHE = Path(__file__).parent / ".cache" / "generative"


def read(data: str) -> tuple[Log, Split]:
    log = read_log(Path(data) / "beauty")
    return log, leave_two_out(log.interactions.sequences)


def train(arguments: argparse.Namespace) -> None:
    """Each ranker and seed: validation and test, history removed and kept, and what training took."""
    log, split = read(arguments.data)
    given: dict[str, Any] = {}
    for each in arguments.set:
        name, _, value = each.partition("=")
        given[name] = json.loads(value) if value[:1] in "0123456789tf-" else value
    for seed in arguments.seeds:
        for name in arguments.rankers:
            folder = CACHE / name / f"seed-{seed}"
            if (folder / MODEL).is_dir():
                ranker = GenerativeTrainer(name, WordLlamaEmbedder()).load(folder, log.items, {})
                print(f"{name} seed {seed}: trained before", flush=True)
                test(name, seed, ranker, split, len(log.items))
                continue
            began, spent = time.perf_counter(), time.process_time()
            ranker = GenerativeTrainer(name, WordLlamaEmbedder()).fit(
                Training(
                    items=log.items,
                    train=split.train,
                    chosen=split.validation,
                    folder=folder,
                    seed=seed,
                    settings=given,
                    progress=lambda done, total, doing: (
                        print(f"  {done}/{total} {doing}", flush=True) if "NDCG" in doing else None
                    ),
                )
            )
            wall, cpu = time.perf_counter() - began, time.process_time() - spent
            print(f"{name} seed {seed}: trained in {wall:.0f} s ({cpu:.0f} s of processor)", flush=True)
            test(name, seed, ranker, split, len(log.items))


def test(name: str, seed: int, ranker: Any, split: Split, items: int) -> None:
    """Validation and test, history removed and kept."""
    for part in ("validation", "test"):
        asked = getattr(split, part)
        for view in ("removed", "kept"):
            ranking = ranker.top(
                asked.histories, k=20, removed=asked.histories if view == "removed" else None
            )
            of = figures(ranking, asked.targets, items)
            shown = "  ".join(f"{key} {of[key]:.4f}" for key in ("hr@10", "ndcg@10", "coverage@10"))
            print(f"{name} seed {seed} {part} {view}: {shown}", flush=True)


class Timed:
    """A decoder whose own time is counted apart from the search's."""

    def __init__(self, inner: Any, spent: list[float]) -> None:
        self.inner, self.spent = inner, spent

    def _count(self, call: Any, *arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return call(*arguments)
        finally:
            self.spent[0] += time.perf_counter() - began

    def begin(self, histories: Sequences) -> Timed:
        return Timed(self._count(self.inner.begin, histories), self.spent)

    def extend(self, rows: Any, tokens: Any) -> Timed:
        return Timed(self._count(self.inner.extend, rows, tokens), self.spent)

    def logits(self, ask: Any) -> Any:
        return self._count(self.inner.logits, ask)


def speed(arguments: argparse.Namespace) -> None:
    """The beam against exhaustive scoring and against `generate`; the trie's share; one request."""

    log, split = read(arguments.data)
    ranker = GenerativeRanker(Checkpoint.load(CACHE / "generative" / "seed-0" / MODEL, log.items))
    decoder, trie = ranker.checkpoint.decoder, ranker.trie
    rng = np.random.default_rng(0)
    rows = np.sort(rng.permutation(len(split.test))[: arguments.users])
    histories = split.test.histories.take(rows)
    print(harness.machine("torch", "transformers"))

    everything = int(np.diff(trie.levels).max())
    whole = found(decoder, trie, histories, everything, together=8)
    for width in (50, 20, 10):
        beam = found(decoder, trie, histories, width)
        same = (beam[0] == whole[0]).all(axis=1).mean()
        both = [len(set(a) & set(b)) / 10 for a, b in zip(beam[0].tolist(), whole[0].tolist(), strict=True)]
        print(
            f"beam {width}: same top 10 {same:.4f}, overlap {np.mean(both):.4f}, "
            f"proved exact {beam[1].mean():.4f} of {len(rows)} users"
        )

    part = histories.take(np.arange(min(512, len(histories))))
    found(decoder, trie, part.take(np.arange(64)), 20)
    began = time.perf_counter()
    found(decoder, trie, part, 20)
    ours = len(part) / (time.perf_counter() - began)
    few = histories.take(np.arange(arguments.generated))
    theirs, same = generated(CACHE / "generative" / "seed-0" / MODEL, decoder.ids, few, ranker)
    print(f"in process {ours:.0f} users/s; transformers generate {theirs:.2f}; ratio {ours / theirs:.1f}")
    print(f"(both, beam 20, the history not excluded; {same:.2f} of the first items are equal)")

    spent = [0.0]
    began = time.perf_counter()
    found(Timed(decoder, spent), trie, part, 20)
    total = time.perf_counter() - began
    own = trie_time(trie, part, decoder)
    print(
        f"of a search: model {spent[0] / total:.1%}, all else {1 - spent[0] / total:.1%}, "
        f"of which the trie (children and masks) {own / total:.1%} of the whole"
    )

    times: list[float] = []
    for row in rng.permutation(len(histories))[:200]:
        one = histories.take(np.asarray([row]))
        began = time.perf_counter()
        ranker.top(one, k=10, removed=one)
        times.append(1000 * (time.perf_counter() - began))
    times.sort()
    middle, late = statistics.median(times), times[int(0.95 * len(times))]
    print(f"one request, beam 20, history removed: p50 {middle:.1f} ms, p95 {late:.1f} ms")


def found(decoder: Any, trie: Trie, histories: Sequences, width: int, together: int = 256) -> Any:
    """Items and proofs of the best 10, the history removed."""
    items, exact = [], []
    for start in range(0, len(histories), together):
        some = histories.take(np.arange(start, min(start + together, len(histories))))
        beams = search(decoder, trie, some, width=width, k=10, cut=trie.cut(some.rows, some.items))
        items.append(beams.items)
        exact.append(beams.exact)
    return np.concatenate(items), np.concatenate(exact)


def trie_time(trie: Trie, histories: Sequences, decoder: Any) -> float:
    """Seconds of the trie's own work in the searches of `found`: cuts, children and masks."""
    asked: list[tuple[Sequences, np.ndarray, np.ndarray]] = []
    for start in range(0, len(histories), 256):
        some = histories.take(np.arange(start, min(start + 256, len(histories))))
        asked.append((some, np.arange(len(some)), np.zeros(len(some), dtype=np.int64)))
        first = search(decoder, trie, some, width=20, k=20)
        leaves = trie.leaf[first.items]
        request = np.repeat(np.arange(len(some)), 20)
        asked.append((some, request, trie.parent[leaves].ravel().astype(np.int64)))
    began = time.perf_counter()
    for number, (some, request, node) in enumerate(asked):
        if number % 2 == 0:
            cut = trie.cut(some.rows, some.items)
        start, counts, _, child = children(trie, node)
        alive(trie, cut, request, node, start, np.cumsum(counts) - counts, child)
    return time.perf_counter() - began


def generated(
    folder: Path, ids: ItemIds, histories: Sequences, ranker: GenerativeRanker
) -> tuple[float, float]:
    """Users a second of transformers' beam search held to the same identifiers, and how often it agrees."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    follow: dict[tuple[int, ...], list[int]] = {}
    for item in range(len(ids)):
        word = tuple(token + SPECIAL for token in ids.of(item))
        for at in range(len(word)):
            follow.setdefault(word[:at], []).append(word[at])
    follow = {start: sorted(set(tokens)) for start, tokens in follow.items()}
    first: list[tuple[int, ...]] = []
    began = time.perf_counter()
    for at in range(0, len(histories), 8):
        rows, lengths = token_rows(histories.take(np.arange(at, min(at + 8, len(histories)))), ids)
        longest = rows.shape[1]
        left = np.stack([np.roll(row, longest - length) for row, length in zip(rows, lengths, strict=True)])
        out = model.generate(
            torch.from_numpy(left),
            attention_mask=torch.from_numpy((left != 0).astype(np.int64)),
            num_beams=20,
            num_return_sequences=10,
            max_new_tokens=ids.depth,
            min_new_tokens=ids.depth,
            do_sample=False,
            early_stopping=True,
            prefix_allowed_tokens_fn=lambda _, row, longest=longest: follow[tuple(row[longest:].tolist())],
        )
        first += [tuple((row[longest:] - SPECIAL).tolist()) for row in out[::10]]
    speed = len(histories) / (time.perf_counter() - began)
    ours = ranker.top(histories, k=10).items[:, 0]
    return speed, float(np.mean([ids.item(word) == item for word, item in zip(first, ours, strict=True)]))


def trie(arguments: argparse.Namespace) -> None:
    """A million identifiers: memory, building, and a step beside one of ten thousand."""
    for items in (10_000, 1_000_000):
        rng = np.random.default_rng(0)
        k = round(items ** (1 / 3))
        labels = [rng.integers(0, k, items).astype(np.int32) for _ in range(2)]
        ids = ItemIds.by_level("made", [*labels, np.arange(items, dtype=np.int32)], own=True)
        began = time.perf_counter()
        made = Trie.of(ids)
        built = time.perf_counter() - began
        rows = np.repeat(np.arange(256), 10)
        seen = rng.integers(0, items, len(rows)).astype(np.int32)
        node = rng.integers(made.levels[1], made.levels[2], 256 * 20)
        request = np.repeat(np.arange(256), 20)
        times: dict[str, list[float]] = {"cut": [], "step": [], "children": []}
        for _ in range(30):
            began = time.perf_counter()
            cut = made.cut(rows, seen)
            times["cut"].append(time.perf_counter() - began)
            began = time.perf_counter()
            start, counts, _, child = children(made, node)
            alive(made, cut, request, node, start, np.cumsum(counts) - counts, child)
            times["step"].append(time.perf_counter() - began)
        step = statistics.median(times["step"])
        print(
            f"{items:,} items: {made.nbytes / 1e6:.1f} MB, built in {built:.2f} s; "
            f"256 requests × 10 exclusions cut in {1000 * statistics.median(times['cut']):.2f} ms; "
            f"a step of 256 × 20 nodes, {len(child):,} children: {1000 * step:.2f} ms "
            f"({1e9 * step / len(child):.0f} ns a child)"
        )


def vllm(arguments: argparse.Namespace) -> None:
    """The beam that the client drives, beside vLLM's own beam search held to the identifiers by a schema."""
    import asyncio

    from connectors.vllm import Servers, addresses
    from connectors.vllm.decoder import VllmDecoder

    log, split = read(arguments.data)
    ranker = GenerativeRanker(Checkpoint.load(CACHE / "generative" / "seed-0" / MODEL, log.items))
    ids = ranker.checkpoint.ids
    rows = np.random.default_rng(0).permutation(len(split.test))[: arguments.generated]
    histories = split.test.histories.take(np.sort(rows)).newest(45)
    here = ranker.top(histories, k=10)
    words = [" ".join(f"t{token}" for token in ids.of(item)) for item in range(len(ids))]
    known = set(words)

    async def ask() -> None:
        servers = Servers(addresses(arguments.url), key=arguments.key)
        decoder = VllmDecoder(servers, "model", ids)
        await decoder.top(ranker.trie, histories.take(np.arange(2)), k=10)
        began = time.perf_counter()
        found = await decoder.top(ranker.trie, histories, k=10)
        ours = len(histories) / (time.perf_counter() - began)
        pairs = zip(found.items.tolist(), here.items.tolist(), strict=True)
        same = np.mean([len(set(a) & set(b)) / 10 for a, b in pairs])
        print(f"client beam 20: {ours:.2f} users/s, overlap with the beam in process {same:.3f}", flush=True)

        async def own(prompt: list[int], **more: Any) -> Any:
            body = {
                "model": "model",
                "prompt": prompt,
                "max_tokens": ids.depth,
                "n": 20,
                "use_beam_search": True,
                "temperature": 0.0,
                "ignore_eos": True,
            } | more
            return await servers.send("model", lambda line: line.post("/completions", body))

        tokens, lengths = token_rows(histories, ids)
        prompts = [row[:length].tolist() for row, length in zip(tokens, lengths, strict=True)]
        for name, more in (
            ("without constraint", {}),
            ("choice of 1,000", {"structured_outputs": {"choice": words[:1000]}}),
            ("choice of all", {"structured_outputs": {"choice": words}}),
        ):
            try:
                began = time.perf_counter()
                await own(prompts[0], **more)
                first = time.perf_counter() - began
                began = time.perf_counter()
                answers = await asyncio.gather(*(own(prompt, **more) for prompt in prompts))
                speed = len(prompts) / (time.perf_counter() - began)
            except Exception as error:
                print(f"vLLM's beam search, {name}: {type(error).__name__}: {str(error)[:200]}", flush=True)
                continue
            texts = [choice["text"].strip() for answer in answers for choice in answer["choices"]]
            valid = np.mean([text in known for text in texts])
            print(
                f"vLLM's beam search of 20, {name}: first request {first:.2f} s, then {speed:.2f} users/s, "
                f"{valid:.3f} of what it returns are items",
                flush=True,
            )
        await servers.close()

    asyncio.run(ask())


def main() -> None:
    parser = harness.Arguments(__doc__)
    parser.add_argument("what", choices=("train", "speed", "trie", "vllm"))
    parser.add_argument("--data", default=os.environ.get("ORCHESTRATOR_DATA", "../shared/data"))
    parser.add_argument("--rankers", nargs="+", default=["generative", "atomic"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--generated", type=int, default=32)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--key")
    arguments = parser.parse_args()
    {"train": train, "speed": speed, "trie": trie, "vllm": vllm}[arguments.what](arguments)


if __name__ == "__main__":
    main()
