"""Small scripts, run cold and warm: nothing that they print, write or end with may tell the two apart."""

from __future__ import annotations

import re
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from .conftest import Project, Ran

SCRIPTS: dict[str, str] = {
    "its own names": """
        import sys
        print(__name__, __file__, __spec__, __package__, __doc__, type(__loader__), __loader__.path, __cached__)
        print(list(globals()), __builtins__ is sys.modules["builtins"], sys.modules["__main__"].__dict__ is globals())
        print(getattr(__builtins__, "__import__"), __annotations__)
    """,
    "its docstring and annotations": '''
        """What it is."""
        from __future__ import annotations
        x: int = 1
        print(__doc__, __annotations__)
    ''',
    "its arguments and paths": """
        import os, sys
        print(sys.argv, sys.orig_argv, sys.executable, sys.prefix, sys.path, os.getcwd(), sys.flags)
    """,
    "what is loaded": """
        import sys
        print([name for name in ("json", "socket", "numpy", "argparse", "ctypes", "subprocess") if name in sys.modules])
        import json
        print([name for name in ("json", "socket", "numpy", "argparse", "ctypes", "subprocess") if name in sys.modules])
        if len(sys.argv) > 5: import numpy, argparse
        def later(): import subprocess
    """,
    "modules as they came": """
        import json, json.decoder, xml.dom.minidom, email.mime.text as text, importlib.util, sys
        for module in (json, json.decoder, xml.dom.minidom, text):
            print(module.__spec__, module.__loader__, module.__file__, getattr(module, "__path__", None))
            print(module.__cached__, module.__spec__.loader is module.__loader__, sys.modules[module.__name__] is module)
        print(importlib.util.find_spec("numpy").origin, importlib.util.find_spec("nothing_of_the_kind"))
        print(importlib.reload(json) is json)
    """,
    "its variables": """
        import os, subprocess
        print(list(os.environ.items()) == list(dict(os.environ).items()), os.environ["RUNNER_RUN_ID"])
        print(subprocess.run(["env"], capture_output=True, text=True).stdout)
        print(open("/proc/self/environ").read().replace("\\0", "\\n"))
    """,
    "what others see of it": """
        import os
        print(open("/proc/self/cmdline").read().split("\\0"), open("/proc/self/comm").read())
        print(os.getpgid(0) == os.getpid(), os.getsid(0) == os.getppid(), os.umask(0))
        print(sorted(int(fd) for fd in os.listdir("/proc/self/fd") if int(fd) < 100))
    """,
    "its limits": """
        import resource
        print([resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")])
    """,
    "its signals": """
        import signal
        for number in sorted(signal.valid_signals()):
            print(number, signal.getsignal(number))
        print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.set_wakeup_fd(-1))
    """,
    "its streams": """
        import sys, os, stat
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            print(stream.name, stream.mode, stream.encoding, stream.errors, stream.line_buffering, stream.write_through)
            print(stream.isatty(), stream.seekable(), stream.fileno(), os.get_blocking(stream.fileno()), type(stream.buffer))
        print(repr(sys.stdin.read()), stat.S_ISFIFO(os.fstat(1).st_mode), os.get_inheritable(1))
        print("one"); print("two", file=sys.stderr); sys.stdout.write("no newline at the end")
    """,
    "an uncaught exception": """
        def inner(): return 1 / 0
        def outer():
            try: inner()
            except ZeroDivisionError as error: raise ValueError("ü") from error
        outer()
    """,
    "an exception with notes and a group": """
        try:
            raise KeyError("a")
        except KeyError:
            raise RuntimeError("b")
    """,
    "a syntax error in a module of its own": "import broken",
    "an exception in a module of its own": "import failing",
    "a missing module": "import json, nothing_of_the_kind",
    "a hook for exceptions": """
        import sys, traceback
        def hook(kind, value, trace):
            print("hooked", kind, value, [frame.name for frame in traceback.extract_tb(trace)])
        sys.excepthook = hook
        raise ValueError("seen")
    """,
    "an exit code": "import sys; print('out'); sys.exit(7)",
    "an exit message": "raise SystemExit('that is all')",
    "an exit without cleaning up": "import os, atexit; atexit.register(print, 'never'); os._exit(3)",
    "an interrupt": "raise KeyboardInterrupt",
    "an interrupt by signal": """
        import os, signal, time
        try: os.kill(os.getpid(), signal.SIGINT); time.sleep(5)
        finally: print("finally")
    """,
    "its own end": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "functions at exit": """
        import atexit, sys, threading, weakref
        class Thing: pass
        thing = Thing(); weakref.finalize(thing, print, "finalized")
        atexit.register(lambda: print("at exit", "__file__" in globals(), threading.active_count()))
        def work():
            threading.Event().wait(0.1); print("a thread was waited for")
        threading.Thread(target=work).start()
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        print("end")
    """,
    "an exception in a thread": """
        import threading
        thread = threading.Thread(target=lambda: 1 / 0, name="worker"); thread.start(); thread.join()
        print(threading.main_thread() is threading.current_thread(), threading.main_thread().name)
        print(threading.main_thread().native_id == threading.get_native_id(), threading.get_ident() == threading.main_thread().ident)
    """,
    "pickles": """
        import pickle
        class Thing:
            def __init__(self): self.a = 1
        print(pickle.loads(pickle.dumps(Thing())).a, pickle.dumps(Thing))
    """,
    "processes by spawn": """
        import multiprocessing
        def square(x): return x * x
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool: print(pool.map(square, [1, 2, 3]))
    """,
    "processes by fork": """
        import multiprocessing, concurrent.futures, sys
        def square(x): return x * x
        with multiprocessing.get_context("fork").Pool(2) as pool: print(pool.map(square, [1, 2, 3]))
        context = multiprocessing.get_context("fork")
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool: print(list(pool.map(square, [4])))
        print(multiprocessing.current_process(), sys.modules["__mp_main__"] is sys.modules["__main__"])
    """,
    "warnings": """
        import warnings
        warnings.warn("first"); warnings.warn("old", DeprecationWarning); warnings.warn("caller", stacklevel=2)
        import deprecating
        print(warnings.filters)
    """,
    "reflection": """
        import inspect, sys, linecache
        def here(): return inspect.currentframe().f_lineno, inspect.getsource(here)
        print(here(), inspect.getmodule(here), sys._getframe().f_code.co_filename, sys.getrecursionlimit())
        print(sys.gettrace(), sys.getprofile(), sys.excepthook, sys.displayhook, sys.path_hooks, sys.stdlib_module_names >= {"os"})
    """,
    "logging": """
        import logging
        logging.warning("careful")
        logging.basicConfig(format="%(filename)s:%(lineno)d %(name)s %(process)d".replace("%(process)d", ""), level=logging.INFO)
        logging.info("hello"); logging.getLogger("a.b").error("no")
        print(logging.root.handlers, logging.Logger.manager.loggerDict.keys())
    """,
    "modules of its own": """
        import sys
        import package.inner
        from package import other
        from package.inner import VALUE
        print(package.inner.__file__, other.__spec__.name, VALUE, sys.modules["package.inner"].__cached__)
    """,
    "numbers from numpy": """
        import numpy as np
        print((np.arange(12.0).reshape(3, 4) @ np.ones((4, 5))).sum(), np.random.default_rng(1).random(3))
        np.random.seed(5); print(np.random.rand(2)); print(np.linalg.inv(np.diag([1.0, 2.0, 4.0])))
    """,
    "a subprocess of its own": """
        import subprocess, sys
        print(subprocess.run([sys.executable, "-c", "import sys; print(sys.argv)"], capture_output=True, text=True))
        print(subprocess.run(["false"]).returncode)
    """,
    "files beside it": """
        import os, pathlib, tempfile
        pathlib.Path("made.txt").write_text("here"); print(os.path.abspath("."))
        with tempfile.NamedTemporaryFile() as file: print(os.path.exists(file.name))
    """,
    "an event loop": """
        import asyncio
        async def main():
            await asyncio.sleep(0); return await asyncio.gather(*(asyncio.sleep(0, n) for n in range(3)))
        print(asyncio.run(main()))
    """,
    "a command line": """
        import argparse
        parser = argparse.ArgumentParser(description="does things")
        parser.add_argument("--epochs", type=int)
        parser.parse_args(["--epochs", "many"])
    """,
    "data classes and enumerations": """
        import dataclasses, enum, typing
        @dataclasses.dataclass
        class Point: x: int = 0
        class Color(enum.Enum): RED = 1
        print(Point(), Color.RED, typing.get_type_hints(Point), Point.__module__)
    """,
    "a coding line": "# -*- coding: latin-1 -*-\nprint(ascii('\\xe4'))\n",
}
OWN_MODULES = {
    "broken.py": "def f(:\n",
    "failing.py": "def f():\n    raise ValueError('no')\nf()\n",
    "deprecating.py": "import warnings\nwarnings.warn('gone soon', DeprecationWarning, stacklevel=2)\n",
    "package/__init__.py": "from . import inner\n",
    "package/inner.py": "import json\nVALUE = json.dumps([1])\n",
    "package/other.py": "",
}


