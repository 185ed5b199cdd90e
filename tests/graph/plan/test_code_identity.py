"""Code that changed is other code, and the same code is the same in every process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from orchestrator import ANONYMOUS, Answer, Hits, Node, Question, node, workflow
from orchestrator.errors import WorkflowError
from orchestrator.graph.plan.fingerprint import identity_of, node_fingerprint, node_identity
from orchestrator.graph.plan.sources import library_code
from orchestrator.ports import Cache
from orchestrator.types import Hit
from tests.graph import flows as f
from tests.graph.run.test_running import Memory

HEAD = "from orchestrator import Hits, Node, Question, node, workflow\n"
TAIL = "\nwf = workflow('w', find)\n"

#: One module a change: its text, what is edited, and what it becomes. Some import `shared`.
CHANGES: dict[str, tuple[str, str, str]] = {
    "default_of_a_setting": (
        "@node\nasync def find(question: Question, *, k: int = 3) -> Hits:\n    return Hits().top(k)\n",
        "= 3",
        "= 4",
    ),
    "comprehension": (
        "@node\nasync def find(question: Question) -> Hits:\n    return Hits(tuple(n + 1 for n in ()))\n",
        "n + 1",
        "n + 2",
    ),
    "lambda": (
        "@node\nasync def find(question: Question) -> Hits:\n    (lambda n: n + 1)(3)\n    return Hits()\n",
        "n + 1",
        "n - 1",
    ),
    "inner_function": (
        (
            "@node\nasync def find(question: Question) -> Hits:\n    def inner():\n        return 1\n"
            "    inner()\n    return Hits()\n"
        ),
        "return 1",
        "return 2",
    ),
    "helper": (
        (
            "def helper():\n    return 1\n@node\nasync def find(question: Question) -> Hits:\n    helper()\n"
            "    return Hits()\n"
        ),
        "return 1",
        "return 2",
    ),
    "constant": (
        "K = 1\n@node\nasync def find(question: Question) -> Hits:\n    return Hits().top(K)\n",
        "K = 1",
        "K = 2",
    ),
    "closure": (
        (
            "def made(k):\n    @node\n    async def find(question: Question) -> Hits:\n"
            "        return Hits().top(k)\n"
            "    return find\nfind = made(1)\n"
        ),
        "made(1)",
        "made(2)",
    ),
    "bound_method": (
        (
            "class Searcher:\n    def __init__(self, k):\n        self.k = k\n"
            "    async def search(self, question: Question) -> Hits:\n        return Hits().top(self.k)\n"
            "find = node(Searcher(1).search)\n"
        ),
        "Searcher(1)",
        "Searcher(2)",
    ),
    "method_of_a_node": (
        (
            "class Find(Node):\n    k: int = 1\n    def more(self):\n        return self.k + 1\n"
            "    async def __call__(self, question: Question) -> Hits:\n"
            "        return Hits().top(self.more())\n"
            "find = Find()\n"
        ),
        "self.k + 1",
        "self.k + 2",
    ),
    "class_attribute": (
        (
            "from typing import ClassVar\nclass Find(Node):\n    K: ClassVar[int] = 1\n"
            "    async def __call__(self, question: Question) -> Hits:\n        return Hits().top(self.K)\n"
            "find = Find()\n"
        ),
        "[int] = 1",
        "[int] = 2",
    ),
    "class_that_is_inherited_from": (
        (
            "class Wide:\n    def more(self):\n        return 1\nclass Find(Node, Wide):\n"
            "    async def __call__(self, question: Question) -> Hits:\n"
            "        return Hits().top(self.more())\n"
            "find = Find()\n"
        ),
        "return 1",
        "return 2",
    ),
    "decorator": (
        (
            "import functools\ndef wrap(function):\n    @functools.wraps(function)\n"
            "    async def inner(question):\n"
            "        return (await function(question)).top(1)\n    return inner\n"
            "@node\n@wrap\nasync def find(question: Question) -> Hits:\n    return Hits()\n"
        ),
        ".top(1)",
        ".top(2)",
    ),
    "selector": (
        (
            "from typing import Literal\nfrom orchestrator import route\n"
            "async def kind(question: Question) -> Literal['a', 'b']:\n    return 'a'\n"
            "@node\nasync def one(question: Question) -> Hits:\n    return Hits()\n"
            "find = route({'a': one, 'b': one}, by=kind)\n"
        ),
        "return 'a'",
        "return 'b'",
    ),
    "order_of_a_set": (
        (
            "ONE = frozenset({'a', 'b', 'c', 'd'})\n@node\nasync def find(question: Question) -> Hits:\n"
            "    return Hits() if question.text in {'a', 'b', 'c', 'd'} else Hits().top(1)\n"
        ),
        ".top(1)",
        ".top(2)",
    ),
    "helper_of_another_module": (
        (
            "from shared import helper\n@node\nasync def find(question: Question) -> Hits:\n    helper()\n"
            "    return Hits()\n"
        ),
        "",
        "",
    ),
    "module_of_another_module": (
        (
            "import between\n@node\nasync def find(question: Question) -> Hits:\n    between.call()\n"
            "    return Hits()\n"
        ),
        "",
        "",
    ),
    "constant_of_another_module": (
        (
            "from shared import LIMIT\n@node\nasync def find(question: Question) -> Hits:\n"
            "    return Hits().top(LIMIT)\n"
        ),
        "",
        "",
    ),
    "constant_by_way_of_a_package": (
        (
            "from package import LIMIT\n@node\nasync def find(question: Question) -> Hits:\n"
            "    return Hits().top(LIMIT)\n"
        ),
        "",
        "",
    ),
    "function_in_a_table_of_another_module": (
        (
            "from package.table import TABLE\n@node\nasync def find(question: Question) -> Hits:\n"
            "    TABLE['helper']()\n    return Hits()\n"
        ),
        "",
        "",
    ),
    "module_that_a_call_imports": (
        (
            "@node\nasync def find(question: Question) -> Hits:\n    from package.late import helper\n"
            "    helper()\n    return Hits()\n"
        ),
        "",
        "",
    ),
    "values_of_the_standard_library": (
        (
            "import enum, fractions, ipaddress\nclass Kind(enum.Flag):\n    a = 1\n    b = 2\n    c = 4\n"
            "class Size(enum.Enum):\n    small = 'small'\n    large = 'large'\n    huge = 'huge'\n"
            "def made(*values):\n    @node\n    async def find(question: Question) -> Hits:\n"
            "        return Hits().top(len(values))\n    return find\n"
            "find = made(Kind.a | Kind.b, Kind(0), frozenset(Size), frozenset({(Size.huge, 1),\n"
            "    (Size.small, 2)}), fractions.Fraction(1, 3), ipaddress.ip_address('10.0.0.1'),\n"
            "    ipaddress.ip_network('10.0.0.0/8'))\n"
        ),
        "Fraction(1, 3)",
        "Fraction(1, 4)",
    ),
}

PROGRAM = """
import importlib, json, sys
from orchestrator.graph.plan.fingerprint import node_fingerprint
from orchestrator.graph.plan.plan import calls
sys.path.insert(0, sys.argv[1])
told = {}
for name in sys.argv[2:]:
    wf = importlib.import_module(name).wf
    told[name] = [wf.fingerprint, *(node_fingerprint(call.node) for call in calls(wf.plan.body))]
