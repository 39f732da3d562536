"""Requirement lines and index settings as an installer on this machine gets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.environments.pip_settings import as_uv_variables
from runner.environments.requirements import plan_installation, split_for_uv, write_private
from runner.model.environment import EnvironmentSpec, LocalSource


def planned(line: str, directory: Path, staging: Path, *, editable: bool = False) -> str:
    source = LocalSource(requirement=line, directory=str(directory), digest="0", editable=editable)
    spec = EnvironmentSpec(kind="virtualenv", requirements=(line,), local_sources=(source,))
    (result,) = plan_installation(spec, staging).lines(spec.requirements)
    return result


@pytest.mark.parametrize("name", ["plain", "a'; echo \"c", "wei$rd dir", "größe"])
def test_an_editable_path_is_absolute_and_safe_in_a_requirements_file(name: str, tmp_path: Path) -> None:
    directory = tmp_path / name
    directory.mkdir()
    line = planned("-e ../x[extra]", directory, tmp_path / "staging", editable=True)
    assert line.startswith("-e ")
    assert line.endswith("[extra]")
    assert " " not in line.removeprefix("-e ")
    if name == "plain":
        assert line == f"-e {directory}[extra]"
    else:
        assert line.startswith("-e file:///")


def test_a_marker_and_a_name_stay_where_they_stood(tmp_path: Path) -> None:
    directory = tmp_path / "p"
    directory.mkdir()
    (directory / "setup.py").write_text("")
    staging = tmp_path / "staging"
    copy = staging / "sources" / "0" / "p"
    assert planned("../p ; python_version > '3'", directory, staging) == f"{copy} ; python_version > '3'"
    assert planned(f"x[a] @ file://{directory}", directory, staging) == f"x[a] @ file://{copy}"
    assert (copy / "setup.py").exists()


@pytest.mark.parametrize(
    "text",
    [
        'requires = ["setuptools_scm"]',
        "[tool.uv.sources]",
        'readme = "../README.md"',
        "[tool.hatch.version]\nsource = 'vcs'",
    ],
)
def test_a_package_that_is_bound_to_its_place_is_built_there(text: str, tmp_path: Path) -> None:
    directory = tmp_path / "p"
    directory.mkdir()
    (directory / "pyproject.toml").write_text(text)
    source = LocalSource(requirement="./p", directory=str(directory), digest="0")
    spec = EnvironmentSpec(kind="virtualenv", requirements=("./p",), local_sources=(source,))
    plan = plan_installation(spec, tmp_path / "staging")
    assert plan.rebuild
    assert plan.lines(spec.requirements) == [str(directory)]


def test_options_that_uv_reads_from_no_file_become_variables() -> None:
    kept, variables = split_for_uv(
        [
            "--index-url https://h/simple",
            "--trusted-host a",
            "--trusted-host b",
            "--pre",
            "--prefer-binary",
            "six",
        ]
    )
    assert kept == ["--index-url https://h/simple", "six"]
    assert variables == {"UV_INSECURE_HOST": "a b", "UV_PRERELEASE": "allow"}


def test_a_file_of_requirements_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = write_private(tmp_path / "r.txt", ["a", "b"])
    assert path.read_text() == "a\nb\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_indexes_configured_for_pip_count_where_none_are_for_uv(tmp_path: Path) -> None:
    configuration = tmp_path / ".config" / "pip" / "pip.conf"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(
        "[global]\nindex-url = https://u:p@mine/simple\nextra_index_url =\n  https://a\n  https://b\n"
    )
    environ = {"HOME": str(tmp_path), "PIP_FIND_LINKS": "/x /y", "PIP_NO_INDEX": "0"}
    found = as_uv_variables(environ)
    assert found["UV_INDEX_URL"] == "https://u:p@mine/simple"
    assert found["UV_EXTRA_INDEX_URL"] == "https://a https://b"
    assert found["UV_FIND_LINKS"] == "/x,/y"
    assert "UV_NO_INDEX" not in found
    assert as_uv_variables({**environ, "PIP_INDEX_URL": "https://other"})["UV_INDEX_URL"] == "https://other"
    assert as_uv_variables({**environ, "UV_DEFAULT_INDEX": "https://uv"}) == {}
    assert "UV_INDEX_URL" not in as_uv_variables({**environ, "PIP_CONFIG_FILE": "/dev/null"})
    (tmp_path / ".config" / "uv").mkdir()
    (tmp_path / ".config" / "uv" / "uv.toml").write_text("")
    assert "UV_INDEX_URL" not in as_uv_variables(environ)
