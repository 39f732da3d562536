"""Package indexes that a user configured for pip, said to uv, which does not read pip's configuration.

Only where the user has configured none for uv. All goes by variables, since URLs may hold credentials.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

_UV_INDEX = (
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
)
_FROM_PIP = {
    "index-url": ("UV_INDEX_URL", " "),
    "extra-index-url": ("UV_EXTRA_INDEX_URL", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "cert": ("SSL_CERT_FILE", " "),
    "trusted-host": ("UV_INSECURE_HOST", " "),
}


def as_uv_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables for uv that mean what PIP_* variables and pip's configuration files mean."""
    if any(environ.get(name) for name in _UV_INDEX):
        return {}
    files = {} if _has_uv_configuration(environ) else _pip_configuration(environ)
    result: dict[str, str] = {}
    for option, (variable, separator) in _FROM_PIP.items():
        value = environ.get("PIP_" + option.upper().replace("-", "_")) or files.get(option)
        if value and not environ.get(variable):
            result[variable] = separator.join(value.split())
    no_index = environ.get("PIP_NO_INDEX") or files.get("no-index", "")
    if no_index.lower() in ("1", "true", "yes", "on"):
        result["UV_NO_INDEX"] = "1"
    return result


def _has_uv_configuration(environ: Mapping[str, str]) -> bool:
    return bool(environ.get("UV_CONFIG_FILE")) or any(
        path.is_file() for path in (_config_home(environ) / "uv" / "uv.toml", Path("/etc/uv/uv.toml"))
    )


def _config_home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_CONFIG_HOME") or _home(environ) / ".config")


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or os.path.expanduser("~"))


def _pip_configuration(environ: Mapping[str, str]) -> dict[str, str]:
    """The `[global]` and `[install]` sections of pip's files; later files win."""
    paths = [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        _home(environ) / ".pip" / "pip.conf",
        _config_home(environ) / "pip" / "pip.conf",
    ]
    named = environ.get("PIP_CONFIG_FILE")
    if named is not None:
        paths = [] if named == "/dev/null" else [*paths, Path(named)]
    found: dict[str, str] = {}
    for path in paths:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                found.update({name.replace("_", "-"): value for name, value in parser.items(section)})
    return found
