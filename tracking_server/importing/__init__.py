"""Bringing in what MLflow has recorded: from a server, a directory `mlruns/` or a database."""
