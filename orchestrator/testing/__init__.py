"""Conformance tests of the ports, to be subclassed by every connector; needs pytest and pytest-asyncio."""
