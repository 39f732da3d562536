"""Warm starts: programs forked from a process that has imported their modules already. Linux only.

`templates.py` is what callers see, `template_process.py` one template; `python_command.py` and
`modules_to_import.py` read a command and its script; `importlib_bootstrap/` runs in the template itself, with
the project's Python and nothing but the standard library.
How it works, and where it is not used: docs/explanation/warm-starts.md.
"""
