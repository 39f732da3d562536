"""The command `runner`: a table of commands, each imported only when it is used."""

from __future__ import annotations

import io
import sys
from importlib import import_module

import click

import runner
from runner.cli.boundary import boundary, let_go_of_output

COMMANDS = {
    "run": ("runner.cli.run:run", "Run an entry point or a sweep of a project and track it."),
    "sweep": ("runner.cli.sweep:sweep", "List, show, stop, resume and extend sweeps."),
    "check": ("runner.cli.check:check", "Print every problem of a project's files at once."),
    "env": ("runner.cli.env:env", "List and remove cached environments."),
    "server": ("runner.cli.server:server", "Serve a tracking store for good."),
    "sync": ("runner.cli.sync:sync_", "Send what programs logged and could not send."),
    "import": ("runner.cli.import_:import_", "Bring in what MLflow has recorded elsewhere."),
    "ui": ("runner.cli.ui:ui", "Open the store of this directory in a browser."),
    "settings": ("runner.cli.settings:settings", "Show every setting, its value and where it comes from."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """The names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The table, without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a misspelt name."""
        from runner.errors import suggestion

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            meant = suggestion(args[0], COMMANDS)
            ctx.fail(f"no command {args[0]!r}" + (f"; did you mean {meant!r}?" if meant else ""))
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(runner.__version__, prog_name="runner")
def cli() -> None:
    """Run MLprojects and hyperparameter sweeps: isolated, tracked, reproducible."""


def main() -> None:
    """The console script."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that knows ASCII only still gets the rest of the line.
        sys.stdout.reconfigure(errors="backslashreplace")
    code = boundary(cli, sys.argv[1:])
    let_go_of_output()
    sys.exit(code)


if __name__ == "__main__":
    main()
