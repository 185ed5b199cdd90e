"""The schema of a graph: classes of entities and relations, which are the contract of an extraction.

A class is a type, its docstring the definition, its fields what is asked for. Source: KnowCoder (arXiv
2403.07969), where a model is given such classes.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import BaseModel, ConfigDict

from orchestrator.errors import BadInput
from orchestrator.text.entity_names import content_number


class EntityType(BaseModel):
    """Base class of types of entities. Subclass it: the docstring says what belongs to the type."""

    model_config = ConfigDict(extra="forbid")

    name: str


class RelationType(BaseModel):
    """Base class of types of relations. Subclass it and annotate `head` and `tail` with types of entities."""

    model_config = ConfigDict(extra="forbid")

    head: EntityType
    tail: EntityType


@dataclass(frozen=True, slots=True)
class Relation:
    """A type of relations: its name, its definition, and the types of entities that its ends may have."""

    name: str
    definition: str
    heads: frozenset[str]
    tails: frozenset[str]


@dataclass(frozen=True, slots=True)
class GraphSchema:
    """Types of entities with their definitions, and types of relations between them."""

    entities: tuple[tuple[str, str], ...]
    relations: tuple[Relation, ...]

    @classmethod
    def of(cls, *types: type[BaseModel]) -> GraphSchema:
        """The schema of classes; BadInput if nothing could satisfy it.

        A relation's ends may be base classes: then any subclass among the classes will do.
        """
        entities = [each for each in types if issubclass(each, EntityType) and each is not EntityType]
        relations = [each for each in types if issubclass(each, RelationType) and each is not RelationType]
        if not entities:
            raise BadInput(
                "The schema has no type of entities.",
                hint='Add one, such as `class Person(EntityType): """A human being."""`.',
            )
        for names in ([each.__name__ for each in entities], [each.__name__ for each in relations]):
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise BadInput(f"The schema has two types of the name {twice}.", hint="Rename one of them.")
        return cls(
            tuple((each.__name__, _definition(each)) for each in entities),
            tuple(_relation(each, entities) for each in relations),
        )

    @classmethod
    def of_module(cls, module: Any) -> GraphSchema:
        """The schema of all classes that a module defines or imports by name."""
        found = [
            each
            for each in cast("dict[str, object]", vars(module)).values()
            if inspect.isclass(each)
            and issubclass(each, EntityType | RelationType)
            and each not in (EntityType, RelationType)
        ]
        return cls.of(*found)

    @classmethod
    def of_file(cls, path: Path) -> GraphSchema:
        """The schema of a Python file, which is executed; BadInput says where it fails."""
        spec = importlib.util.spec_from_file_location(f"_graph_schema_{path.stem}", path)
        if spec is None or spec.loader is None or not path.is_file():
            raise BadInput(f"There is no Python file {path}.", hint="Name a file with classes of types.")
        module = importlib.util.module_from_spec(spec)
        # Annotations that are written as texts are looked up in the module.
        sys.modules[spec.name] = module
        try:
            spec.loader.exec_module(module)
            return cls.of_module(module)
        except BadInput:
            raise
        except Exception as error:
            raise BadInput(
                f"{path} cannot be loaded: {type(error).__name__}: {error}.", hint="Correct the file."
            ) from error
        finally:
            sys.modules.pop(spec.name, None)

    @property
    def described(self) -> str:
        """The types as a model is shown them, one JSON object a line."""
        lines = [{"entity": name, "definition": definition} for name, definition in self.entities]
        ends = [
            {
                "relation": each.name,
                "definition": each.definition,
                "head": sorted(each.heads),
                "tail": sorted(each.tails),
            }
            for each in self.relations
        ]
        return "\n".join(json.dumps(line, ensure_ascii=False) for line in (*lines, *ends))

    @property
    def fingerprint(self) -> str:
        """Identifies the schema by what a model is told of it."""
        return f"{content_number('schema', self.described):016x}"


def _relation(of: type[RelationType], entities: Iterable[type[EntityType]]) -> Relation:
    ends: list[frozenset[str]] = []
    for end in ("head", "tail"):
        wanted = tuple(_classes(of.model_fields[end].annotation))
        names = frozenset(each.__name__ for each in entities if issubclass(each, wanted))
        if not names:
            raise BadInput(
                f"No type of entities in the schema can be the {end} of {of.__name__}.",
                hint=f"Annotate {end} with one of {', '.join(each.__name__ for each in entities)}.",
            )
        ends.append(names)
    return Relation(of.__name__, _definition(of), ends[0], ends[1])


def _classes(annotation: Any) -> Iterator[type[EntityType]]:
    """The classes of a union, or of one annotation."""
    for each in get_args(annotation) or (annotation,):
        if inspect.isclass(each) and issubclass(each, EntityType):
            yield each


def _definition(of: type[BaseModel]) -> str:
    return inspect.cleandoc(of.__dict__.get("__doc__") or "")
