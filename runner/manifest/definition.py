"""The tree of a project file -> the project that it defines, with everything that is wrong with its shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import EntryPointNotFound, ManifestError
from runner.manifest.declaration import read_parameter
from runner.manifest.document import Node
from runner.manifest.findings import Findings, describe
from runner.manifest.keys import DOCKER, ENTRY_POINT, PROJECT
from runner.model.environment import DeclaredEnvironment, DockerEnvironment
from runner.model.parameter import Parameter
from runner.model.project import EntryPoint, script_entry_point

if TYPE_CHECKING:
    from runner.model.sweep import Sweep

ENVIRONMENT_KEYS = ("docker_env", "python_env", "conda_env")


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a project file says. `environment_line` is where its environment is named.

    `sweeps` are those that can be launched, `broken_sweeps` what is wrong with the others.
    """

    name: str | None = None
    environment: DeclaredEnvironment = field(default_factory=DeclaredEnvironment)
    environment_line: int | None = None
    entry_points: tuple[EntryPoint, ...] = ()
    sweeps: Mapping[str, Sweep] = field(default_factory=dict)
    broken_sweeps: Mapping[str, ManifestError] = field(default_factory=dict)


def define(root: Node, text: str, *, directory: Path, findings: Findings) -> Definition:
    """Reads the whole tree; a part that is wrong is left out and named in `findings`."""
    if root.is_null:
        return Definition()
    if not findings.map(root, key="", what="a project file"):
        return Definition()
    return _Definer(root, text, directory, findings).define()


