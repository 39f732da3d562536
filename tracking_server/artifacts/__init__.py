"""Files of runs and models: which paths are safe, and where they lead."""
