"""The page of an experiment: its runs as a table."""
