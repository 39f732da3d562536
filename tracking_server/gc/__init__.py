"""Removing for good what was deleted long ago: runs, logged models, experiments, and their artifacts."""
