"""`runner ui`: the store of the current directory, in a browser."""

from __future__ import annotations

import os

import click


@click.command()
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def ui(no_browser: bool) -> None:
    """Open the store of this directory (or MLFLOW_TRACKING_URI) in a browser."""
    from runner.assemble import assemble, working_directory
    from runner.events import ignore
    from runner.recording.lost_runs import close_lost_runs

    recorder = assemble(os.environ, listener=ignore, cwd=working_directory()).recorder()
    close_lost_runs(recorder.tickets, deadline_s=5.0)
    address = recorder.address()
    click.echo(address)
    if not no_browser:
        import webbrowser

        webbrowser.open(address)
