"""Searchers: what to try next, given what came of what was tried. Pure: no I/O, no clock, seeded."""
