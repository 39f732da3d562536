"""Does the script that a command names exist, and does it know the options that the command gives it?

Scripts are parsed with `ast` and never run. Options are compared only where argparse or click declares all
of them in plain sight; anything cleverer is left alone, because a wrong warning is worse than none.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.errors import ManifestError, suggestion
from runner.manifest.findings import Findings
from runner.model.project import EntryPoint
from runner.model.words import Reading, Word

_PYTHON = re.compile(r"(.*/)?python[0-9.]*")
_OPTIONS_WITH_VALUE = frozenset({"-W", "-X", "--check-hash-based-pycs"})
_LARGEST_SCRIPT_BYTES = 1_048_576
# Whoever calls one of these takes options from somewhere that we do not see.
_UNSEEN = frozenset({"parse_known_args", "parse_known_intermixed_args", "add_subparsers", "pass_context"})
_ARGPARSE_METHODS = frozenset({"add_argument", "add_argument_group", "add_mutually_exclusive_group"})


@dataclass(frozen=True, slots=True)
class _Call:
    script: Word
    arguments: tuple[Word, ...]


def check_scripts(entry_point: EntryPoint, findings: Findings, *, in_container: bool) -> None:
    """Adds a problem for each missing script, and a warning for each option that its script does not know."""
    if entry_point.directory is None:
        return
    try:
        template = entry_point.template()
    except ManifestError:
        return
    for call in _python_calls(template.reading):
        name = call.script.text
        assert name is not None
        file = entry_point.directory / name
        if not file.is_file():
            certain = not template.needs_shell and not in_container
            _report_missing(entry_point, name, findings, certain=certain)
        else:
            _check_options(entry_point, call, file, findings)


def _report_missing(entry_point: EntryPoint, name: str, findings: Findings, *, certain: bool) -> None:
    directory = entry_point.directory
    assert directory is not None
    meant = suggestion(name, [file.name for file in directory.glob("*.py")])
    message = f"the command of {entry_point.name!r} runs {name}, which does not exist"
    hint = f"did you mean {meant}?" if meant else f"paths start from {directory}"
    key = f"entry_points.{entry_point.name}.command"
    if certain:
        findings.error(message, line=entry_point.line, key=key, hint=hint, at_load=False, formal=False)
    else:  # something else in the command, or the container, may bring it
        findings.warning(message, line=entry_point.line, key=key, hint=hint)


def _python_calls(reading: Reading) -> Iterator[_Call]:
    for index in reading.top:
        word = reading.words[index]
        if word.previous is not None or word.text is None or not _PYTHON.fullmatch(word.text):
            continue
        following = _following(reading, index)
        script = _script_of(following)
        if script is not None:
            yield _Call(following[script], tuple(following[script + 1 :]))


def _following(reading: Reading, index: int) -> list[Word]:
    words: list[Word] = []
    for other in reading.top:
        if reading.words[other].previous == index:
            words.append(reading.words[other])
            index = other
    return words


def _script_of(words: list[Word]) -> int | None:
    """The index of the first word that is python's script; None for `-m`, `-c` and computed names."""
    skips = False
    for index, word in enumerate(words):
        if skips:
            skips = False
        elif word.text in _OPTIONS_WITH_VALUE:
            skips = True
        elif word.text is None or word.text in ("-m", "-c", "-"):
            return None
        elif not word.text.startswith("-"):
            return index if word.text.endswith(".py") else None
    return None


def _check_options(entry_point: EntryPoint, call: _Call, file: Path, findings: Findings) -> None:
    used = [option for word in call.arguments if (option := _long_option(word)) is not None]
    known = _declared_options(file) if used else None
    if known is None:
        return
    for option in dict.fromkeys(used):
        # argparse takes an unambiguous beginning for the whole name
        if not any(name.startswith(option) for name in known):
            meant = suggestion(option, known)
            findings.warning(
                f"{call.script.text} does not define the option {option}",
                line=entry_point.line,
                key=f"entry_points.{entry_point.name}.command",
                hint=f"did you mean {meant}?" if meant else f"it defines: {', '.join(sorted(known))}",
            )


