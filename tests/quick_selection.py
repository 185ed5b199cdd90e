"""How many examples a property test tries: a tenth in the quick tests of what CI tries."""

from __future__ import annotations

import os


def examples(in_ci: int) -> int:
    """The number to try here, of that which CI tries."""
    return in_ci if os.environ.get("ORCHESTRATOR_REQUIRE_SERVICES") else max(5, in_ci // 10)
