"""The beam over a model server finds what the beam in process finds, of the same checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` has it")

from connectors.torch_decoder.checkpoint import Checkpoint  # noqa: E402
from connectors.torch_decoder.ranker import MODEL, GenerativeRanker  # noqa: E402
from connectors.vllm import Servers, addresses  # noqa: E402
from connectors.vllm.decoder import VllmDecoder  # noqa: E402
from orchestrator.errors import NoLogProbabilities  # noqa: E402
from orchestrator.interactions.sequences import Sequences  # noqa: E402
from tests.connectors.torch_decoder.worlds import catalogue, trainer, training, walks  # noqa: E402
from tests.services.scripted import Asked, Reply, completion, scripted  # noqa: E402

pytestmark = pytest.mark.slow

COUNT = 24
HISTORIES = Sequences.of([[1, 2, 3], [], [7] * 60, [20, 21]])


@pytest.fixture(scope="module", params=["hybrid", "tree", "atomic"])
def ranker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> GenerativeRanker:
    folder, items = tmp_path_factory.mktemp(request.param), catalogue(COUNT)
    name = "atomic" if request.param == "atomic" else "generative"
    settings = {} if name == "atomic" else {"ids": request.param}
    trainer(name).fit(training(folder, items, walks(COUNT, 150), epochs=4, **settings))
    return GenerativeRanker(Checkpoint.load(folder / MODEL, items), name)


def answering(ranker: GenerativeRanker, most: int = 7) -> Any:
    """What vLLM answers, computed from the same weights: log-probabilities before any constraint."""
    decoder = ranker.checkpoint.decoder

    def answer(asked: Asked) -> Reply:
        wanted = asked.body["logprob_token_ids"]
        assert len(wanted) <= most
        choices: list[dict[str, Any]] = []
        for index, row in enumerate(asked.body["prompt"]):
            with torch.no_grad():
                state = decoder.body(decoder.read[torch.tensor([row])])[0, -1]
                odds = (state @ decoder.chosen.T).log_softmax(-1)
            step = {f"token_id:{token}": float(odds[token]) for token in [0, *wanted]}
            choices.append({"index": index, "text": "", "logprobs": {"top_logprobs": [step]}})
        # A server may answer in the order in which it was done.
        return Reply({"choices": choices[::-1]})

    return answer


async def test_it_finds_what_is_found_in_process(ranker: GenerativeRanker) -> None:
    allowed = np.arange(COUNT) % 5 != 0
    async with scripted(answering(ranker)) as server:
        servers = Servers(addresses(server.url))
        decoder = VllmDecoder(
            servers, "tiny", ranker.checkpoint.ids, ranker.checkpoint.decoder.length, most_ids=7
        )
        there = await decoder.top(ranker.trie, HISTORIES, k=6, allowed=allowed, removed=HISTORIES)
        asked = len(server.asked)
        await servers.close()
    here = ranker.top(HISTORIES, k=6, allowed=allowed, removed=HISTORIES)
    assert np.allclose(there.scores, here.scores, atol=1e-3)
    assert np.array_equal(there.items, here.items)
    if ranker.name == "atomic":
        # One step of all rows, cut into as many requests as its tokens need.
        assert asked == -(-COUNT // 7)


async def test_a_server_without_chosen_log_probabilities_is_named(ranker: GenerativeRanker) -> None:
    async with scripted(lambda _: Reply(completion())) as server:
        servers = Servers(addresses(server.url))
        decoder = VllmDecoder(servers, "tiny", ranker.checkpoint.ids)
        with pytest.raises(NoLogProbabilities, match="no log-probabilities of chosen tokens for 'tiny'"):
            await decoder.top(ranker.trie, HISTORIES, k=3)
        await servers.close()


@pytest.mark.vllm
async def test_vllm_serves_the_checkpoint_as_it_was_trained(tmp_path: Path) -> None:
    from tests.services.vllm import KEY, vllm_server

    items = catalogue(COUNT)
    trainer().fit(training(tmp_path, items, walks(COUNT, 150), epochs=4, width=64, inner=128))
    ranker = GenerativeRanker(Checkpoint.load(tmp_path / MODEL, items))
    arguments = ("--dtype", "float32", "--max-model-len", "100")
    with vllm_server(tmp_path / MODEL, *arguments, folder=tmp_path) as server:
        servers = Servers(addresses(server.url), key=KEY)
        decoder = VllmDecoder(servers, "tiny", ranker.checkpoint.ids, length=40)
        there = await decoder.top(ranker.trie, HISTORIES, k=10, removed=HISTORIES)
        await servers.close()
    here = ranker.top(HISTORIES.newest(40), k=10, removed=HISTORIES)
    assert np.allclose(there.scores, here.scores, atol=0.02)
    same = [set(a) == set(b) for a, b in zip(there.items.tolist(), here.items.tolist(), strict=True)]
    assert all(same)
