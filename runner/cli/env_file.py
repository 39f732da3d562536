"""Variables from a file of `NAME=VALUE` lines, as `mlflow --env-file` and docker read them."""

from __future__ import annotations

from pathlib import Path

from runner.errors import SettingsError


def read_env_file(path: Path) -> dict[str, str]:
    """The variables. Blank lines and lines beginning with `#` are passed over.

    `export ` before a name and one pair of quotes around a value are taken off; nothing is expanded.
    Raises SettingsError naming the line.
    """
    variables = {}
    for number, raw in enumerate(_text(path).splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name.isidentifier():
            # The line is not shown: it may hold a secret.
            raise SettingsError(
                "a line is not NAME=VALUE",
                key="--env-file",
                origin=f"{path}:{number}",
                hint="a name is letters, digits and _; comments begin with #",
            )
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        variables[name] = value
    return variables


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", key="--env-file", origin=str(path)) from None
    except UnicodeDecodeError:
        raise SettingsError("not a text file in UTF-8", key="--env-file", origin=str(path)) from None
