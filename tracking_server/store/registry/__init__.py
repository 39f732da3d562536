"""The model registry: registered models, their versions, aliases, tags and stages."""
