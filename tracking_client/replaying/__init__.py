"""Replaying runs, with all that they hold, from one store to another."""
