"""Source weights: how much hits of a folder, a label or a metadata value count."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from orchestrator.errors import BadInput
from orchestrator.types import Passage

FORMAT = 1


@dataclass(frozen=True, slots=True)
class SourceWeights:
    """A weight from 0 (excluded) to 1 (unchanged) for each source; sources without a weight count 1.

    `by` says what a source is: `folder`, `label`, or the name of a metadata field.
    """

    by: str
    weights: tuple[tuple[str, float], ...] = ()
    fitted_on: str = ""
    version: int = FORMAT

    def of(self, source: str) -> float:
        """The weight of a source."""
        return dict(self.weights).get(source, 1.0)

    def save(self, path: str | Path) -> None:
        """Write it as JSON."""
        Path(path).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> SourceWeights:
        """Read what `save` wrote; BadInput if it is something else."""
        from pydantic import TypeAdapter, ValidationError

        try:
            found = TypeAdapter(cls).validate_json(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"The source weights {path} cannot be read: {error}.") from None
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"])) or "the file"
            raise BadInput(f"{path} holds no source weights: {where}: {problem['msg']}.") from None
        if found.version != FORMAT:
            raise BadInput(f"{path} is of version {found.version}, expected {FORMAT}.")
        require_weights(found)
        return found


def require_weights(given: SourceWeights) -> None:
    """Raise BadInput for weights that are not from 0 to 1."""
    for name, weight in given.weights:
        if not 0.0 <= weight <= 1.0:
            raise BadInput(f"The weight of source {name!r} is {weight}, expected 0 to 1.")


def source_of(passage: Passage, by: str) -> str:
    """The source of a passage; "" if its document has no such field. Several labels are one source."""
    if by == "folder":
        return str(PurePosixPath(passage.source).parent)
    if by == "label":
        return "+".join(sorted(passage.labels))
    return "+".join(sorted(str(value) for name, value in passage.metadata if name == by))
