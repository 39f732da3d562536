"""Alembic's scripts: how older databases reach the schema of `tracking_server.store.schema`."""