print(json.dumps(told))
"""


def told(folder: Path) -> dict[str, list[str]]:
    """The fingerprints of all modules in a folder, by a process of their own."""
    program = [sys.executable, "-B", "-c", PROGRAM, str(folder), *CHANGES]
    done = subprocess.run(
        program, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONHASHSEED": "random"}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[str]]]:
    """What two processes tell of the same code, and a third of code that was edited in between."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "shared.py").write_text("LIMIT = 1\ndef helper():\n    return 1\n")
    (folder / "package").mkdir()
    for file, text in {
        "__init__": "from ._limits import LIMIT\n",
        "_limits": "from shared import LIMIT\n",
        "table": "from shared import helper\nTABLE = {'helper': helper}\ndel helper\n",
        "late": "def helper():\n    import shared\n    return shared.helper()\n",
    }.items():
        (folder / "package" / f"{file}.py").write_text(text)
    (folder / "between.py").write_text("from shared import helper\ndef call():\n    return helper()\n")
    for name, (text, _, _) in CHANGES.items():
        (folder / f"{name}.py").write_text(HEAD + text + TAIL)
    before, again = told(folder), told(folder)
    (folder / "shared.py").write_text("LIMIT = 2\ndef helper():\n    return 2\n")
    for name, (text, old, new) in CHANGES.items():
        assert old in text
        (folder / f"{name}.py").write_text(HEAD + (text.replace(old, new) if old else text) + TAIL)
    return [before, again, told(folder)]


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_code_is_another_workflow_and_another_node(change: str, runs) -> None:
    before, again, edited = (run[change] for run in runs)
    assert before == again
    assert before[0] != edited[0]
    assert before[1] != edited[1]


