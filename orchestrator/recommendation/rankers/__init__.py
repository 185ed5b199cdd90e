"""Rankers: what ranks a catalogue for histories, one kind a file."""
