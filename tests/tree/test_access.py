"""No reader is told by a tree what the reader may not read: a forest is that of what may be read alone."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from orchestrator.application.application import Application
from orchestrator.application.indexing import indexing_context
from orchestrator.graph.workflow import workflow
from orchestrator.indexing.indexer import Indexer
from orchestrator.indexing.isolated_reading import Reader
from orchestrator.nodes import TreeSearch
from orchestrator.ports import Generation, GenerationRequest, LanguageModel, TreeStore
from orchestrator.settings import Settings
from orchestrator.tree.search_path import SearchPath
from orchestrator.types import Hits, Principal, Question, Usage
from tests.tree.conftest import Library, text_of
from tests.tree.stored_text import stored_text
from tests.tree.test_build_job import Paragraphs

pytestmark = pytest.mark.slow
CANARY = "zanzibar"
LABELS = ("public", "staff", "board", "hr")


class Quoting(Paragraphs):
    """A model whose summaries quote all that it is shown, and that scores by nothing."""

    name = "quoting"

    async def generate(self, request: GenerationRequest, **_: Any) -> Generation[Any]:
        text = request.prompt[-1].text
        self.prompts.append(text)
        if "Passages:" in text:
            lines = text.partition("Passages:\n")[2].splitlines()
            text = "{" + ", ".join(f'"{n}": 50' for n in range(1, len(lines) + 1)) + "}"
        return Generation(text, usage=Usage(1, 1, 1))


async def forest(app: Application, reader: Principal) -> list[tuple[object, ...]]:
    """Everything that a reader is given of trees."""
    store = app.container.get(TreeStore)
    found: list[tuple[object, ...]] = []
    for root in await store.roots(principal=reader):
        found.append((root.node, root.leaves, root.directions, root.missing))
        level = [root.node]
        while level:
            nodes = await store.nodes(level, principal=reader)
            assert len(nodes) == len(level)
            found += [
                (node, None if node.vector is None else node.vector.tobytes()) for node in nodes.values()
            ]
            level = [child for node in nodes.values() for child in node.children]
    return found


async def planted(
    home: Path, reader: Reader, documents: dict[str, tuple[str, tuple[str, ...]]]
) -> Application:
    """An application with an index of these texts, each with its labels, and its trees."""
    app = Application(Settings(home=home))
    indexer = Indexer(indexing_context(app.container, reader), settings=None)
    library = Library(app, indexer, home.parent / "docs")
    for labels in sorted({labels for _, labels in documents.values()}):
        texts = {key: text for key, (text, held) in documents.items() if held == labels}
        await library.put(texts, name="-".join(labels), labels=labels)
    if documents:
        await library.build()
    return app


@pytest.mark.parametrize("seed", range(3))
async def test_a_forest_is_that_of_the_readable_documents_alone(
    tmp_path: Path, reader: Reader, seed: int
) -> None:
    chance = random.Random(seed)
    documents = {
        f"d{number}": (
            text_of(number, chance.choice(LABELS)),
            tuple(sorted(chance.sample(LABELS, chance.randint(1, 2)))),
        )
        for number in range(60)
    }
    # The same folders, since ids of passages hold where a document lies.
    whole = await planted(tmp_path / "home", reader, documents)
    for grants in ({"public"}, {"hr", "staff"}, set(LABELS), {"nobody"}):
        principal = Principal(grants=frozenset(grants))
        readable = {key: each for key, each in documents.items() if grants & set(each[1])}
        alone = await planted(tmp_path / "-".join(sorted(grants)), reader, readable)
        assert await forest(whole, principal) == await forest(alone, principal)
        await alone.close()
    await whole.close()


class TestCanary:
    @pytest.fixture
    def model(self) -> LanguageModel:
        return Quoting()

    async def test_nothing_of_a_forbidden_document_is_in_what_a_search_shows_and_keeps(
        self, library: Library, model: Quoting
    ) -> None:
        await library.put({f"t{number}": text_of(number) for number in range(40)})
        secret = {f"s{number}": f"{text_of(number)} The {CANARY} is {number}." for number in range(20)}
        await library.put(secret, name="hr", labels=["hr"])
        await library.build()
        assert any(CANARY in prompt for prompt in model.prompts), "summaries were written of it"
        model.prompts.clear()
        searching = workflow("s", TreeSearch(rounds=10, scorer="model"))
        for grants, seen in (({"public"}, False), ({"public", "hr"}, True)):
            model.prompts.clear()
            question = Question("What is number 3?", Principal(grants=frozenset(grants)))
            result = await searching.run(question, ports=library.app.ports())
            path = result.noted(SearchPath)[-1]
            assert any(CANARY in prompt for prompt in model.prompts) == seen
            assert isinstance(result.output, Hits)
            store = library.app.container.get(TreeStore)
            names = [each.id for each in path.seen if not each.leaf]
            nodes = await store.nodes(names, principal=question.principal)
            assert any(CANARY in node.text for node in nodes.values()) == seen
            assert CANARY not in str(result.steps)

    async def test_nothing_of_a_removed_document_is_left(self, library: Library, model: Quoting) -> None:
        await library.put({f"t{number}": text_of(number) for number in range(40)})
        await library.put({"s": f"Otters know the {CANARY}."}, name="more")
        await library.build()
        assert CANARY in stored_text(library.app)
        await library.indexer.remove(library.folder / "more")
        await library.indexer.add(library.folder / "all")
        left = stored_text(library.app, without={"passages", "citations"})
        assert CANARY not in left
        await library.update()
        assert CANARY not in stored_text(library.app, without={"passages", "citations"})
