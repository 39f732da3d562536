"""Docs cannot lie: what exists is documented, and what is linked exists."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import get_args

import click
import pytest

import tracking_client
from runner import errors
from runner.cli.main import cli
from runner.model.trial import Cause
from runner.sweeping import names as sweeping_names
from tracking_client import connection, data, keras, models, pyfunc, sklearn, tensorflow
from tracking_client import errors as client_errors
from tracking_client.client import TrackingClient
from tracking_client.flavours.options import LogOptions, SaveOptions
from tracking_server import errors as server_errors
from tracking_server.api.routing import AJAX_V2, V2, V3, Endpoint
from tracking_server.app import ENDPOINTS
from tracking_server.query import vocabulary
from tracking_server.ui import routes

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def commands(
    command: click.Command, path: tuple[str, ...] = ("runner",)
) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield " ".join(path), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, (*path, name))


@pytest.mark.parametrize(("name", "command"), [pytest.param(*pair, id=pair[0]) for pair in commands(cli)])
def test_every_option_of_every_command_is_documented_under_its_command(
    name: str, command: click.Command
) -> None:
    page = (ROOT / "docs/reference/command-line.md").read_text()
    sections = [section for section in page.split("\n## ") if f"`{name}" in section.partition("\n")[0]]
    assert sections, f"no section for {name}"

    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    missing = [option.opts[-1] for option in options if not any(o in sections[0] for o in option.opts)]

    assert missing == []


def test_every_variable_of_artifacts_is_documented() -> None:
    page = (ROOT / "docs/how-to/move-artifacts.md").read_text()
    read = {
        name
        for path in (ROOT / "tracking_client/artifact_stores").glob("*.py")
        for name in re.findall(r'"(MLFLOW_[A-Z0-9_]*[A-Z0-9])"', path.read_text(encoding="utf-8"))
    }

    assert len(read) > 8
    assert [name for name in sorted(read) if f"`{name}`" not in page] == []


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]

    assert broken == []


@pytest.mark.parametrize("module", [errors, client_errors, server_errors], ids=lambda module: module.__name__)
def test_every_error_is_documented_in_its_module_and_in_the_reference(module: ModuleType) -> None:
    page = (ROOT / "docs/reference/errors.md").read_text()
    names = [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Exception)
    ]

    assert names
    assert [name for name in names if name not in (module.__doc__ or "") or name not in page] == []


UNDER = {V2: "2.0", V3: "3.0", AJAX_V2: "ajax", ("",): "-"}


def endpoint_rows() -> list[list[str]]:
    """Method, path, prefix and the rest of each row of the table of endpoints."""
    page = (ROOT / "docs/reference/http-api.md").read_text()
    table = [line for line in page.splitlines() if re.match(r"\| (GET|POST|PUT|PATCH|DELETE) \|", line)]
    return [line.strip("| ").split(" | ") for line in table]


def test_every_endpoint_is_documented_once_with_its_prefix_and_fields() -> None:
    def described(endpoint: Endpoint) -> tuple[str, str, str]:
        return endpoint.method, f"`{endpoint.path}`", UNDER[tuple(endpoint.prefixes)]

    rows = endpoint_rows()
    assert sorted((row[0], row[1], row[2]) for row in rows) == sorted(map(described, ENDPOINTS))

    fields_of = {(row[0], row[1]): row[3] for row in rows}
    missing = []
    for endpoint in ENDPOINTS:
        fields = getattr(getattr(endpoint, "request", None), "__struct_fields__", ())
        told = fields_of[endpoint.method, f"`{endpoint.path}`"]
        missing += [f"{endpoint.path}: {field}" for field in fields if f"`{field}`" not in told]
    assert missing == []


def test_every_page_and_form_is_documented_once() -> None:
    documented = re.findall(
        r"^\| `(/[^`]*)` \|", (ROOT / "docs/reference/pages.md").read_text(encoding="utf-8"), re.MULTILINE
    )

    assert sorted(documented) == sorted([*routes.PAGES, *routes.FORMS])


def test_every_picture_of_the_pages_is_taken_and_shown() -> None:
    shown = set(
        re.findall(
            r"\]\(\.\./screenshots/([\w-]+)\.png\)", (ROOT / "docs/how-to/look-at-runs.md").read_text()
        )
    )
    script = (ROOT / "docs/screenshots/make.py").read_text(encoding="utf-8")
    taken = set(re.findall(r'^        "([\w-]+)": f?"/', script, re.MULTILINE))

    assert shown == taken == {path.stem for path in (ROOT / "docs/screenshots").glob("*.png")}


def test_every_word_of_the_search_language_is_documented() -> None:
    page = (ROOT / "docs/reference/search.md").read_text()
    words = {*vocabulary.ENTITY_WORDS, *vocabulary.DATASET_KEYS}
    for kind in (
        vocabulary.RUNS,
        vocabulary.EXPERIMENTS,
        vocabulary.LOGGED_MODELS,
        vocabulary.REGISTERED_MODELS,
        vocabulary.MODEL_VERSIONS,
    ):
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {kind.what}s |")]
        words |= {*kind.attributes, *kind.aliases}
        assert [word for word in (*kind.attributes, *kind.aliases) if f"`{word}`" not in row] == []

    assert [word for word in words if f"`{word}`" not in page] == []


def test_every_name_of_the_client_is_documented() -> None:
    page = (ROOT / "docs/reference/python-client.md").read_text()
    methods = [name for name in dir(TrackingClient) if not name.startswith("_")]
    flavours = (keras, models, pyfunc, sklearn, tensorflow)
    of_flavours = [name for module in flavours for name in module.__all__]
    names = [*tracking_client.__all__, *data.__all__, *of_flavours, *methods]

    assert [
        name for name in names if f"`{name}`" not in page and f"`tracking_client.{name}`" not in page
    ] == []


def test_every_option_of_a_model_is_documented() -> None:
    page = (ROOT / "docs/reference/models.md").read_text()
    written = [
        function
        for module in (keras, pyfunc, sklearn, tensorflow)
        for function in (module.save_model, module.log_model)
    ]
    of_modules = {
        name
        for function in written
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }

    assert [
        name
        for name in {*of_modules, *LogOptions.__annotations__, *SaveOptions.__annotations__}
        if f"`{name}`" not in page
    ] == []


def test_every_variable_of_the_client_is_documented() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text()

    assert [name for name in connection.VARIABLES if f"`{name.upper()}`" not in page] == []


def test_every_tag_of_sweeps_is_documented() -> None:
    page = (ROOT / "docs/reference/tracking.md").read_text()
    tags = [value for name, value in vars(sweeping_names).items() if name.endswith("_TAG")]

    def is_told(tag: str) -> bool:
        return f"`{tag}`" in page or f"`.{tag.rpartition('.')[2]}`" in page

    assert len(tags) > 15
    assert [tag for tag in tags if not is_told(tag)] == []


@pytest.mark.parametrize("cause", get_args(Cause))
def test_every_cause_of_a_failed_trial_is_documented(cause: str) -> None:
    for page in ("docs/reference/tracking.md", "docs/reference/sweeps.md"):
        if (cause, page) != ("stopped", "docs/reference/sweeps.md"):  # nobody wants that tried again
            assert f"`{cause}`" in (ROOT / page).read_text()


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_lines_of_prose_fit_a_screen(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    long = [line for line in prose.splitlines() if len(line) > 130 and not line.startswith("|")]

    assert long == []


def test_every_page_that_the_code_names_exists() -> None:
    named = {
        (path, page)
        for package in ("runner", "tracking_client", "tracking_server")
        for path in (ROOT / package).rglob("*.py")
        for page in re.findall(r"docs/[\w/.-]+\.md", path.read_text(encoding="utf-8"))
    }

    assert [str(path) for path, page in named if not (ROOT / page).exists()] == []


def test_the_readme_shows_exactly_two_commands_before_anything_else() -> None:
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)

    assert blocks[0] == "pip install . && runner run -e hyperopt examples/hyperparam\n"
    assert blocks[1] == "pip install '.[test]' && python -m pytest\n"


def test_every_command_that_the_readme_names_exists() -> None:
    readme = (ROOT / "README.md").read_text()
    known = {name.split()[1] for name, _ in commands(cli)}
    named = set(re.findall(r"`runner ([a-z]+)", readme)) - {"run"}

    assert named <= known


def test_nothing_in_the_repository_is_a_note_to_self() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b")
    files = [path for path in ROOT.rglob("*.py") if ".venv" not in path.parts and path != Path(__file__)]

    assert [str(path) for path in files if marks.search(path.read_text(encoding="utf-8"))] == []
