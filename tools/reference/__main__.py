"""Write docs/reference/."""

from __future__ import annotations

from tools.reference.pages import write

if __name__ == "__main__":
    for page in write():
        print(page)  # noqa: T201
