"""A terminal that a test can look at: a pty, and as much of an emulator as our output needs.

What it does not know it refuses, so that nothing is drawn unseen.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.e2e.terminal import User

_IN_ITS_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "runner", *sys.argv[1:]])
"""
_CONTROL = re.compile(r"\x1b\[(\??)([\d;]*)([A-Za-z])")


class Screen:
    """Lines of characters, all that scrolled away among them."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines = [""]
        self.row = self.column = 0
        self.cursor_is_visible = True
        self.colours = 0

    def feed(self, text: str) -> str:
        """Draws the text; returns what is left of an escape that has not ended."""
        at = 0
        while at < len(text):
            character = text[at]
            if character == "\x1b":
                match = _CONTROL.match(text, at)
                if match is None:
                    assert len(text) - at < 16, f"an unknown escape: {text[at : at + 16]!r}"
                    return text[at:]
                self._control(*match.groups())
                at = match.end()
                continue
            self._put(character)
            at += 1
        return ""

    def _control(self, private: str, numbers: str, letter: str) -> None:
        if letter == "m":
            self.colours += bool(re.search(r"(?:^|;)(?:3[0-8]|4[0-8]|9[0-7])(?:;|$)", numbers))
        elif private and letter in "hl":
            assert numbers == "25", numbers
            self.cursor_is_visible = letter == "h"
        elif letter == "A":
            self.row = max(0, self.row - int(numbers or 1))
        elif letter == "K":
            assert numbers == "2", numbers
            self.lines[self.row] = ""
        else:
            raise AssertionError(f"an unknown escape: {private}{numbers}{letter}")

    def _put(self, character: str) -> None:
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self._down()
        else:
            assert character.isprintable(), repr(character)
            if self.column == self.width:
                self.column = 0
                self._down()
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
            self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")

    @property
    def text(self) -> str:
        """All lines, without blanks at their ends."""
        return "\n".join(line.rstrip() for line in self.lines)


class Terminal:
    """A program in the foreground of a terminal."""

    def __init__(
        self, user: User, arguments: tuple[str, ...], size: tuple[int, int], **variables: str
    ) -> None:
        self.screen = Screen(size[0])
        self._terminal, own = pty.openpty()
        fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        environ = user.variables(TERM="xterm-256color", LANG="C.UTF-8", **variables)
        for name in ("COLUMNS", "LINES"):  # of the terminal that the tests run in
            environ.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _IN_ITS_TERMINAL, *arguments],
            cwd=user.directory,
            env=environ,
            stdin=own,
            stdout=own,
            stderr=own,
        )
        os.close(own)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._left = ""
        self._is_closed = False

    def type(self, keys: bytes) -> None:
        """Presses keys."""
        os.write(self._terminal, keys)

    def look_until(self, condition: Callable[[], object], timeout_s: float = 120.0) -> None:
        """Reads what is drawn until the condition holds."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, self.screen.text
            self._read(0.05)

    def ends(self) -> int:
        """Reads to the end of the program; its exit status."""
        self.look_until(lambda: self.process.poll() is not None)
        while self._read(0.05):
            pass
        return self.process.wait()

    def close(self) -> None:
        """Closes the window."""
        if not self._is_closed:
            self._is_closed = True
            os.close(self._terminal)

    def _read(self, timeout_s: float) -> bool:
        if not select.select([self._terminal], [], [], timeout_s)[0]:
            return False
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # nobody has it open any more
            return False
        self._left = self.screen.feed(self._left + self._decoder.decode(data))
        return bool(data)


@contextmanager
def terminal(
    user: User, *arguments: str, size: tuple[int, int] = (100, 30), **variables: str
) -> Iterator[Terminal]:
    """`runner` with these arguments in a terminal of so many columns and lines; closed at the end."""
    window = Terminal(user, arguments, size, **variables)
    try:
        yield window
    finally:
        window.close()
        window.process.wait(60)