def factory(word: object):
    """Nodes of one code that close over something."""

    @node
    async def find(question: Question) -> Hits:
        return Hits((Hit(str(word), 1.0),))

    return find


def exec_node(number: int):
    """A node without a file, with a helper beside it."""
    scope: dict[str, object] = {"Hits": Hits, "Question": Question}
    text = (
        f"def helper(): return {number}\nasync def find(question: Question) -> Hits:\n    return helper()\n"
    )
    exec(text, scope)
    return node(scope["find"])


def class_of(number: int):
    """A class of one code with another attribute."""

    class Find(Node):
        async def __call__(self, question: Question) -> Hits:
            return Hits().top(self.many)

    Find.many = number
    return Find()


class Searcher:
    """An object whose method is a node."""

    def __init__(self, k: int) -> None:
        self.k = k

    async def search(self, question: Question) -> Hits:
        return Hits().top(self.k)


LONG = "|".join(f"word{number}" for number in range(200))

PAIRS = {
    "two nodes of one factory": (factory("a"), factory("b")),
    "a closure over a function": (factory(lambda: 1), factory(lambda: 2)),
    "a closure over a closure": (factory(partial(factory, "a")), factory(partial(factory, "b"))),
    "two methods of two objects": (node(Searcher(1).search), node(Searcher(2).search)),
    "code without a file": (exec_node(1), exec_node(2)),
    "an attribute of a class made by a function": (class_of(1), class_of(2)),
    "long patterns": (factory(re.compile(f"{LONG}|a")), factory(re.compile(f"{LONG}|b"))),
    "patterns of other flags": (factory(re.compile("a")), factory(re.compile("a", re.IGNORECASE))),
    "true and one": (factory(True), factory(1)),
    "one as a number and as a text": (factory(1), factory("1")),
    "a list and a tuple": (factory(["a"]), factory(("a",))),
    "other settings": (f.find(1), f.find(2)),
}


@pytest.mark.quick(every=4)
@pytest.mark.parametrize("pair", PAIRS)
def test_two_nodes_that_differ_are_told_apart(pair: str) -> None:
    one, other = PAIRS[pair]
    assert node_fingerprint(one) != node_fingerprint(other)
    assert node_identity(one).unknown == node_identity(other).unknown == ()


@pytest.mark.quick(every=3)
@pytest.mark.parametrize(
    "made",
    [
        lambda: factory("a"),
        lambda: factory({"b": {3, 1, 2}, "a": [1.5, None]}),
        lambda: node(Searcher(1).search),
        lambda: class_of(1),
        lambda: exec_node(1),
        lambda: f.Shout(2, "?"),
    ],
)
def test_what_is_made_again_is_the_same(made) -> None:
    assert node_fingerprint(made()) == node_fingerprint(made())


@pytest.mark.slow
async def test_two_nodes_of_one_factory_keep_their_own_results() -> None:
    cache = Memory()
    found = [
        (
            await workflow("w", factory(word).within(cache=60) >> f.answer).run(
                Question("q", ANONYMOUS), ports={Cache: cache}
            )
        ).answer
        for word in ("a", "b", "a")
    ]
    assert [answer.text for answer in found if answer] == ["q: a", "q: b", "q: a"]
    assert len(cache.entries) == 2


def test_a_cache_is_refused_where_code_cannot_be_known() -> None:
    lock = threading.Lock()
    with pytest.raises(WorkflowError, match=r"find: is kept by .within\(cache=…\), but uses a lock"):
        workflow("w", factory(lock).within(cache=60) >> f.answer).check()
    workflow("w", factory(lock) >> f.answer).check()


def test_what_cannot_be_known_is_the_same_only_as_itself() -> None:
    lock = threading.Lock()
    assert identity_of(lock) == identity_of(lock) != identity_of(threading.Lock())
    assert identity_of(lock).unknown


@pytest.mark.slow
def test_what_holds_itself_has_an_identity() -> None:
    around: list[object] = []
    around.append(around)
    assert identity_of(around).digest

    def recursive(n: int) -> int:
        return recursive(n - 1) if n else 0

    assert identity_of(recursive) == identity_of(recursive)


def test_the_librarys_code_counts() -> None:
    assert library_code() in node_fingerprint(f.find)


def test_an_answer_is_not_code() -> None:
    assert identity_of(Answer("a")) == identity_of(Answer("a")) != identity_of(Answer("b"))
