"""The script that a template process runs; after a fork, its only frame is the one below the program's.

    python [options] template.py REQUESTS_FD NEWS_FD STDOUT_FD STDERR_FD PLAN_FD

`serve` returns in a forked program alone, when everything is as at the start of an interpreter. What is left
to do here is to execute the script where the interpreter itself handles its end: SystemExit, SIGINT, atexit.
"""

import sys

_at_start = frozenset(sys.modules)

import types  # noqa: E402


def _serving() -> types.ModuleType:
    import importlib
    import importlib.util
    import os

    here = os.path.dirname(os.path.abspath(__file__))
    if sys.path and os.path.realpath(sys.path[0]) == os.path.realpath(here):
        del sys.path[0]
    spec = importlib.util.spec_from_file_location(
        "_runner_template", os.path.join(here, "__init__.py"), submodule_search_locations=[here]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = package
    spec.loader.exec_module(package)
    return importlib.import_module("_runner_template.serving")


if __name__ == "__main__":
    _program = _serving().serve(sys.argv[1:], _at_start)
    try:
        exec(_program.code, _program.namespace)  # noqa: S102  # the user's script
    except BaseException:
        _program.hide_frame(sys._getframe())
        raise
    finally:
        _program.script_ended()
