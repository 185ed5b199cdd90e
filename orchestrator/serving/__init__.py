"""The chat endpoint: workflows behind OpenAI's chat completions. Start at `app.create_app`."""

from __future__ import annotations

from orchestrator.serving.app import create_app
from orchestrator.serving.limits.limits import Limits
from orchestrator.serving.server import serve

__all__ = ["Limits", "create_app", "serve"]
