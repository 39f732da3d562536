"""A project as its file describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import (
    EntryPointNotFound,
    InvalidParameter,
    ManifestError,
    MissingParameter,
    suggestion,
)
from runner.model.command import Command
from runner.model.environment import EnvironmentSpec
from runner.model.parameter import Parameter
from runner.model.placeholders import TemplateError, undeclared_hint
from runner.model.template import Fill, Template, parse

if TYPE_CHECKING:  # a sweep knows runs, which know projects
    from runner.model.sweep import Sweep

_SCRIPT_SUFFIXES = (".py", ".sh")
_SCRIPTS_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """An entry point with values: the command to execute and the params to record, as given, unquoted.

    `downloads` are (parameter, URI) of `path` parameters whose value is somewhere else: fetch each, then
    bind again with the local places as `fetched`. Binding `params` again gives an equal Binding.
    """

    command: Command
    params: Mapping[str, str]
    downloads: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPoint:
    """A command with parameters; or a file of the project that needs no declaration (`script`, its argv).

    `directory` is the project's; `path`, `line` and `placeholder_lines` say where things stand in its file.
    """

    name: str
    parameters: tuple[Parameter, ...] = ()
    command: str = ""
    script: tuple[str, ...] = ()
    description: str = ""
    directory: Path | None = None
    path: Path | None = None
    line: int | None = None
    placeholder_lines: tuple[tuple[str, int], ...] = field(default=(), compare=False)

    def template(self) -> Template:
        """The parsed command. Raises ManifestError, with file and line, where it cannot be understood."""
        try:
            template = parse(self.command, frozenset(parameter.name for parameter in self.parameters))
            for parameter in self.parameters:
                _check_places(parameter, template)
            return template
        except TemplateError as error:
            raise self._command_error(str(error), name=error.name, hint=error.hint) from None

    def bind(
        self,
        values: Mapping[str, str],
        *,
        base: Path | None = None,
        fetched: Mapping[str, str] | None = None,
    ) -> Binding:
        """Checks the values and puts them into the command.

        Undeclared values are appended as `--name value`, as MLflow does, unless the command has a
        placeholder of that name. `base` is where relative paths start (the working directory), `fetched`
        the local places of what `downloads` named. Thread-safe; looks at the file system for local paths.
        Raises MissingParameter, InvalidParameter, and ManifestError for a command that cannot be filled.
        """
        chosen = self._choose(values)
        declared = {parameter.name for parameter in self.parameters}
        extra = {name: _checked_extra(name, value) for name, value in values.items() if name not in declared}
        params = {name: value for name, value in chosen.items() if value is not None} | extra
        located, downloads = self._locate(chosen, base or Path.cwd(), fetched or {})
        if self.script:
            command = self._script_command(extra)
        else:
            command = self._fill(self.template(), chosen, located, extra)
        return Binding(
            command=command,
            params=params,
            downloads=downloads,
            warnings=tuple(self._extra_warnings(extra, declared)),
        )

    def _choose(self, values: Mapping[str, str]) -> dict[str, str | None]:
        missing = [p.name for p in self.parameters if p.required and p.name not in values]
        if missing:
            options = " ".join(f"-P {name}=VALUE" for name in missing)
            raise MissingParameter(
                f"no value given for the required parameter{'s' if len(missing) > 1 else ''} "
                f"{', '.join(map(repr, missing))} of entry point {self.name!r}",
                name=missing[0],
                hint=_missing_hint(missing, values) or f"give it with {options}",
            )
        return {parameter.name: parameter.choose(values) for parameter in self.parameters}

    def _locate(
        self, chosen: Mapping[str, str | None], base: Path, fetched: Mapping[str, str]
    ) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
        located: dict[str, str] = {}
        downloads: list[tuple[str, str]] = []
        for parameter in self.parameters:
            value = chosen[parameter.name]
            if value is None or parameter.kind not in ("path", "uri"):
                continue
            place = fetched.get(parameter.name) or parameter.locate(value, base=base, project=self.directory)
            if place is None:
                downloads.append((parameter.name, value))
            located[parameter.name] = value if place is None else place
        return located, tuple(downloads)

    def _script_command(self, extra: Mapping[str, str]) -> Command:
        import shlex

        options = [text for name, value in extra.items() for text in (f"--{name}", value)]
        argv = (*self.script, *options)
        return Command(argv=argv, needs_shell=False, display=shlex.join(argv))

    def _fill(
        self,
        template: Template,
        chosen: Mapping[str, str | None],
        located: Mapping[str, str],
        extra: Mapping[str, str],
    ) -> Command:
        fills = {
            parameter.name: _fill(parameter, located.get(parameter.name, chosen[parameter.name]))
            for parameter in self.parameters
        }
        for name in template.names:
            if name not in fills and name not in extra:
                raise self.undeclared(name)
            fills.setdefault(name, Fill(texts=(extra.get(name, ""),)))
        appended = [(f"--{name}", value) for name, value in extra.items() if name not in template.names]
        try:
            return template.fill(fills, appended)
        except TemplateError as error:
            raise self._command_error(str(error), name=error.name, hint=error.hint) from None

    def undeclared(self, name: str) -> ManifestError:
        """The error that the command has a placeholder that no parameter is declared for."""
        return self._command_error(
            f"the command of {self.name!r} uses {{{name}}}, which is not declared",
            name=name,
            hint=undeclared_hint(name, [parameter.name for parameter in self.parameters]),
        )

    def _command_error(self, message: str, *, name: str | None, hint: str | None) -> ManifestError:
        line = dict(self.placeholder_lines).get(name or "", self.line)
        key = f"entry_points.{self.name}.command"
        return ManifestError(message, path=self.path, line=line, key=key, hint=hint)

    def _extra_warnings(self, extra: Mapping[str, str], declared: set[str]) -> list[str]:
        warnings = []
        for name in extra:
            meant = suggestion(name, declared)
            if meant is not None and not self.script:
                warnings.append(
                    f"parameter {name!r} is not declared by entry point {self.name!r} and was passed on as "
                    f"--{name}; did you mean {meant!r}?"
                )
        return warnings


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project: `manifest_path` is None where it has no file. `name` is None where its file gives none.

    `sweeps` are those that can be launched, `broken_sweeps` what is wrong with the others: both by name.
    `shell` is the program that runs `.sh` files. `warnings` are sentences with file and line.
    """

    name: str | None
    directory: Path
    manifest_path: Path | None
    entry_points: Mapping[str, EntryPoint]
    environment: EnvironmentSpec
    sweeps: Mapping[str, Sweep] = field(default_factory=dict)
    broken_sweeps: Mapping[str, ManifestError] = field(default_factory=dict)
    shell: str = "bash"
    warnings: tuple[str, ...] = ()

    def entry_point(self, name: str) -> EntryPoint:
        """The declared entry point `name`, else the project's `.py` or `.sh` file of that name.

        Raises EntryPointNotFound; a script must exist within the project's directory.
        """
        declared = self.entry_points.get(name)
        if declared is not None:
            return declared
        script = script_entry_point(name, self.directory, shell=self.shell)
        if script is None:
            raise EntryPointNotFound(
                name,
                list(self.entry_points),
                path=self.manifest_path,
                scripts=self._scripts(),
                sweeps=[*self.sweeps, *self.broken_sweeps],
            )
        return replace(script, path=self.manifest_path)

    def sweep(self, name: str) -> Sweep | None:
        """The declared sweep `name`, None where there is none. Raises ManifestError where it is wrong."""
        broken = self.broken_sweeps.get(name)
        if broken is not None:
            raise broken
        return self.sweeps.get(name)

    def _scripts(self) -> list[str]:
        files = (path for path in self.directory.glob("*.*") if path.suffix in _SCRIPT_SUFFIXES)
        return sorted(path.name for path in files if path.is_file())[:_SCRIPTS_NAMED]


