"""Isolated environments: what they are built with, and the cache that holds them."""
