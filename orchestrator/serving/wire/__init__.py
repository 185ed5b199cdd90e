"""Wire formats: OpenAI's chat completions, server-sent events, errors."""
