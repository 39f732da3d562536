"""The door: who may come in, checked before any endpoint, page or file is looked for."""