def script_entry_point(name: str, directory: Path, *, shell: str = "bash") -> EntryPoint | None:
    """What runs the `.py` or `.sh` file `name` within a project's directory; None where there is none."""
    if "\0" in name or not name.endswith(_SCRIPT_SUFFIXES):
        return None
    file = (directory / name).resolve()
    if not file.is_relative_to(directory.resolve()) or not file.is_file():
        return None
    # A file called `-c.py` must not be read as an option.
    path = name if not name.startswith("-") else f"./{name}"
    argv = ("python" if name.endswith(".py") else shell, path)
    return EntryPoint(name=name, script=argv, directory=directory)


def _check_places(parameter: Parameter, template: Template) -> None:
    name = parameter.name
    for slot in template.slots:
        if slot.name != name:
            continue
        word = None if slot.word is None else template.reading.words[slot.word]
        if parameter.flag is not None and (word is None or not word.is_one_slot):
            raise TemplateError(
                f"{{{name}}} stands for the option {parameter.flag} and must be a word of its own",
                name=name,
                hint=f"write {parameter.flag} nowhere in the command, only {{{name}}}",
            )
        if slot.quoting == "arithmetic" and (parameter.kind != "int" or parameter.optional):
            raise TemplateError(
                f"{{{name}}} stands in an arithmetic expression, where bash would run its text",
                name=name,
                hint=f"declare {name!r} with type: int",
            )


def _fill(parameter: Parameter, value: str | None) -> Fill:
    if parameter.flag is not None:
        on = value is not None and parameter.is_true(value)
        return Fill(texts=(parameter.flag,) if on else None, takes_option=False)
    if value is None:
        return Fill(texts=None)
    if parameter.items is not None:
        return Fill(texts=parameter.split(value), spreads=True)
    return Fill(texts=(value,))


def _checked_extra(name: str, value: str) -> str:
    if not name or "\0" in name or not name.isprintable():
        raise InvalidParameter(
            f"{name!r} cannot be a parameter's name", name=name, value=value, kind="string"
        )
    return Parameter(name=name).check(value)


def _missing_hint(missing: list[str], values: Mapping[str, str]) -> str | None:
    for name in missing:
        meant = suggestion(name, values)
        if meant is not None:
            return f"you gave {meant!r}: did you mean {name!r}?"
    return None
