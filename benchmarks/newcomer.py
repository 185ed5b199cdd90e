"""Whether a newcomer's first question is answered: the right page cited first, and what the answer must say.

    python -m benchmarks.newcomer [--docs DIR] [--half choosing|reading|both] [--embedder light] [--show]
        [--trees]

Questions as newcomers ask them, in `newcomer_questions.jsonl`: of each the pages that answer it and the words
that an answer holds (alternatives with a bar between), or no page where the documents do not answer. The
documents are this project's own and those of pip (Markdown), Flask and Gunicorn (reStructuredText, read as
text), from their source distributions, which pip downloads once; `--docs DIR` takes unpacked ones.

Half of the questions, by a hash, are for choosing settings, the other half for reading the result. Beside
`chat` without a language model, two plain answers: the first passage of `search`, and the sentence of the
first five passages that is nearest to the question by cosine. With `--trees`, the first passage of
`tree_search` as well, and of the same without `NamedDocuments`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks import harness
from orchestrator import workflow
from orchestrator.application.application import Application
from orchestrator.nodes import Interpolate, TreeSearch
from orchestrator.nodes.answer._quoting import NOTHING
from orchestrator.ports import Documents, Embedder, IndexRegistry, Ledger
from orchestrator.progress import silent
from orchestrator.settings import Settings
from orchestrator.text.sentences import sentences
from orchestrator.tree.build_job import TreePlan, build_trees_locally
from orchestrator.types import Hits, Question
from workflows.tree_search import dense, sparse, tree_search

Half = Literal["choosing", "reading"]
QUESTIONS = Path(__file__).with_name("newcomer_questions.jsonl")
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Source:
    """Where the pages of a documentation are in its source distribution."""

    requirement: str
    folder: str
    suffix: str
    without: tuple[str, ...] = ()


SOURCES = {
    "pip": Source("pip==24.2", "docs/html", ".md", ("ux-research-design", "development")),
    "flask": Source("flask==3.0.3", "docs", ".rst", ("api.rst", "changes.rst", "license.rst")),
    "gunicorn": Source("gunicorn==23.0.0", "docs/source", ".rst", ("-news.rst", "news.rst")),
}


@dataclass(frozen=True)
class Asked:
    """A question, the pages that answer it, and the words of an answer; no page where nothing does."""

    set: str
    question: str
    pages: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def half(self) -> Half:
        """Which half it belongs to, by a hash of its words."""
        return "choosing" if hashlib.sha256(self.question.encode()).digest()[0] % 2 == 0 else "reading"


@dataclass(frozen=True)
class Given:
    """An answer: the page that it cites first, and its text."""

    page: str
    text: str

    @property
    def refused(self) -> bool:
        """Whether it says that the documents hold no answer."""
        return not self.page or self.text.startswith(NOTHING)


def asked() -> list[Asked]:
    """All questions."""
    lines = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    return [Asked(one["set"], one["question"], tuple(one["pages"]), tuple(one["words"])) for one in lines]


def holds(text: str, words: Sequence[str]) -> bool:
    """Whether a text has, of each entry, one of its alternatives."""
    text = text.casefold()
    return all(any(one.casefold() in text for one in entry.split("|")) for entry in words)


def pages_of(name: str, docs: Path, to: Path) -> None:
    """Copy the pages of a documentation, each named as it is there, to the folder `to`."""
    if name == "orchestrator":
        shutil.copytree(
            ROOT / "docs", to, ignore=lambda _, names: [n for n in names if not n.endswith(".md")]
        )
        shutil.copy(ROOT / "README.md", to)
        return
    source = SOURCES[name]
    package, version = source.requirement.split("==")
    unpacked = docs / f"{package}-{version}"
    if not unpacked.is_dir():
        _download(source.requirement, docs)
    for page in sorted((unpacked / source.folder).rglob(f"*{source.suffix}")):
        place = page.relative_to(unpacked / source.folder)
        if any(part in f"/{place}" for part in source.without):
            continue
        target = to / place if source.suffix == ".md" else to / f"{place}.txt"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(page, target)


def _download(requirement: str, docs: Path) -> None:
    docs.mkdir(parents=True, exist_ok=True)
    name = requirement.split("==")[0]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", name]
    subprocess.run([*command, "--dest", str(docs), requirement], check=True)
    for archive in docs.glob(f"{requirement.replace('==', '-')}*.tar.gz"):
        with tarfile.open(archive) as opened:
            opened.extractall(docs, filter="data")


async def answers(
    name: str, questions: Sequence[Asked], docs: Path, embedder: str, *, trees: bool
) -> dict[str, dict[str, Given]]:
    """What each way answers, by way and question."""
    found: dict[str, dict[str, Given]] = {way: {} for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        pages = Path(folder) / "pages"
        pages_of(name, docs, pages)
        async with Application(Settings(home=Path(folder) / "home", embedder=embedder)) as app:
            await app.indexer().add(pages)
            ports = app.ports()
            if trees:
                found |= await _by_trees(questions, pages, app)
            for one in questions:
                answer = (await app.run("chat", one.question)).answer
                first = answer.citations[0].source if answer.citations else ""
                found["chat"][one.question] = Given(_page(first, pages), answer.text)
                hits = (await app.run("search", one.question)).output
                texts = await ports[Documents].passages(hits.top(5).ids, principal=app.settings.principal)
                passages = [texts[hit.id] for hit in hits.top(5)]
                top = Given(_page(passages[0].source, pages), passages[0].text) if passages else Given("", "")
                found["top passage"][one.question] = top
                pairs = [(p, p.text[s.start : s.end]) for p in passages for s in sentences(p.text)]
                nearest = await _nearest(one.question, [text for _, text in pairs], ports[Embedder])
                if nearest is not None:
                    passage, text = pairs[nearest]
                    found["top sentence"][one.question] = Given(_page(passage.source, pages), text)
    return found


async def _by_trees(questions: Sequence[Asked], pages: Path, app: Application) -> dict[str, dict[str, Given]]:
    """The first passages of searches of the tree that is built first."""
    ports = app.ports()
    version = ports[IndexRegistry].current(app.settings.index)
    plan, reader = TreePlan(written=False), app.settings.principal
    await build_trees_locally(ports[Ledger], ports, version, plan, principal=reader, progress=silent)
    unnamed = workflow("unnamed", sparse >> dense >> Interpolate() >> TreeSearch())
    found: dict[str, dict[str, Given]] = {}
    for way, flow in zip(TREES, (tree_search, unnamed), strict=True):
        found[way] = {}
        for one in questions:
            result = await flow.run(Question(one.question, reader), ports=ports)
            first = (result.get(Hits) or Hits()).top(1).ids
            texts = await ports[Documents].passages(first, principal=reader)
            found[way][one.question] = next(
                (Given(_page(text.source, pages), text.text) for text in texts.values()), Given("", "")
            )
    return found


async def _nearest(question: str, texts: Sequence[str], embedder: Embedder) -> int | None:
    if not texts:
        return None
    query = await embedder.embed([question], kind="query")
    vectors = await embedder.embed(list(texts), kind="passage")
    return int((vectors @ query[0]).argmax())


def _page(source: str, pages: Path) -> str:
    path = source.removeprefix("file://").split("#")[0]
    place = str(Path(path).relative_to(pages.resolve())) if path.startswith(str(pages.resolve())) else path
    return place.removesuffix(".txt")


WAYS = ("chat", "top passage", "top sentence")
TREES = ("tree_search", "tree_search without names")


def row(way: str, half: str, questions: Sequence[Asked], found: dict[str, Given]) -> list[str]:
    """The line of the table for one way: shares of the questions with and without an answer."""
    known = [(one, found[one.question]) for one in questions if one.pages and one.question in found]
    unknown = [found[one.question] for one in questions if not one.pages and one.question in found]

    def share(hits: Sequence[bool]) -> str:
        return f"{100 * sum(hits) / max(len(hits), 1):.0f} % ({sum(hits)} of {len(hits)})"

    return [
        way,
        half,
        share([given.page in one.pages for one, given in known]),
        share([holds(given.text, one.words) for one, given in known]),
        share([holds(given.text.split("\n\n")[0], one.words) for one, given in known]),
        share([given.refused for _, given in known]),
        share([not given.refused for given in unknown]),
        f"{sum(len(given.text.split()) for _, given in known) / max(len(known), 1):.0f}",
    ]


async def measured(
    halves: Sequence[Half], docs: Path, embedder: str, sets: Sequence[str], *, show: bool, trees: bool
) -> str:
    """Ask all questions of these halves and give the table."""
    questions = [one for one in asked() if one.half in halves and one.set in sets]
    ways = (*WAYS, *TREES) if trees else WAYS
    found: dict[str, dict[str, Given]] = {way: {} for way in ways}
    for name in sets:
        mine = [one for one in questions if one.set == name]
        for way, given in (await answers(name, mine, docs, embedder, trees=trees)).items():
            found[way] |= given
    for one in questions if show else ():
        given = found["chat"][one.question]
        right, said = given.page in one.pages, holds(given.text, one.words)
        if given.refused if not one.pages else right and said:
            continue
        print(f"\n## {one.set}: {one.question}  page {right} words {said} wanted {one.pages} {one.words}")
        print(f"{given.page}: {given.text}")
    headings = ["answer", "half", "right page first", "key words", "in its first paragraph"]
    headings += ["refused although answerable", "answered although not", "words"]
    rows = [
        row(way, half, [one for one in questions if one.half == half], found[way])
        for half in halves
        for way in ways
    ]
    return harness.table(headings, rows)


def main() -> None:
    """Measure and print."""
    parser = harness.Arguments(__doc__, record=True)
    parser.add_argument("--docs", type=Path, default=harness.FOLDER / ".cache" / "newcomer", metavar="DIR")
    parser.add_argument("--half", choices=["choosing", "reading", "both"], default="both")
    parser.add_argument("--embedder", default="light")
    parser.add_argument("--sets", nargs="+", default=["orchestrator", *SOURCES])
    parser.add_argument("--show", action="store_true", help="print the answers that are wrong")
    parser.add_argument("--trees", action="store_true", help="measure tree_search as well")
    given = parser.parse_args()
    halves: tuple[Half, ...] = ("choosing", "reading") if given.half == "both" else (given.half,)
    text = asyncio.run(
        measured(halves, given.docs, given.embedder, given.sets, show=given.show, trees=given.trees)
    )
    text += f"\n\nEmbedder `{given.embedder}`; {harness.machine('wordllama')}"
    print(text)
    if given.record:
        harness.record("newcomer", text)


if __name__ == "__main__":
    main()
