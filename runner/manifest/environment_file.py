"""python_env.yaml and conda.yaml as written: every value with its line, every mistake named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import ManifestError, suggestion
from runner.manifest.requirement_lines import Place

if TYPE_CHECKING:
    import yaml

PYTHON_ENV_KEYS = ("python", "build_dependencies", "dependencies", "name")
CONDA_KEYS = ("name", "channels", "dependencies", "prefix", "variables", "platforms", "category")

Lines = tuple[tuple[Place, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonEnvFile:
    """A python_env.yaml. `python` is the text as written: an unquoted 3.10 stays 3.10."""

    python: tuple[Place, str] | None
    build_dependencies: Lines
    dependencies: Lines


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaFile:
    """A conda.yaml: its packages, and apart from them what pip is to install."""

    channels: tuple[str, ...]
    packages: Lines
    pip: Lines
    variables: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def read_python_env(path: Path) -> PythonEnvFile:
    """Reads a python_env.yaml; raises ManifestError(path, line, key)."""
    python: tuple[Place, str] | None = None
    build: Lines = ()
    dependencies: Lines = ()
    for key, place, node in _entries(path):
        if key not in PYTHON_ENV_KEYS:
            raise _unknown_key(key, place, PYTHON_ENV_KEYS)
        if key == "python":
            text = _scalar(node, place)
            python = (place, text) if text else None
        elif key == "build_dependencies":
            build = tuple(_strings(node, place))
        elif key == "dependencies":
            dependencies = tuple(_strings(node, place))
    return PythonEnvFile(python=python, build_dependencies=build, dependencies=dependencies)


def read_conda_file(path: Path) -> CondaFile:
    """Reads a conda.yaml; raises ManifestError(path, line, key)."""
    import yaml

    channels: tuple[str, ...] = ()
    packages: list[tuple[Place, str]] = []
    pip: list[tuple[Place, str]] = []
    variables: list[tuple[str, str]] = []
    notes: list[str] = []
    for key, place, node in _entries(path):
        if key not in CONDA_KEYS:
            meant = suggestion(key, CONDA_KEYS)
            if meant:
                raise _unknown_key(key, place, CONDA_KEYS)
            notes.append(f"{path.name}:{place.line}: conda knows no key {key!r}; it is ignored")
        elif key == "channels":
            channels = tuple(text for _, text in _strings(node, place))
        elif key == "variables" and isinstance(node, yaml.MappingNode):
            variables = [(_scalar(name, place), _scalar(value, place)) for name, value in node.value]
        elif key == "dependencies":
            for item_place, item in _items(node, place):
                if isinstance(item, yaml.MappingNode):
                    pip += _pip_section(item, item_place)
                else:
                    packages.append((item_place, _scalar(item, item_place)))
    return CondaFile(
        channels=channels,
        packages=tuple(packages),
        pip=tuple(pip),
        variables=tuple(variables),
        notes=tuple(notes),
    )


def _pip_section(node: yaml.MappingNode, place: Place) -> Iterator[tuple[Place, str]]:
    for key_node, value in node.value:
        key = _scalar(key_node, place)
        if key != "pip":
            raise place.fault(
                f"unknown package source {key!r} among the dependencies", hint="conda knows pip"
            )
        yield from _strings(value, Place(path=place.path, line=_line(key_node), key=f"{place.key}.pip"))


def _entries(path: Path) -> Iterator[tuple[str, Place, yaml.Node]]:
    import yaml

    root = _compose(path)
    if root is None:
        return
    if not isinstance(root, yaml.MappingNode):
        raise ManifestError("an environment file is a mapping of keys to values", path=path, line=_line(root))
    seen: set[str] = set()
    for key_node, value in root.value:
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
        place = Place(path=path, line=_line(key_node), key=key)
        if key in seen:
            raise place.fault(f"the key {key!r} stands here a second time")
        seen.add(key)
        yield key, place, value


def _compose(path: Path) -> yaml.Node | None:
    import yaml

    loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        text = path.read_text(encoding="utf-8-sig")
        root: yaml.Node | None = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ManifestError(f"not YAML: {error.problem}", path=path, line=line) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ManifestError(f"not a text of YAML: {error}", path=path) from error
    except RecursionError as error:
        raise ManifestError("not an environment file: nested too deeply", path=path) from error
    except OSError as error:
        raise ManifestError(f"cannot be read: {error.strerror}", path=path) from error
    if isinstance(root, yaml.ScalarNode) and root.tag == "tag:yaml.org,2002:null":
        return None
    return root


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line + 1
    return line


def _is_null(node: yaml.Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _scalar(node: yaml.Node, place: Place) -> str:
    """The text as it stands in the file, whatever type YAML would make of it; "" for null."""
    import yaml

    if not isinstance(node, yaml.ScalarNode):
        raise Place(path=place.path, line=_line(node), key=place.key).fault("expected a single value here")
    return "" if _is_null(node) else str(node.value).strip()


def _items(node: yaml.Node, place: Place) -> Iterator[tuple[Place, yaml.Node]]:
    import yaml

    if _is_null(node):
        return
    if not isinstance(node, yaml.SequenceNode):
        raise place.fault(f"{place.key} is a list", hint="start each of its lines with `- `")
    for item in node.value:
        yield Place(path=place.path, line=_line(item), key=place.key), item


def _strings(node: yaml.Node, place: Place) -> Iterator[tuple[Place, str]]:
    import yaml

    for item_place, item in _items(node, place):
        if not isinstance(item, yaml.ScalarNode):
            raise item_place.fault(f"each entry of {place.key} is one line of text", hint=_quote_hint(item))
        yield item_place, _scalar(item, item_place)


def _quote_hint(item: yaml.Node) -> str | None:
    import yaml

    if isinstance(item, yaml.MappingNode) and re.match(r"pip$", str(item.value[0][0].value)):
        return "pip packages stand directly in the list of a python_env.yaml"
    return "put it in quotes"


def _unknown_key(key: str, place: Place, known: tuple[str, ...]) -> ManifestError:
    meant = suggestion(key, known)
    return place.fault(
        f"unknown key {key!r}", hint=f"did you mean {meant!r}?" if meant else f"known: {', '.join(known)}"
    )
