"""An interpreter that has TensorFlow besides all that the tests have: half a gigabyte, so it is no package of theirs."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

# The versions of examples/hyperparam. The build without GPU code is half the download, on the one platform it is for.
_WANTED = [
    'tensorflow-cpu==2.21.*; platform_system == "Linux" and platform_machine == "x86_64"',
    'tensorflow==2.21.*; platform_system != "Linux" or platform_machine != "x86_64"',
]


def python_with_tensorflow(beside: Path) -> str:
    """The interpreter of the tests where it has TensorFlow, else one that is made: in RUNNER_TEST_CACHE_DIR, or `beside`."""
    if importlib.util.find_spec("tensorflow") is not None:
        return sys.executable
    kept = os.environ.get("RUNNER_TEST_CACHE_DIR")
    directory = Path(kept) / "tests-with-tensorflow" if kept else beside / "with-tensorflow"
    python = directory / "bin" / "python"
    complete = directory / "complete"
    if not complete.exists():
        _run(sys.executable, "-m", "venv", "--clear", str(directory))
        (place,) = (directory / "lib").glob("python*/site-packages")
        (place / "of_the_tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
        _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_WANTED)
        complete.touch()
    return str(python)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
