"""Every error that the library and its connectors raise is a sentence: it begins with a capital and ends.

A message may begin with the user's own path, name or value. The tests read the source, so that an error is
held to the rule whether or not a test raises it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
FILES = [file for room in ("orchestrator", "connectors") for file in sorted((ROOT / room).rglob("*.py"))]
#: There are more than this many, or the test does not see them.
LEAST = {"message": 400, "hint": 330}
#: What a text may begin with besides a capital or a value: a quoted name or command.
OPENING = set("`'\"[(…$<-")


class Text(NamedTuple):
    """A literal text of an error. A part that is filled in at run time is a `\\0`."""

    kind: str
    where: str
    text: str

    @property
    def capital(self) -> bool:
        first = self.text[:1]
        return first == "\0" or first in OPENING or first.isupper() or first.isdigit()

    @property
    def ended(self) -> bool:
        return self.text.rstrip().endswith((".", "?"))


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def parts_of(source: str) -> list[ast.ClassDef | ast.Assign | ast.Call]:
    """What matters here of a file: the tree of all files is walked once."""
    every = ast.walk(ast.parse(source))
    return [node for node in every if isinstance(node, ast.ClassDef | ast.Assign | ast.Call)]


def error_names(parts: Iterable[ast.AST]) -> frozenset[str]:
    """The names of OrchestratorError and of all that derive from it."""
    names = {"OrchestratorError"}
    classes = [node for node in parts if isinstance(node, ast.ClassDef)]
    while more := {each.name for each in classes if names & set(map(_name, each.bases))} - names:
        names |= more
    return frozenset(names)


def literal(node: ast.expr, constants: dict[str, str]) -> str | None:
    """The text of an expression, as far as the source says it; None if it says nothing."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(literal(part, constants) or "\0" for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return (literal(left, constants) or "\0") + (literal(right, constants) or "\0")
        case ast.Name(id=name):
            return constants.get(name)
        case _:
            return None


def texts(nodes: Iterable[ast.AST], where: str, names: frozenset[str]) -> Iterator[Text]:
    """The messages and hints of the errors that a file makes."""
    constants = {
        target.id: node.value.value
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        made = _name(node.func) in names
        given = [("message", node.args[0])] if made and node.args else []
        # A hint is one wherever it is given, for example to a function that raises the error.
        kinds = ("message", "hint") if made else ("hint",)
        given += [(each.arg or "", each.value) for each in node.keywords if each.arg in kinds]
        for kind, value in given:
            # One of two texts is chosen at run time: both are held to the rule.
            choices = (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,)
            for choice in choices:
                if text := literal(choice, constants):
                    yield Text(kind, f"{where}:{choice.lineno}", text)


@pytest.fixture(scope="module")
def found() -> list[Text]:
    files = {str(file.relative_to(ROOT)): parts_of(file.read_text(encoding="utf-8")) for file in FILES}
    names = error_names(chain.from_iterable(files.values()))
    # Its first argument is a workflow's name, and not a text.
    names -= {"WorkflowError"}
    return [text for where, nodes in files.items() for text in texts(nodes, where, names)]


@pytest.mark.slow
def test_enough_messages_and_hints_are_seen(found: list[Text]) -> None:
    for kind, least in LEAST.items():
        assert sum(text.kind == kind for text in found) >= least, kind


def test_messages_and_hints_begin_with_a_capital(found: list[Text]) -> None:
    assert [f"{text.where} {text.text!r}" for text in found if not text.capital] == []


def test_messages_and_hints_end_with_a_full_stop(found: list[Text]) -> None:
    assert [f"{text.where} {text.text!r}" for text in found if not text.ended] == []


def test_what_other_callers_are_told_is_a_sentence() -> None:
    from orchestrator import errors

    briefs = [found.brief for found in vars(errors).values() if getattr(found, "brief", None)]
    assert len(briefs) >= 8
    assert all(brief[0].isupper() and brief.endswith(".") for brief in briefs)


@pytest.mark.parametrize(
    ("line", "capital", "ended"),
    [
        ('raise BadInput("there is none.")', False, True),
        ('raise BadInput(f"{path} is a folder.")', True, True),
        ('raise BadInput("There is none")', True, False),
        ('raise BadInput(f"There is no {path}")', True, False),
        ('AGAIN = "run it again"\nraise BadInput("It failed.", hint=AGAIN)', False, False),
        ('raise BadInput("It failed.", hint="Name one." if named else "add one.")', False, True),
    ],
)
def test_a_text_that_breaks_the_rule_is_found(line: str, capital: bool, ended: bool) -> None:
    seen = list(texts(parts_of(line), "file.py", frozenset({"BadInput"})))
    assert (all(text.capital for text in seen), all(text.ended for text in seen)) == (capital, ended)


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ("no model is configured", "No model is configured."),
        ("rerank: left out, since the budget ran out", "rerank: left out, since the budget ran out."),
        ("stored.tsv has no reformulation", "stored.tsv has no reformulation."),
        ("Box[list].item: it can be changed", "Box[list].item: it can be changed."),
        ("the model failed: It went away.", "The model failed: It went away."),
    ],
)
def test_a_clause_becomes_a_sentence_and_a_name_keeps_its_letters(clause: str, said: str) -> None:
    from orchestrator.errors import sentence

    assert sentence(clause) == sentence(sentence(clause)) == said


def hints_said_twice(source: str) -> list[int]:
    """The lines of texts that say an error, which says its hint, and its hint."""
    found: list[int] = []
    if ".hint" not in source:
        return found
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = [each.value for each in node.values if isinstance(each, ast.FormattedValue)]
            hinted = [each.value for each in parts if isinstance(each, ast.Attribute) and each.attr == "hint"]
            said = {_name(each) for each in parts if isinstance(each, ast.Name)}
            if said & set(map(_name, hinted)):
                found.append(node.lineno)
    return found


def test_no_text_says_a_hint_twice() -> None:
    assert hints_said_twice('told = f"{error} {error.hint}"') == [1]
    assert hints_said_twice('told = f"{error.message} {error.hint}"') == []
    assert [file for file in FILES if hints_said_twice(file.read_text(encoding="utf-8"))] == []