def _long_option(word: Word) -> str | None:
    first = word.pieces[0] if word.pieces else None
    if not isinstance(first, str):
        return None
    found = re.match(r"(--[A-Za-z][\w-]*)(=|$)", first)
    whole = found is not None and (found[2] == "=" or len(word.pieces) == 1)
    return found[1] if found is not None and whole else None


def _declared_options(file: Path) -> frozenset[str] | None:
    """All long options of a script, or None where they cannot be known for certain."""
    try:
        if file.stat().st_size > _LARGEST_SCRIPT_BYTES:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the script's own string escapes
            tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return _Options(tree).known()


class _Options:
    def __init__(self, tree: ast.Module) -> None:
        self.calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        self.tree = tree

    def known(self) -> frozenset[str] | None:
        """The options, or None where the script does something that hides some."""
        called = [_called(call) for call in self.calls]
        if _UNSEEN & set(called):
            return None
        if "ArgumentParser" in called:
            return self._argparse(called.count("ArgumentParser"))
        return self._click() if "command" in called or self._is_click_command() else None

    def _argparse(self, parser_count: int) -> frozenset[str] | None:
        constructor = next(call for call in self.calls if _called(call) == "ArgumentParser")
        keywords = {keyword.arg for keyword in constructor.keywords}
        hiding = {None, "parents", "fromfile_prefix_chars", "prefix_chars"}
        if parser_count != 1 or keywords & hiding or self._parser_leaves():
            return None
        options = {"--help"}
        for call in self.calls:
            if _called(call) == "add_argument":
                names = _literals(call.args)
                if names is None or not names:
                    return None
                options.update(names)
                if any("BooleanOptionalAction" in ast.dump(keyword) for keyword in call.keywords):
                    options.update(f"--no-{name[2:]}" for name in names if name.startswith("--"))
        return frozenset(name for name in options if name.startswith("--"))

    def _parser_leaves(self) -> bool:
        """Whether a parser is given to another function, which may add options to it."""
        parsers = {
            target.id
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and _called(node.value) in {"ArgumentParser", *_ARGPARSE_METHODS}
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        handed = [argument for call in self.calls for argument in call.args]
        handed += [keyword.value for call in self.calls for keyword in call.keywords]
        return not parsers or any(isinstance(value, ast.Name) and value.id in parsers for value in handed)

    def _is_click_command(self) -> bool:
        return any(
            isinstance(decorator, ast.Attribute) and decorator.attr == "command"
            for node in ast.walk(self.tree)
            if isinstance(node, ast.FunctionDef)
            for decorator in node.decorator_list
        )

    def _click(self) -> frozenset[str] | None:
        functions = [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)]
        commands = [node for node in functions if any(map(_is_click, node.decorator_list))]
        if len(commands) != 1:
            return None
        options = {"--help"}
        for decorator in commands[0].decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            name = _called(call) if call is not None else getattr(decorator, "attr", "")
            if name == "command" and call is not None and call.keywords:
                return None  # cls=, context_settings=: it may take unknown options
            if name == "option" and call is not None:
                names = _literals(call.args)
                if names is None:
                    return None
                options.update(part for text in names for part in re.split(r"\s*/\s*", text))
            elif name not in ("command", "argument"):
                return None
        return frozenset(name for name in options if name.startswith("--"))


def _is_click(decorator: ast.expr) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return (
        isinstance(target, ast.Attribute)
        and target.attr == "command"
        and isinstance(target.value, ast.Name)
        and target.value.id == "click"
    )


def _called(call: ast.Call) -> str:
    target = call.func
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")


def _literals(arguments: list[ast.expr]) -> list[str] | None:
    texts = [
        argument.value
        for argument in arguments
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    return texts if len(texts) == len(arguments) else None
