"""The one place that turns errors into a message, a hint and an exit code.

0 done, 1 the user's program failed, 2 a wrong request, 3 something needed could not be had, 130 interrupted
(128 + N for another signal N), 4 a fault of ours, with a crash report.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import click

from runner.errors import RunnerError
from runner.printable import printable
from runner.stop import Stopped

_ISSUES = "please file it with the crash report attached"


def boundary(command: click.Command, arguments: list[str]) -> int:
    """Runs the command and returns the process's exit code. Prints at most one message, to stderr."""
    try:
        result = command.main(arguments, prog_name="runner", standalone_mode=False)
    except click.exceptions.Abort:
        return 130
    except KeyboardInterrupt:
        return 130
    except Stopped as stopped:
        return 128 + stopped.signal_number
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        _say(error.format_message(), _usage_hint(error))
        return 2
    except RunnerError as error:
        _say(str(error), error.hint)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read our output has left. Keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001  # the outermost layer: everything else is our own fault
        return _crash(error)
    return result if isinstance(result, int) else 0


def let_go_of_output() -> None:
    """Writes what waits to be written. What nobody takes any more must not become the exit code.

    A terminal that was closed refuses it: at its exit, Python would say 120 in place of what happened.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is None:  # it was closed before we began
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _say(message: str, hint: str | None) -> None:
    with suppress(OSError):  # the terminal was closed
        click.echo(f"{click.style('error:', fg='red', bold=True)} {printable(message)}", err=True)
        if hint:
            click.echo(f"  {click.style('→', fg='cyan')} {printable(hint)}", err=True)


def _usage_hint(error: click.ClickException) -> str | None:
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    return None if ctx is None else f"`{ctx.command_path} --help` shows the options"


def _crash(error: Exception) -> int:
    report = _crash_report(error)
    try:
        path = _write_report(report)
    except (OSError, RunnerError):
        click.echo(report, err=True)
        path = None
    title = click.style("fault of runner:", fg="red", bold=True)
    click.echo(f"{title} {type(error).__name__}: {printable(_redacted(str(error)))}", err=True)
    if path is not None:
        click.echo(f"  {click.style('→', fg='cyan')} the crash report is {path}; {_ISSUES}", err=True)
    return 4


def _crash_report(error: Exception) -> str:
    import platform
    import traceback

    from runner import __version__

    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return _redacted(
        f"# runner crash report\n\n- runner {__version__}\n- Python {sys.version}\n- {platform.platform()}\n"
        f"- command: {' '.join(sys.argv)}\n\n```\n{trace}```\n"
    )


def _redacted(text: str) -> str:
    from runner.redaction import Redactor, secrets_in

    return Redactor(secrets_in(os.environ)).hide_text(text)


def _write_report(report: str) -> Path:
    from runner.settings import read_settings

    folder = read_settings(os.environ).state_dir / "crashes"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.md"
    path.write_text(report, encoding="utf-8")
    return path
