"""The layers of ARCHITECTURE.md: an import may only point down, and siblings never import siblings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("runner", "tracking_client", "tracking_server")

# Room -> the rooms it may import. A room is a module or a package with all that is in it; what is not listed
# may not be imported. `*` stands for every room of the same package.
BASE = {"runner.errors", "runner.model"}
FLOOR = BASE | {
    "runner.events",
    "runner.process",
    "runner.plugins",
    "runner.settings",
    "runner.redaction",
    "runner.owner",
}
MAY_IMPORT: dict[str, set[str]] = {
    "runner.__init__": BASE | {"runner.api"},
    "runner.__main__": {"runner.cli"},
    "runner.errors": {"runner.model"},
    "runner.model": {"runner.errors"},
    "runner.events": {"runner.model"},
    "runner.process": set(),
    "runner.guardian": set(),
    "runner.plugins": {"runner.errors"},
    "runner.redaction": set(),
    "runner.settings": {"runner.errors"},
    "runner.owner": {"runner.process"},
    "runner.output": FLOOR,
    "runner.local_source": FLOOR,
    "runner.manifest": FLOOR | {"runner.local_source"},
    "runner.sources": FLOOR | {"runner.lease", "runner.local_source"},
    "runner.environments": FLOOR | {"runner.lease", "runner.local_source"},
    "runner.lease": FLOOR,
    "runner.recording": FLOOR
    | {
        "tracking_client.client",
        "tracking_client.connection",
        "tracking_client.context",
        "tracking_client.errors",
        "tracking_client.fluent",
        "tracking_client.transport",
        "tracking_client.wire",
    },
    "runner.executors": FLOOR,
    "runner.prepare": FLOOR
    | {"runner.environments", "runner.manifest", "runner.sources", "runner.recording"},
    "runner.perform": FLOOR | {"runner.environments", "runner.recording", "runner.sources", "runner.output"},
    "runner.assemble": FLOOR | {"runner.prepare", "runner.perform", "runner.executors", "runner.recording"},
    "runner.api": FLOOR | {"runner.assemble", "runner.prepare", "runner.executors", "runner.recording"},
    "runner.cli": FLOOR
    | {
        "runner.__init__",
        "runner.api",
        "runner.assemble",
        "runner.prepare",
        "runner.manifest",
        "runner.sources",
        "runner.environments",
        "runner.recording",
        "tracking_server.cli",
    },
    "tracking_client.__init__": {
        "tracking_client.fluent",
        "tracking_client.client",
        "tracking_client.run",
        "tracking_client.errors",
        "tracking_client.wire",
    },
    "tracking_client.wire": set(),
    "tracking_client.errors": set(),
    "tracking_client.context": set(),
}


def room_of(module: str) -> str:
    """`runner.cli.run` -> `runner.cli`; the package itself -> `runner.__init__`."""
    parts = module.split(".")
    return f"{parts[0]}.__init__" if len(parts) == 1 else ".".join(parts[:2])


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(part for part in parts if part != "__init__")
            yield (f"{package}.__init__" if name == package else name), path


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                deeper = ROOT / Path(*node.module.split("."), alias.name)
                is_module = deeper.with_suffix(".py").exists() or deeper.is_dir()
                yield f"{node.module}.{alias.name}" if is_module else node.module


def own_imports(path: Path) -> set[str]:
    return {room_of(name) for name in imports(path) if name.split(".")[0] in PACKAGES}


@pytest.mark.parametrize(("module", "path"), [pytest.param(*pair, id=pair[0]) for pair in modules()])
def test_imports_point_down(module: str, path: Path) -> None:
    room = room_of(module) if not module.endswith(".__init__") else module
    if room not in MAY_IMPORT:
        pytest.fail(f"{room} has no place in the layers: add it to MAY_IMPORT and to ARCHITECTURE.md")

    forbidden = own_imports(path) - MAY_IMPORT[room] - {room}

    assert not forbidden, f"{module} must not import {sorted(forbidden)}"


def test_only_process_spawns_in_runner() -> None:
    spawning = {"subprocess", "multiprocessing", "pty", "asyncio.subprocess"}
    offenders = [
        module
        for module, path in modules()
        if module.startswith("runner.") and spawning & set(imports(path)) and module != "runner.process"
    ]

    assert offenders == []


def test_the_model_is_standard_library_only_and_does_no_io() -> None:
    forbidden = {"os", "subprocess", "socket", "urllib", "yaml", "requests", "urllib3", "tempfile", "shutil"}
    offenders = {
        module: sorted(forbidden & {name.split(".")[0] for name in imports(path)})
        for module, path in modules()
        if module.startswith("runner.model") and forbidden & {name.split(".")[0] for name in imports(path)}
    }

    assert offenders == {}


def test_no_file_is_a_drawer_for_everything() -> None:
    names = {"utils", "util", "helpers", "helper", "managers", "manager", "common", "misc"}

    assert [module for module, path in modules() if path.stem in names] == []


def test_files_hold_one_thing() -> None:
    longest = {
        module: lines
        for module, path in modules()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }

    assert longest == {}
