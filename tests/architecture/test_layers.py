"""The layers of ARCHITECTURE.md: an import may only point down, and siblings never import siblings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("runner", "tracking_client", "tracking_server")

# From the roof down: a room may import what is on lower floors of its package, never a sibling.
# A room is a module, or a package with all that is in it.
FLOORS: dict[str, list[set[str]]] = {
    "runner": [
        {"__main__"},
        {"cli"},
        {"__init__"},
        {"api", "worker"},
        {"assemble"},
        {"sweeping"},
        {"prepare", "perform", "engine_environment"},
        {"sources", "environments", "manifest", "recording", "executors", "output"},
        {"lease", "search"},
        {"events", "plugins", "settings", "owner", "local_source", "warm"},
        {"process", "redaction", "guardian"},
        {"program"},
        {"conversation"},
        {"guardian_reports", "printable", "stop"},
        {"model", "errors"},
    ],
    "tracking_client": [
        {"__init__"},
        {"exceptions", "keras", "pyfunc", "sklearn", "tensorflow", "tracking"},
        {"integrations"},
        {"flavours"},
        {
            "artifacts",
            "fluent",
            "fluent_artifacts",
            "fluent_inputs",
            "fluent_logged_models",
            "fluent_registry",
        },
        {"measured", "starting"},
        {"watched_machine"},
        {"ending"},
        {"active_runs"},
        {"run", "active_experiment", "mlflow_client"},
        {"kept_artifacts"},
        {"journal", "contact", "replaying"},
        {"noted_versions"},
        {"client"},
        {"run_figures", "run_tables"},
        {"run_artifacts", "logged_model_artifacts", "model_versions"},
        {"artifact_stores", "experiments", "runs", "logged_models", "registered_models"},
        {"once"},
        {"transport"},
        {"attempts"},
        {"connection", "local_server", "data"},
        {"checks", "models", "provenance", "table", "tables", "tracking_uri", "model_uri", "system_metrics"},
        {"images"},
        {"types", "offline"},
        {"journal_folder"},
        {"active_model", "context", "wire", "errors", "notice", "running"},
        {"late"},
    ],
    "tracking_server": [
        {"__main__"},
        {"cli"},
        {"serving"},
        {"app"},
        {"guard", "connections"},
        {"ui"},
        {"api"},
        {"services"},
        {"readiness", "gc", "importing", "access", "webhooks"},
        {"store", "artifacts"},
        {"query", "settings", "discovery", "traffic"},
        {"store_uri"},
        {"errors", "__init__"},
    ],
}
# Errors carry an Outcome, and values raise errors: the one circle, at the ground floor of `runner`.
CIRCLE = {"runner.model", "runner.errors"}
# Who may look into another package, and where.
DOORS: dict[str, set[str]] = {
    "runner.recording": {
        "tracking_client.client",
        "tracking_client.context",
        "tracking_client.errors",
        "tracking_client.journal",
        "tracking_client.journal_folder",
        "tracking_client.running",
        "tracking_client.wire",
    },
    "runner.sweeping": {
        "tracking_client.client",
        "tracking_client.errors",
        "tracking_client.wire",
    },
    "runner.warm": {"tracking_client.context"},
    "runner.cli": {
        "tracking_client.client",
        "tracking_client.connection",
        "tracking_client.context",
        "tracking_client.errors",
        "tracking_client.journal",
        "tracking_client.journal_folder",
        "tracking_client.offline",
        "tracking_client.replaying",
        "tracking_client.tracking_uri",
        "tracking_client.transport",
        "tracking_server.access",
        "tracking_server.cli",
        "tracking_server.errors",
        "tracking_server.gc",
        "tracking_server.importing",
    },
    "tracking_server.api": {"tracking_client.wire"},
    "tracking_server.importing": {
        "tracking_client.errors",
        "tracking_client.tracking_uri",
        "tracking_client.transport",
        "tracking_client.wire",
    },
    "tracking_server.settings": {"tracking_client.wire"},
    "tracking_server.store": {"tracking_client.wire"},
    "tracking_server.ui": {"tracking_client.wire"},
}


def floor_of(room: str) -> int:
    package, _, name = room.partition(".")
    for number, floor in enumerate(FLOORS[package]):
        if name in floor:
            return number
    pytest.fail(f"{room} has no floor: give it one in FLOORS, and in ARCHITECTURE.md")


def may_import(room: str, other: str) -> bool:
    if room.partition(".")[0] != other.partition(".")[0]:
        return other in DOORS.get(room, set())
    return floor_of(other) > floor_of(room) or {room, other} == CIRCLE


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
    forbidden = sorted(other for other in own_imports(path) - {room} if not may_import(room, other))

    assert not forbidden, f"{module} must not import {forbidden}"


def test_every_room_is_in_the_picture() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    picture = set(re.findall(r"\w+", page.split("```")[1]))
    rooms = {room for floors in FLOORS.values() for floor in floors for room in floor if "__" not in room}

    assert rooms - picture == set()


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
