"""What is wrong with an entry point's command, as far as the project file alone tells."""

from __future__ import annotations

from runner.errors import ManifestError
from runner.manifest.findings import Findings
from runner.model.project import EntryPoint


def check_command(entry_point: EntryPoint, findings: Findings) -> None:
    """Adds what running the entry point would stumble over, and declared parameters that do nothing."""
    if not entry_point.command.strip():
        return
    key = f"entry_points.{entry_point.name}.command"
    try:
        template = entry_point.template()
    except ManifestError as error:
        _add(error, findings)
        return
    for warning in template.warnings:
        findings.warning(warning, line=entry_point.line, key=key)
    declared = [parameter.name for parameter in entry_point.parameters]
    for name in template.names:
        if name not in declared:
            _add(entry_point.undeclared(name), findings)
    for parameter in entry_point.parameters:
        if parameter.name not in template.names:
            findings.warning(
                f"the command of {entry_point.name!r} never uses the parameter {parameter.name!r}",
                line=parameter.line,
                key=f"entry_points.{entry_point.name}.parameters.{parameter.name}",
                hint=f"add --{parameter.name.replace('_', '-')} {{{parameter.name}}} to the command",
            )
    _check_lines(entry_point, findings, key)


def _check_lines(entry_point: EntryPoint, findings: Findings, key: str) -> None:
    reading = entry_point.template().reading
    for index in reading.top[1:]:
        word = reading.words[index]
        if word.previous is None and word.is_option:
            findings.warning(
                f"the option {word.text} starts a command of its own",
                line=entry_point.line,
                key=key,
                hint="fold the command with >- or end the line before with a backslash",
            )


def _add(error: ManifestError, findings: Findings) -> None:
    message = str(error).removeprefix(f"{error.path}:{error.line}: ")
    findings.error(
        message, line=error.line, key=error.key or "", hint=error.hint, at_load=False, formal=False
    )
