"""Sweeps: ask, launch, watch, tell; journaled, so that nothing is lost and nothing is done twice."""
