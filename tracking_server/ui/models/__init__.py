"""The pages of the model registry, and of the logged models of an experiment."""
