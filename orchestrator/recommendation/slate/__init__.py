"""Slates: what is shown, diverse and explored."""
