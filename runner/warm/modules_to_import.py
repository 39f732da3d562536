"""What a script will import, read from its text and that of the project's modules; nothing is executed.

The statements are brought into the order in which the script would execute them: the top level first, with
the project's own modules where they are imported, then the bodies of functions. Variables that the code sets
on the way (`os.environ["KERAS_BACKEND"] = "jax"`) are part of it: modules read them when they are imported.
"""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from runner.warm.python_command import NotWarm

_LARGEST_FILE_BYTES = 1_048_576
_MOST_FILES = 500
_CHANGES_ENVIRON = frozenset({"update", "pop", "popitem", "clear", "putenv", "unsetenv", "load_dotenv"})

StepKind = Literal["import", "set", "default", "begin", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do on the way: an `import` statement, or a variable that is set (or given a default).

    Between `begin` and its `end` stands the body of a function: what it sets is taken back. `module`, `file`
    and `line` are where it stands, `text` the statement or the variable's name, `names` what is imported.
    """

    kind: StepKind
    text: str = ""
    value: str = ""
    names: tuple[str, ...] = ()
    module: str = "__main__"
    file: str = ""
    line: int = 1


def steps_of(script: Path, *, own_modules: bool) -> tuple[Step, ...]:
    """The steps of the script. `own_modules`: whether modules beside the script can be imported by it.

    Raises NotWarm where the script cannot be read: executing it will show why.
    """
    reader = _Reader(script.resolve().parent if own_modules else None)
    tree = _parsed(script)
    if tree is None:
        raise NotWarm
    reader.module(tree, script, "__main__", package="")
    reader.functions()
    return tuple(reader.steps)


def _parsed(file: Path) -> ast.Module | None:
    try:
        if file.stat().st_size > _LARGEST_FILE_BYTES:
            return None
        return _parsed_text(file.read_bytes())
    except OSError:
        return None


def _parsed_text(text: bytes) -> ast.Module | None:
    return _parsed_once(hashlib.sha256(text).digest(), _Text(text))


@dataclass(frozen=True, slots=True)
class _Text:
    """Bytes that the cache below neither hashes nor compares."""

    content: bytes = field(compare=False)


@lru_cache(maxsize=1024)
def _parsed_once(_digest: bytes, text: _Text) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the script's own string escapes
            return ast.parse(text.content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@dataclass(frozen=True, slots=True)
class _Place:
    module: str
    file: Path
    package: str


class _Reader:
    def __init__(self, directory: Path | None) -> None:
        self.directory = directory
        self.steps: list[Step] = []
        self.seen: set[str] = set()
        self.bodies: list[tuple[Sequence[ast.stmt], _Place]] = []
        self.stopped = False

    def module(self, tree: ast.Module, file: Path, name: str, *, package: str) -> None:
        place = _Place(name, file, package)
        for statement in tree.body:
            self.statement(statement, place)

    def functions(self) -> None:
        """The bodies that were met, each as if it were the first to be called; the script's before others."""
        stopped = self.stopped
        while self.bodies:
            of_script = (at for at, (_, place) in enumerate(self.bodies) if place.module == "__main__")
            body, place = self.bodies.pop(next(of_script, 0))
            self.steps.append(Step(kind="begin"))
            self.stopped = stopped
            for statement in body:
                self.statement(statement, place)
            self.steps.append(Step(kind="end"))
        self.stopped = stopped

    def statement(self, node: ast.stmt, place: _Place) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.imported(alias.name, (), node, place)
        elif isinstance(node, ast.ImportFrom):
            name = self.absolute(node, place)
            if name:
                self.imported(name, tuple(alias.name for alias in node.names), node, place)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.bodies.append((node.body, place))
        elif isinstance(node, ast.If):
            self.branches(node, place)
        elif isinstance(node, (ast.ClassDef, ast.With, ast.AsyncWith)):
            self.block(node.body, place)
        elif isinstance(node, (ast.Try, ast.For, ast.AsyncFor, ast.While)):
            self.uncertain(node, place)
        else:
            self.variables(node)

    def block(self, statements: Sequence[ast.stmt], place: _Place) -> None:
        for statement in statements:
            self.statement(statement, place)

    def branches(self, node: ast.If, place: _Place) -> None:
        test = ast.unparse(node.test)
        if "TYPE_CHECKING" in test:
            self.block(node.orelse, place)
        elif "__name__" in test:
            if place.module == "__main__":
                self.block(node.body, place)
        else:
            self.uncertain(node, place)

    def uncertain(self, node: ast.stmt, place: _Place) -> None:
        """A block that may not be executed: its imports are worth having, its variables are not known."""
        if any(_touches_environ(inner) for inner in ast.walk(node)):
            self.stopped = True
            return
        for _, value in ast.iter_fields(node):
            for inner in value if isinstance(value, list) else ():
                if isinstance(inner, ast.stmt):
                    self.statement(inner, place)
                elif isinstance(inner, ast.ExceptHandler):
                    self.block(inner.body, place)

    def variables(self, node: ast.stmt) -> None:
        step = _variable(node)
        if step is not None:
            self.add(step)
        elif any(_touches_environ(inner) for inner in ast.walk(node)):
            self.stopped = True

    def add(self, step: Step) -> None:
        if not self.stopped:
            self.steps.append(step)

    def absolute(self, node: ast.ImportFrom, place: _Place) -> str:
        if not node.level:
            return node.module or ""
        package = place.package.split(".") if place.package else []
        kept = package[: len(package) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])]) if kept else ""

    def imported(self, name: str, names: tuple[str, ...], node: ast.stmt, place: _Place) -> None:
        if self.directory is not None and _find(self.directory, name.partition(".")[0]):
            parts = name.split(".")
            for length in range(1, len(parts) + 1):
                self.own_module(".".join(parts[:length]))
            for inner in names:
                self.own_module(f"{name}.{inner}")
            return
        if name == "__future__":
            return
        text = f"from {name} import {', '.join(names)}" if names else f"import {name}"
        self.add(
            Step(
                kind="import",
                text=text,
                names=(name,),
                module=place.module,
                file=str(place.file),
                line=node.lineno,
            )
        )

    def own_module(self, name: str) -> None:
        """Reads a module of the project, once; nothing where there is none of that name."""
        assert self.directory is not None
        if name in self.seen or len(self.seen) >= _MOST_FILES:
            return
        self.seen.add(name)
        for file in _find(self.directory, name):
            tree = _parsed(file) if file.suffix == ".py" else None
            if tree is not None:
                is_package = file.name == "__init__.py"
                self.module(tree, file, name, package=name if is_package else name.rpartition(".")[0])


