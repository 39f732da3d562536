"""pip's requirement lines, read once: `-r` and `-c` files inlined, local paths found, mistakes named.

Format: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runner.errors import ManifestError, suggestion

_COMMENT = re.compile(r"(^|\s+)#.*$")
_NAMED = re.compile(
    r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\s*(\[[^\]]*\])?\s*($|;|@|\(|(===|==|~=|!=|<=|>=|<|>)\s*\S)"
)
_URL = re.compile(r"^(git|hg|svn|bzr)\+|^(https?|ssh)://")
_DIRECT_FILE = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)\s*(\[[^\]]*\])?\s*@\s*(?P<url>file:\S+)")
_PATH = re.compile(r"^(?P<path>.+?)(?P<extras>\[[^\]/]*\])?\s*(;.*)?$")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz")

_WITH_VALUE = (
    "--index-url",
    "--extra-index-url",
    "--find-links",
    "--no-binary",
    "--only-binary",
    "--trusted-host",
)
_FLAGS = ("--no-index", "--pre", "--prefer-binary", "--require-hashes")
_SHORT = {"-i": "--index-url", "-f": "--find-links"}
_INCLUDES = {"-r": "-r", "--requirement": "-r", "-c": "-c", "--constraint": "-c"}
_EDITABLE = ("-e", "--editable")
_KNOWN = (*_WITH_VALUE, *_FLAGS, "--requirement", "--constraint", "--editable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a line stands: for messages. `key` is dotted, None in a requirements file."""

    path: Path
    line: int
    key: str | None = None

    def fault(self, message: str, *, hint: str | None = None) -> ManifestError:
        """The error for what stands here."""
        return ManifestError(message, path=self.path, line=self.line, key=self.key, hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPath:
    """A requirement line that means a directory or an archive on this machine."""

    requirement: str
    path: Path
    editable: bool
    place: Place


@dataclass(slots=True)
class RequirementLines:
    """What a list of requirement lines comes to, in order. `links` are local `--find-links` directories."""

    requirements: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    local_paths: list[LocalPath] = field(default_factory=list)
    links: list[LocalPath] = field(default_factory=list)


def read_requirement_lines(lines: Iterable[tuple[Place, str]], directory: Path) -> RequirementLines:
    """Reads requirement lines of a project in `directory`, from which relative paths start.

    Raises ManifestError, with the file and line at fault.
    """
    result = RequirementLines()
    for place, line in lines:
        _read_line(line.strip(), place, directory, result, open_files=())
    return result


def _read_line(
    line: str, place: Place, directory: Path, result: RequirementLines, open_files: tuple[Path, ...]
) -> None:
    line = _COMMENT.sub("", line).strip()
    if not line:
        return
    if line.startswith("-"):
        _read_option(line, place, directory, result, open_files)
    else:
        _read_requirement(line, place, directory, result, editable=False)


def _read_option(
    line: str, place: Place, directory: Path, result: RequirementLines, open_files: tuple[Path, ...]
) -> None:
    option, value = _split_option(line)
    if option in _INCLUDES:
        if not value:
            raise place.fault(f"{option} names no file")
        _include(_INCLUDES[option], value, place, directory, result, open_files)
    elif option in _EDITABLE:
        if not value:
            raise place.fault(f"{option} names no directory")
        _read_requirement(value, place, directory, result, editable=True)
    elif option in _FLAGS and not value:
        result.requirements.append(option)
    elif option in _WITH_VALUE and value:
        if option in ("--find-links", "--index-url", "--extra-index-url"):
            _note_local_links(option, value, place, directory, result)
        result.requirements.append(f"{option} {value}")
    elif option in _KNOWN:
        raise place.fault(f"{option} takes {'a value' if option in _WITH_VALUE else 'no value'}")
    else:
        meant = suggestion(option, _KNOWN)
        raise place.fault(
            f"unknown option {option!r} in a requirement line",
            hint=f"did you mean {meant!r}?" if meant else f"known: {', '.join(_KNOWN)}",
        )


def _split_option(line: str) -> tuple[str, str]:
    if line.startswith("--"):
        match = re.match(r"^(--[A-Za-z0-9-]+)(?:\s*=\s*|\s+|$)(.*)$", line)
        option, value = (match[1], match[2]) if match else (line, "")
    else:
        option, value = line[:2], line[2:].lstrip(" \t=")
    value = value.strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    return _SHORT.get(option, option), value


def _include(
    option: str,
    name: str,
    place: Place,
    directory: Path,
    result: RequirementLines,
    open_files: tuple[Path, ...],
) -> None:
    if _URL.match(name):
        (result.requirements if option == "-r" else result.constraints).append(f"{option} {name}")
        return
    path = _existing(name, place, directory)
    if not path.is_file():
        raise place.fault(f"there is no file {name!r} to read requirements from ({option})")
    if path in open_files:
        raise place.fault(f"{name!r} includes itself")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise place.fault(f"{name!r} is not UTF-8 text") from error
    inner = result if option == "-r" else RequirementLines()
    for number, line in logical_lines(text):
        _read_line(line, Place(path=path, line=number), directory, inner, (*open_files, path))
    if inner is not result:
        result.constraints += [*inner.requirements, *inner.constraints]
        result.links += inner.links


def logical_lines(text: str) -> list[tuple[int, str]]:
    """Lines with their 1-based numbers; those that end in a backslash joined with the next."""
    result: list[tuple[int, str]] = []
    pending, start = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        start = start or number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            pending += line[:-1]
            continue
        result.append((start, pending + line))
        pending, start = "", 0
    if pending:
        result.append((start, pending))
    return result


def _existing(name: str, place: Place, directory: Path) -> Path:
    """Paths start from the project's directory as with pip, else from the file that names them."""
    path = Path(os.path.expanduser(name))
    if path.is_absolute():
        return path
    from_project, from_file = directory / path, place.path.parent / path
    return (from_project if from_project.exists() or not from_file.exists() else from_file).resolve()


def _read_requirement(
    text: str, place: Place, directory: Path, result: RequirementLines, *, editable: bool
) -> None:
    line = f"-e {text}" if editable else text
    path = _local_path(text, place, directory)
    if path is None and editable and not _URL.match(text):
        path = _existing(text, place, directory)
    if path is not None:
        _check_local(text, path, place, editable=editable)
        result.local_paths.append(LocalPath(requirement=line, path=path, editable=editable, place=place))
    elif not (_URL.match(text) or _NAMED.match(text)):
        raise place.fault(f"{text!r} is not a pip requirement", hint=_requirement_hint(text))
    result.requirements.append(line)


def _requirement_hint(text: str) -> str:
    conda_style = re.match(r"^([A-Za-z0-9._-]+)=([0-9][^=]*)(=.*)?$", text)
    if conda_style:
        return f"pip writes {conda_style[1]}=={conda_style[2]}"
    return "write it as in a requirements.txt: name, name==1.2, ./directory, -r file"


def _local_path(text: str, place: Place, directory: Path) -> Path | None:
    direct = _DIRECT_FILE.match(text)
    url = direct["url"] if direct else text.partition(" ;")[0] if text.startswith("file:") else None
    if url is not None:
        location = unquote(urlsplit(url.strip()).path)
        return _existing(location, place, directory)
    if _URL.match(text) or " @ " in text:
        return None
    match = _PATH.match(text)
    name = match["path"].strip() if match else text
    if name.startswith((".", "/", "~")) or "/" in name or name.endswith(_ARCHIVES):
        return _existing(name, place, directory)
    return None


def _check_local(text: str, path: Path, place: Place, *, editable: bool) -> None:
    if not path.exists():
        raise place.fault(f"the local requirement {text!r} does not exist ({path})")
    if path.is_file():
        if editable or not path.name.endswith(_ARCHIVES):
            raise place.fault(f"the local requirement {text!r} is neither a directory nor an archive")
        return
    if not any((path / name).is_file() for name in ("pyproject.toml", "setup.py")):
        raise place.fault(
            f"the local requirement {text!r} is no Python package: {path} has no pyproject.toml or setup.py"
        )


def _note_local_links(
    option: str, value: str, place: Place, directory: Path, result: RequirementLines
) -> None:
    if ("://" in value and not value.startswith("file:")) or "${" in value:
        return
    location = unquote(urlsplit(value).path) if value.startswith("file:") else value
    path = _existing(location, place, directory)
    if not path.exists():
        raise place.fault(f"{option} {value!r} does not exist ({path})")
    requirement = f"{option} {value}"
    result.links.append(LocalPath(requirement=requirement, path=path, editable=False, place=place))
