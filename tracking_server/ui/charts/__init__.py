"""Charts of a run and of an experiment."""
