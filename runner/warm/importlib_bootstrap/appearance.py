"""What other processes see of this one: its command line and environment, as after an `exec`."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterable, Mapping

_PR_SET_MM, _PR_SET_MM_MAP = 35, 14  # <linux/prctl.h>
_kept: list[object] = []  # the memory that the kernel reads from lives as long as the process


def show_as(argv: Iterable[str], environ: Mapping[str, str]) -> None:
    """Makes /proc/PID/cmdline and /proc/PID/environ say so. Raises OSError where the kernel forbids it.

    `ps` and monitors read them, and so does a guardian that looks for what a run left behind.
    """
    import ctypes

    arguments = b"".join(os.fsencode(word) + b"\0" for word in argv)
    variables = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in environ.items())
    memory = mmap.mmap(-1, len(arguments) + len(variables) + 1, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.write(arguments + variables)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.sbrk.restype = ctypes.c_void_p
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    middle, end = start + len(arguments), start + len(arguments) + len(variables)
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rsplit(b")", 1)[1].split()
    code_and_stack = {number: int(fields[number - 3]) for number in (26, 27, 28, 45, 46, 47)}  # as in proc(5)
    wanted = struct.pack(
        "=11QQIi",
        *(code_and_stack[number] for number in (26, 27, 45, 46, 47)),
        libc.sbrk(0),
        code_and_stack[28],
        *(start, middle, middle, end),
        *(0, 0, -1),
    )
    if libc.prctl(
        _PR_SET_MM, _PR_SET_MM_MAP, ctypes.create_string_buffer(wanted, len(wanted)), len(wanted), 0
    ):
        raise OSError(ctypes.get_errno(), "the kernel does not let a process change its command line")
    _kept.append(memory)
