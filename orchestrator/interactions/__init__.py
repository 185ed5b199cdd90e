"""User-item interactions and the items of a catalogue: what recommenders learn from."""
