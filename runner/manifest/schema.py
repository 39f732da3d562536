"""The formal definition of a project file: a JSON Schema (2020-12) for editors and other tools.

The loader does not need it to run; tests hold the two against each other.
"""

from __future__ import annotations

from pathlib import Path

FILE_NAME = "MLproject.schema.json"


def path() -> Path:
    """Where the schema is: beside this module when installed, at the top of the repository in a checkout.

    Raises FileNotFoundError for an installation that is not complete.
    """
    here = Path(__file__).resolve()
    for place in (here.parent / FILE_NAME, here.parents[2] / FILE_NAME):
        if place.is_file():
            return place
    raise FileNotFoundError(f"{FILE_NAME} is not part of this installation: install runner again")


def text() -> str:
    """The schema as JSON text. Raises as `path` does."""
    return path().read_text(encoding="utf-8")