@pytest.mark.parametrize("what", SCRIPTS)
def test_a_script_cannot_tell_and_nobody_else_can(project: Project, what: str) -> None:
    for name, text in OWN_MODULES.items():
        project.write(name, text)
    project.write("script.py", textwrap.dedent(SCRIPTS[what]))
    argv = ("python", "script.py", "a b", "--x=1", "")
    project.cold(*argv)  # writes bytecode

    cold, files = project.cold(*argv), contents(project.directory)
    warm = project.warm(*argv)

    assert without_addresses(warm) == without_addresses(cold)
    assert contents(project.directory) == files
    assert (project.said, project.templates.warm_count) == ([], 1)


@pytest.mark.parametrize(
    "options",
    [
        "-u", "-O", "-OO", "-B", "-E", "-s", "-S", "-I", "-bb", "-W error", "-Wignore", "-Wd", "-X dev", "-Xutf8=0",
        "-X faulthandler", "-q -W always -O",
    ],
)  # fmt: skip
def test_the_interpreters_own_options_hold(project: Project, options: str) -> None:
    project.write(
        "script.py",
        "import sys, warnings, os, argparse\nassert len(sys.argv) == 2, 'by assertion'\n"
        "print(sys.flags, sys.argv, sys.orig_argv, sys.path, sys.warnoptions, sys._xoptions, __debug__)\n"
        "print(sys.stdout.line_buffering, sys.stdout.write_through, warnings.filters, sys.dont_write_bytecode)\n"
        "warnings.warn('careful')\n",
    )
    argv = ("python", *options.split(), "script.py")

    cold, warm = project.cold(*argv), project.warm(*argv)

    assert warm == cold
    assert (project.said, project.templates.warm_count) == ([], 1)


