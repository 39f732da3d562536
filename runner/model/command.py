"""A command line, resolved."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to execute.

    Without a shell, `argv` is the program and its arguments. With one (`needs_shell`), `argv` is
    `("bash", "-c", script, "bash", value1, value2 …)`: the script holds `"${1}"` where a value stood, so
    values are never part of the shell text. `display` is one line for people.
    """

    argv: tuple[str, ...]
    needs_shell: bool
    display: str
