"""Settings, each with the origin of its value. The only reader of RUNNER_* variables and config files.

Precedence: command line, environment variable, `config.yaml`, default. The file is
`$XDG_CONFIG_HOME/runner/config.yaml` (or where RUNNER_CONFIG points) and holds the names below.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.errors import SettingsError, suggestion


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting's name in the config file, its variable, its default as text, and what it means."""

    name: str
    variable: str
    default: str
    meaning: str
    parse: Callable[[str], object]


def _text(value: str) -> str | None:
    return value or None


def _seconds(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ValueError(f"a number of seconds, 0 or more, is expected, not {value!r}")
    return number


def _size(value: str) -> int:
    try:
        number = int(value)
    except ValueError:
        number = -1
    if number < 0:
        raise ValueError(f"a whole number of bytes, 0 or more, is expected, not {value!r}")
    return number


def _path(value: str) -> Path:
    expanded = os.path.expanduser(value)
    if expanded.startswith("~"):
        raise ValueError(f"nobody's home directory is {value.partition('/')[0]}")
    return Path(expanded).absolute()


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="tracking_uri",
        variable="MLFLOW_TRACKING_URI",
        default="",
        meaning="Where runs are recorded. Empty: a local server for `./mlruns.db`, started when needed.",
        parse=_text,
    ),
    Setting(
        name="experiment_name",
        variable="MLFLOW_EXPERIMENT_NAME",
        default="",
        meaning="The experiment of new runs, created when missing.",
        parse=_text,
    ),
    Setting(
        name="experiment_id",
        variable="MLFLOW_EXPERIMENT_ID",
        default="",
        meaning="The experiment of new runs by id; wins over the name.",
        parse=_text,
    ),
    Setting(
        name="env_manager",
        variable="RUNNER_ENV_MANAGER",
        default="",
        meaning="virtualenv, uv, conda, docker or local. Empty: by the project's files.",
        parse=_text,
    ),
    Setting(
        name="installer",
        variable="RUNNER_INSTALLER",
        default="",
        meaning="What fills a virtualenv: `pip`; empty: uv, and pip where there is no uv.",
        parse=_text,
    ),
    Setting(
        name="cache_dir",
        variable="RUNNER_CACHE_DIR",
        default="$XDG_CACHE_HOME/runner",
        meaning="Environments, git mirrors, checkouts and models: everything here can be made again.",
        parse=_path,
    ),
    Setting(
        name="state_dir",
        variable="RUNNER_STATE_DIR",
        default="$XDG_STATE_HOME/runner",
        meaning="Logs, crash reports and the tickets of runs that are not closed yet.",
        parse=_path,
    ),
    Setting(
        name="grace_s",
        variable="RUNNER_GRACE_S",
        default="10",
        meaning="Seconds between a signal to a program and the next, harder one.",
        parse=_seconds,
    ),
    Setting(
        name="close_timeout_s",
        variable="RUNNER_CLOSE_TIMEOUT_S",
        default="20",
        meaning="Seconds that telling the server of a run's end may take before it is left for later.",
        parse=_seconds,
    ),
    Setting(
        name="fetch_timeout_s",
        variable="RUNNER_FETCH_TIMEOUT_S",
        default="600",
        meaning="Seconds that fetching a project's sources may take.",
        parse=_seconds,
    ),
    Setting(
        name="build_timeout_s",
        variable="RUNNER_BUILD_TIMEOUT_S",
        default="3600",
        meaning="Seconds that building an environment may take.",
        parse=_seconds,
    ),
    Setting(
        name="untracked_file_limit_bytes",
        variable="RUNNER_UNTRACKED_FILE_LIMIT_BYTES",
        default=str(10 * 1024 * 1024),
        meaning="An untracked file larger than this is not stored with a run, but reported.",
        parse=_size,
    ),
    Setting(
        name="untracked_total_limit_bytes",
        variable="RUNNER_UNTRACKED_TOTAL_LIMIT_BYTES",
        default=str(50 * 1024 * 1024),
        meaning="All untracked files stored with a run together; further ones are reported.",
        parse=_size,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings in force. `origins` says for each name where its value comes from."""

    tracking_uri: str | None
    experiment_name: str | None
    experiment_id: str | None
    env_manager: str | None
    installer: str | None
    cache_dir: Path
    state_dir: Path
    grace_s: float
    close_timeout_s: float
    fetch_timeout_s: float
    build_timeout_s: float
    untracked_file_limit_bytes: int
    untracked_total_limit_bytes: int
    origins: Mapping[str, str]


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from `environ` and the config file. Raises SettingsError(key, origin)."""
    config_path = _config_path(environ)
    if environ.get("RUNNER_CONFIG") and not config_path.exists():
        raise SettingsError("there is no such file", key=str(config_path), origin="RUNNER_CONFIG")
    configured = _read_config(config_path)
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    for setting in SETTINGS:
        text, origin = setting.default, "default"
        if setting.name in configured:
            text, origin = configured[setting.name], str(config_path)
        if environ.get(setting.variable):
            text, origin = environ[setting.variable], setting.variable
        try:
            values[setting.name] = setting.parse(_expand(text, environ) if origin == "default" else text)
        except ValueError as error:
            raise SettingsError(str(error), key=setting.name, origin=origin) from None
        origins[setting.name] = origin
    return Settings(**values, origins=origins)  # type: ignore[arg-type]  # each value is its parser's result


def _expand(default: str, environ: Mapping[str, str]) -> str:
    for name, fallback in (("XDG_CACHE_HOME", ".cache"), ("XDG_STATE_HOME", ".local/state")):
        if f"${name}" in default:
            place = environ.get(name) or os.path.join(_home(environ), fallback)
            default = default.replace(f"${name}", place)
    return default


def _home(environ: Mapping[str, str]) -> str:
    try:
        return environ.get("HOME") or str(Path.home())
    except RuntimeError:
        # A container's arbitrary user id has no entry among the users.
        raise SettingsError(
            "this user has no home directory",
            key="HOME",
            origin="the environment",
            hint="set HOME, or RUNNER_CACHE_DIR and RUNNER_STATE_DIR and RUNNER_CONFIG",
        ) from None


def _config_path(environ: Mapping[str, str]) -> Path:
    if environ.get("RUNNER_CONFIG"):
        return Path(environ["RUNNER_CONFIG"])
    folder = environ.get("XDG_CONFIG_HOME") or os.path.join(_home(environ), ".config")
    return Path(folder) / "runner" / "config.yaml"


def _read_config(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    except OSError as error:
        raise SettingsError(
            f"cannot be read: {error.strerror}", key="config.yaml", origin=str(path)
        ) from None
    except UnicodeDecodeError:
        raise SettingsError("not a text file in UTF-8", key="config.yaml", origin=str(path)) from None
    import yaml

    try:
        loaded = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise SettingsError(f"not YAML: {error}", key="config.yaml", origin=str(path)) from None
    known = [setting.name for setting in SETTINGS]
    if not isinstance(loaded, dict):
        raise SettingsError("a map of settings is expected", key="config.yaml", origin=str(path))
    for key in loaded:
        if key not in known:
            meant = suggestion(str(key), known)
            raise SettingsError(
                "no such setting",
                key=str(key),
                origin=str(path),
                hint=f"did you mean {meant!r}?" if meant else f"settings are {', '.join(known)}",
            )
    return {str(key): str(value) for key, value in loaded.items() if value is not None}