@pytest.mark.parametrize(
    "script", ["./script.py", "sub/../script.py", "sub/inner.py", "linked.py", "{absolute}"]
)
def test_a_script_is_named_as_it_was_written(project: Project, script: str, tmp_path: Path) -> None:
    text = "import sys\nprint(__file__, sys.argv, sys.orig_argv, sys.path, __loader__.path)\nraise ValueError"
    for name in ("script.py", "sub/inner.py", "elsewhere/true.py"):
        project.write(name, text)
    (project.directory / "linked.py").symlink_to("elsewhere/true.py")
    argv = ("python", script.format(absolute=project.directory / "script.py"))

    assert project.warm(*argv) == project.cold(*argv)
    assert (project.said, project.templates.warm_count) == ([], 1)


def test_one_template_serves_other_directories_and_other_runs(project: Project, tmp_path: Path) -> None:
    text = "import os, sys, json\nprint(__file__, os.getcwd(), sys.path[0], os.environ['MLFLOW_RUN_ID'], sys.argv)"
    for number in range(3):
        directory = tmp_path / f"trial {number}"
        directory.mkdir()
        (directory / "script.py").write_text(text)
        argv, variables = ("python", "script.py", str(number)), {"MLFLOW_RUN_ID": f"run-{number}"}

        warm = project.run(project.templates.run_program, argv, variables, cwd=directory)

        place = directory.resolve()
        expected = f"{place}/script.py {place} {place} run-{number} ['script.py', '{number}']\n"
        assert (warm.stdout, warm.stderr) == (expected, "")
    assert (project.said, project.templates.warm_count) == ([], 3)


def test_unseeded_randomness_differs_from_run_to_run(project: Project) -> None:
    project.write(
        "script.py",
        "import random, numpy as np, uuid, tempfile, secrets, os\n"
        "print(random.random(), np.random.rand(), np.random.default_rng().random(), uuid.uuid4(), uuid.uuid1(),\n"
        "      secrets.token_hex(), tempfile.mktemp(), os.urandom(4).hex())\n",
    )

    rows = [project.warm("python", "script.py").stdout.split() for _ in range(3)]

    assert all(len(set(column)) == 3 for column in zip(*rows, strict=True))
    assert project.templates.warm_count == 3


def without_addresses(ran: Ran) -> Ran:
    return replace(ran, stdout=re.sub(r"0x[0-9a-f]+", "0x", ran.stdout))


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
