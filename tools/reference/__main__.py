"""Write reference/, and the lists of docs/index.md."""

from __future__ import annotations

from tools.reference.index_lists import write_lists
from tools.reference.pages import write

if __name__ == "__main__":
    for page in write():
        print(page)  # noqa: T201
    write_lists()
