"""Token vectors on their way into a shard: in a file, since a large job's would not fit into memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class TokenBuffer(Sequence["NDArray[np.float32]"]):
    """Matrices of shape (tokens, dimensions), kept in half precision in a file that ends with the process.

    Half precision moves a cosine by less than .001, and is what the shards hold.
    """

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        # Nothing to clean up: the file has no name.
        self._file = tempfile.TemporaryFile(prefix="orchestrator-tokens-")  # noqa: SIM115
        self._places: list[tuple[int, int]] = []
        self._end = 0

    def extend(self, matrices: Iterable[NDArray[np.float32]]) -> None:
        """Add matrices behind the others."""
        import numpy as np

        self._file.seek(self._end)
        for matrix in matrices:
            data = np.ascontiguousarray(matrix, dtype=np.float16).tobytes()
            self._file.write(data)
            self._places.append((self._end, len(matrix)))
            self._end += len(data)

    def keep(self, rows: Iterable[bool]) -> None:
        """Forget the matrices whose row is False."""
        self._places = [place for place, kept in zip(self._places, rows, strict=True) if kept]

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.float32]: ...
    @overload
    def __getitem__(self, index: slice) -> list[NDArray[np.float32]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.float32] | list[NDArray[np.float32]]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        import numpy as np

        begin, tokens = self._places[index]
        self._file.seek(begin)
        data = self._file.read(tokens * self.dimensions * 2)
        return np.frombuffer(data, dtype=np.float16).reshape(tokens, self.dimensions).astype(np.float32)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return (self[row] for row in range(len(self)))
