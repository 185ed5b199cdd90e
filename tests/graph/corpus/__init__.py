"""Graphs that the check must refuse, and graphs that it must let pass, by kind."""
