"""Commands that can be started warm: `python [options] script.py [arguments]`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_PYTHON = re.compile(r"(.*/)?python[0-9.]*")
_FLAGS = frozenset("bBdEIOPqsSu")
_X_OPTIONS = frozenset(
    {
        "dev",
        "faulthandler",
        "frozen_modules",
        "int_max_str_digits",
        "no_debug_ranges",
        "pycache_prefix",
        "utf8",
        "warn_default_encoding",
    }
)
_PYCS = "--check-hash-based-pycs"


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonCommand:
    """A Python script with the interpreter's own options, each as it was written.

    `has_script_path` says whether the script's directory stands first in `sys.path` (no -I or -P).
    """

    python: str
    options: tuple[str, ...]
    script: str
    arguments: tuple[str, ...]
    has_script_path: bool


class NotWarm(Exception):
    """The command is run cold. The message is the reason for a log, empty where there is nothing to say."""


def read_command(argv: Sequence[str]) -> PythonCommand:
    """Takes the command apart. Raises NotWarm where a fork cannot do what it says."""
    if not argv or not _PYTHON.fullmatch(argv[0]):
        raise NotWarm
    at, flags = 1, set[str]()
    while at < len(argv) and argv[at].startswith("-"):
        length = _option(argv[at : at + 2], flags)
        at += length
    if at >= len(argv) or not argv[at].endswith(".py"):
        raise NotWarm
    return PythonCommand(
        python=argv[0],
        options=tuple(argv[1:at]),
        script=argv[at],
        arguments=tuple(argv[at + 1 :]),
        has_script_path=not flags & {"I", "P"},
    )


def _option(words: Sequence[str], flags: set[str]) -> int:
    """How many of the two words the option takes."""
    word = words[0]
    if word == _PYCS:
        return 2
    if word.startswith("--"):
        raise NotWarm
    for index, letter in enumerate(word[1:], 1):
        if letter in "WX":
            value = word[index + 1 :] or (words[1] if len(words) > 1 else "")
            if letter == "X" and value.partition("=")[0] not in _X_OPTIONS:
                raise NotWarm(f"the option -X {value} concerns the interpreter's start")
            return 1 if word[index + 1 :] else 2
        if letter not in _FLAGS:
            if letter in "cm" or word == "-":
                raise NotWarm
            raise NotWarm(f"the option -{letter} concerns the interpreter's start")
        flags.add(letter)
    if word == "-":
        raise NotWarm
    return 1