def _find(directory: Path, name: str) -> list[Path]:
    """The file of a module below `directory`, or a namespace package's directory; empty: none."""
    place = directory.joinpath(*name.split("."))
    for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if file.is_file():
            return [file]
    return [place] if place.is_dir() and any(place.glob("*.py")) else []


def _variable(node: ast.stmt) -> Step | None:
    """`os.environ["A"] = "b"` and `os.environ.setdefault("A", "b")`, with plain texts."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Subscript):
        target = node.targets[0]
        texts = _texts([target.slice, node.value])
        if _is_environ(target.value) and texts:
            return Step(kind="set", text=texts[0], value=texts[1])
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        call = node.value
        if isinstance(call.func, ast.Attribute) and call.func.attr == "setdefault":
            texts = _texts(call.args)
            if _is_environ(call.func.value) and len(texts) == 2 and not call.keywords:
                return Step(kind="default", text=texts[0], value=texts[1])
    return None


def _texts(nodes: Sequence[ast.expr]) -> list[str]:
    """The values where all are plain texts, else nothing."""
    found = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return found if len(found) == len(nodes) and not any("\0" in text for text in found) else []


def _is_environ(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in ("environ", "environb")
    return isinstance(node, ast.Name) and node.id in ("environ", "environb")


def _touches_environ(node: ast.AST) -> bool:
    if isinstance(node, (ast.Subscript, ast.Delete)):
        targets: Iterator[ast.AST] = iter([node] if isinstance(node, ast.Subscript) else node.targets)
        return any(
            isinstance(target, ast.Subscript)
            and not isinstance(target.ctx, ast.Load)
            and _is_environ(target.value)
            for target in targets
        )
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    if isinstance(function, ast.Attribute):
        own = _is_environ(function.value) and function.attr in (*_CHANGES_ENVIRON, "setdefault")
        return own or function.attr in ("putenv", "unsetenv", "load_dotenv")
    return isinstance(function, ast.Name) and function.id in ("putenv", "unsetenv", "load_dotenv")