class _Definer:
    def __init__(self, root: Node, text: str, directory: Path, findings: Findings) -> None:
        self.root = root
        self.lines = text.splitlines()
        self.directory = directory
        self.findings = findings

    def define(self) -> Definition:
        databricks = self.root.fields.get("databricks_spark_job")
        if databricks is not None:
            self.findings.error(
                "databricks_spark_job runs on Databricks only",
                line=databricks.line,
                key="databricks_spark_job",
                hint="run this project with `mlflow run --backend databricks`",
            )
            return Definition()
        self.findings.unknown_keys(self.root, PROJECT, "")
        declared = [key for key in ENVIRONMENT_KEYS if self._entry(self.root, key) is not None]
        environment_line = self.root.fields[declared[0]].line if declared else None
        if len(declared) > 1:
            places = ", ".join(f"{key} (line {self.root.fields[key].line})" for key in declared)
            self.findings.error(
                f"a project has one environment, but this one has several: {places}",
                line=self.root.fields[declared[1]].line,
                key=declared[1],
                hint="keep one of them",
            )
        entry_points = self._entry_points()
        sweeps, broken_sweeps = self._sweeps(entry_points)
        environment = DeclaredEnvironment(
            python_env=self._file("python_env"),
            conda_env=self._file("conda_env"),
            docker_env=self._docker(),
        )
        return Definition(
            name=self._name(),
            environment=environment,
            environment_line=environment_line,
            entry_points=entry_points,
            sweeps=sweeps,
            broken_sweeps=broken_sweeps,
        )

    def _entry(self, node: Node, key: str) -> Node | None:
        entry = node.fields.get(key)
        return None if entry is None or entry.node.is_null else entry.node

    def _wrong(self, key: str, node: Node, must: str) -> None:
        self.findings.error(f"{key} must be {must}, not {describe(node)}", line=node.line, key=key)

    def _name(self) -> str | None:
        node = self._entry(self.root, "name")
        if node is None:
            return None
        if node.kind != "scalar":
            self._wrong("name", node, "text")
        return node.text or None

    def _file(self, key: str) -> str | None:
        node = self._entry(self.root, key)
        if node is None:
            return None
        if node.string is None:
            self._wrong(key, node, "the path of a file")
        return node.string or None

    # sweeps

    def _sweeps(
        self, entry_points: tuple[EntryPoint, ...]
    ) -> tuple[Mapping[str, Sweep], Mapping[str, ManifestError]]:
        node = self._entry(self.root, "sweeps")
        if node is None or not self.findings.map(node, key="sweeps", what="sweeps"):
            return {}, {}
        # Imported here: most projects have none.
        from runner.manifest.sweeps.section import read_sweeps

        read = read_sweeps(node, self._finder(entry_points), self.findings)
        return read.good, read.broken

    def _finder(self, entry_points: tuple[EntryPoint, ...]) -> Callable[[str], EntryPoint]:
        declared = {entry_point.name: entry_point for entry_point in entry_points}

        def find(name: str) -> EntryPoint:
            found = declared.get(name) or script_entry_point(name, self.directory)
            if found is None:
                raise EntryPointNotFound(name, list(declared), path=self.findings.path)
            return found

        return find

    # docker_env

    def _docker(self) -> DockerEnvironment | None:
        node = self._entry(self.root, "docker_env")
        if node is None or not self.findings.map(node, key="docker_env", what="docker_env"):
            return None
        self.findings.unknown_keys(node, DOCKER, "docker_env.")
        image = self._entry(node, "image")
        if image is None or not image.string:
            line = node.line if image is None else image.line
            self.findings.error("docker_env must name an image", line=line, key="docker_env.image")
            return None
        if self.root.fields.get("name") is None:
            self.findings.warning(
                "a docker project without a name is refused by `mlflow run`", line=node.line, key="name"
            )
        return DockerEnvironment(
            image=image.string,
            volumes=tuple(item.text for item in self._list(node, "volumes") if self._is_volume(item)),
            environment=tuple(
                variable
                for item in self._list(node, "environment")
                if (variable := self._variable(item)) is not None
            ),
        )

    def _list(self, node: Node, key: str) -> tuple[Node, ...]:
        entry = self._entry(node, key)
        if entry is not None and entry.kind != "list":
            self._wrong(f"docker_env.{key}", entry, "a list")
        return () if entry is None else entry.items

    def _is_volume(self, item: Node) -> bool:
        if item.string is None:
            self._wrong("docker_env.volumes", item, "a list of texts like /host:/container")
        return item.string is not None

    def _variable(self, item: Node) -> tuple[str, str | None] | None:
        if item.string:
            return item.string, None
        if item.kind == "list" and len(item.items) == 2:
            name, value = item.items
            if name.string and value.kind == "scalar" and not value.is_null:
                return name.string, str(value.scalar)
        self._wrong("docker_env.environment", item, "a list of NAME or [NAME, value]")
        return None

    # entry_points

    def _entry_points(self) -> tuple[EntryPoint, ...]:
        node = self._entry(self.root, "entry_points")
        if node is None or not self.findings.map(node, key="entry_points", what="entry_points"):
            return ()
        entry_points = []
        for name, entry in node.fields.items():
            key = f"entry_points.{name}"
            if self.findings.map(entry.node, key=key, what=f"entry point {name!r}"):
                entry_points.append(self._entry_point(name, entry.node, key, entry.line))
        return tuple(entry_points)

    def _entry_point(self, name: str, node: Node, key: str, line: int) -> EntryPoint:
        self.findings.unknown_keys(node, ENTRY_POINT, f"{key}.")
        parameters = self._parameters(node, f"{key}.parameters")
        description = self._entry(node, "description")
        command = self._entry(node, "command")
        text = "" if command is None else command.string or ""
        is_misspelt = any(
            ENTRY_POINT.meant(other) == "command" for other in node.fields if other != "command"
        )
        if not text.strip() and not (command is None and is_misspelt):
            self.findings.error(
                f"entry point {name!r} has no command"
                if command is None
                else f"the command of entry point {name!r} must be text, not {describe(command)}",
                line=line if command is None else command.line,
                key=f"{key}.command",
            )
        return EntryPoint(
            name=name,
            parameters=parameters,
            command=text,
            description="" if description is None else description.text,
            directory=self.directory,
            path=self.findings.path,
            line=line if command is None else node.fields["command"].line,
            placeholder_lines=() if command is None else self._placeholder_lines(command),
        )

    def _parameters(self, node: Node, key: str) -> tuple[Parameter, ...]:
        parameters = self._entry(node, "parameters")
        if parameters is None or not self.findings.map(parameters, key=key, what="parameters"):
            return ()
        return tuple(
            read_parameter(name, entry.node, self.findings, key=f"{key}.{name}", line=entry.line)
            for name, entry in parameters.fields.items()
        )

    def _placeholder_lines(self, command: Node) -> tuple[tuple[str, int], ...]:
        import re

        places: dict[str, int] = {}
        for number in range(command.line, min(command.last_line, len(self.lines)) + 1):
            for name in re.findall(r"\{([^{}:!.\[]+)[^{}]*\}", self.lines[number - 1]):
                places.setdefault(name, number)
        return tuple(places.items())
