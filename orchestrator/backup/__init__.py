"""Backup and restore of everything that is kept."""
