"""Run by Alembic: migrates over the connection that `revisions` hands in, inside its transaction."""

from __future__ import annotations

from alembic import context

from tracking_server.store.metadata import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,  # the caller's transaction holds it all
)
context.run_migrations()
