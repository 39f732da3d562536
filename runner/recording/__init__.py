"""The only part of `runner` that talks to a tracking server."""
