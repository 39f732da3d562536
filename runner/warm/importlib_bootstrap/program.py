"""What a forked process does to be the program: all that the start of an interpreter would have set up."""

from __future__ import annotations

import importlib.machinery
import os
import signal
import sys
from types import CodeType, FrameType, ModuleType
from typing import Any

from .appearance import show_as
from .hidden import HiddenModules
from .recording import Imported


class Program:
    """The script, ready to be executed by `template.py`, and what is to be done when it has ended."""

    def __init__(self, code: CodeType, main: ModuleType) -> None:
        self.code = code
        self.main = main
        self.namespace = main.__dict__

    def hide_frame(self, frame: FrameType) -> None:
        """The traceback that is about to be printed starts in the script."""
        hook = sys.excepthook

        def without_our_frame(kind: Any, value: Any, traceback: Any) -> None:
            while traceback is not None and traceback.tb_frame is frame:
                traceback = traceback.tb_next
            hook(kind, value.with_traceback(traceback), traceback)

        sys.excepthook = without_our_frame

    def script_ended(self) -> None:
        """As the interpreter does it before the functions of `atexit` are called."""
        for name in ("__file__", "__cached__"):
            self.namespace.pop(name, None)


def become(order: dict[str, Any], imported: Imported, news_fd: int) -> Program:
    """Makes this process the program of the order. Its files, directory and variables are in place."""
    argv, started_in = order["argv"], os.getcwd()
    sys.orig_argv[:] = argv
    sys.argv[:] = argv[order["script_at"] :]
    script = sys.argv[0]
    show_as(argv, os.environ)
    run_cold = _ColdStart(argv, dict(os.environ), started_in, news_fd)
    if order["has_script_path"]:
        sys.path.insert(0, os.path.dirname(os.path.realpath(script)))
    file = script if os.path.isabs(script) else f"{started_in}/{script}"
    main = _main_module(file)
    if "multiprocessing" in imported.modules:
        imported.modules["__mp_main__"] = main
        imported.needs["multiprocessing"].add("__mp_main__")
    hidden = HiddenModules(imported, dict(os.environ), run_cold)
    _make_fresh(imported.modules, started_in)
    with open(file, "rb") as source:
        code = compile(source.read(), file, "exec", dont_inherit=True)
    for name in [name for name in sys.modules if name.startswith("_runner_")]:
        del sys.modules[name]
    sys.modules["__main__"] = main
    hidden.hide()
    sys.path_importer_cache.pop(os.path.dirname(__file__), None)
    return Program(code, main)


def _main_module(file: str) -> ModuleType:
    main = ModuleType("__main__")
    loader = importlib.machinery.SourceFileLoader("__main__", file)
    main.__dict__.update(__loader__=loader, __spec__=None)
    if sys.version_info < (3, 14):
        main.__dict__.update(__annotations__={})
    main.__dict__.update(__builtins__=sys.modules["builtins"], __file__=file)
    if sys.version_info < (3, 15):
        main.__dict__.update(__cached__=None)
    return main


def _make_fresh(modules: dict[str, Any], started_in: str) -> None:
    """What modules took from the moment of their import, and that must differ from program to program."""
    numpy_random = modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()  # `random` does so by itself
    process = modules.get("multiprocessing.process")
    if process is not None:
        process.ORIGINAL_DIR = started_in
        process.current_process().authkey = os.urandom(32)
    threading = sys.modules.get("threading")
    if threading is not None and hasattr(threading.main_thread(), "_set_native_id"):
        threading.main_thread()._set_native_id()  # Python's own step after a fork leaves it


class _ColdStart:
    """Starts the program over in this process, by `exec`, and says why on the news socket."""

    def __init__(self, argv: list[str], environ: dict[str, str], directory: str, news_fd: int) -> None:
        self.argv = argv
        self.environ = environ
        self.directory = directory
        self.news_fd = news_fd
        self.pid = os.getpid()

    def __call__(self, reason: str) -> None:
        if os.getpid() != self.pid:
            return  # a worker that the program forked: starting over is not its to do
        try:
            os.write(self.news_fd, reason.encode(errors="replace"))
        except OSError:
            pass
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.chdir(self.directory)
        os.execvpe(self.argv[0], self.argv, self.environ)  # noqa: S606
