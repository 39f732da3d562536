"""From a project's environment files to a specification: order, values, and faults with their lines."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import ManifestError
from runner.manifest.conda_packages import pip_clause
from runner.manifest.dependencies import resolve_environment
from runner.model.environment import DeclaredEnvironment, DockerEnvironment, EnvironmentSpec, LocalSource
from runner.model.python_version import PythonRequest

NOTHING = DeclaredEnvironment()
NO_CONDA = {"PATH": "/nonexistent"}


def written(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        path = directory / name.replace("__", "/").replace("_dot_", ".")
        assert path.is_relative_to(directory)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def resolved(directory: Path, text: str, manager: str | None = None) -> EnvironmentSpec:
    (directory / "python_env.yaml").write_text(text)
    return resolve_environment(directory, NOTHING, manager)


def fault(directory: Path, text: str) -> ManifestError:
    with pytest.raises(ManifestError) as caught:
        resolved(directory, text)
    return caught.value


def test_a_project_without_files_gets_the_current_python_and_nothing_else(tmp_path: Path) -> None:
    spec = resolve_environment(tmp_path, NOTHING, None)
    assert (spec.kind, spec.python, spec.requirements) == ("virtualenv", platform.python_version(), ())


def test_the_order_of_sources_is_mlflows(tmp_path: Path) -> None:
    docker = DockerEnvironment(image="image")
    written(tmp_path, conda_dot_yaml="dependencies: [python=3.9]")
    assert resolve_environment(tmp_path, NOTHING, "virtualenv").python == "=3.9"
    written(tmp_path, python_env_dot_yaml="python: '3.10'")
    assert resolve_environment(tmp_path, NOTHING, None).python == "3.10"
    written(tmp_path, mine_dot_yaml="dependencies: [python=3.12]")
    named = DeclaredEnvironment(conda_env="mine.yaml")
    assert resolve_environment(tmp_path, named, "virtualenv").python == "=3.12"
    written(tmp_path, other_dot_yaml="python: '3.13'")
    named = DeclaredEnvironment(python_env="other.yaml")
    assert resolve_environment(tmp_path, named, None).python == "3.13"
    assert resolve_environment(tmp_path, DeclaredEnvironment(docker_env=docker), None).docker == docker


@pytest.mark.parametrize("text", ["3.10", "'3.10'", '"3.10"', "3.10  # a comment"])
def test_a_version_is_read_as_it_is_written_quoted_or_not(text: str, tmp_path: Path) -> None:
    assert resolved(tmp_path, f"python: {text}\n").python == "3.10"


def test_all_kinds_of_requirement_lines_are_read(tmp_path: Path) -> None:
    package = written(tmp_path / "pkg", pyproject_dot_toml="[project]\nname='p'\n")
    wheels = written(tmp_path / "wheels", a_dot_txt="")
    project = written(
        tmp_path / "project",
        requirements_dot_txt=(
            "six==1.16 # why\n\n# nothing\nlong \\\n  >= 2\n-c constraints.txt\n-r more/deep.txt\n"
        ),
        constraints_dot_txt="numpy<2\n",
        more__deep_dot_txt=(
            "--extra-index-url=https://host/simple\nrequests [socks] >= 2 ; python_version > '3'\n"
        ),
    )
    spec = resolved(
        project,
        "python: 3.11\nbuild_dependencies: [pip]\ndependencies:\n  - -r requirements.txt\n"
        "  - ../pkg[extra]\n  - -e ../pkg\n  - --find-links ../wheels\n"
        f"  - p @ file://{package}\n  - 'git+https://host/repo@main#egg=x'\n  - https://host/x.whl\n",
    )
    assert spec.build_requirements == ("pip",)
    assert spec.requirements == (
        "six==1.16",
        "long   >= 2",
        "--extra-index-url https://host/simple",
        "requests [socks] >= 2 ; python_version > '3'",
        "../pkg[extra]",
        "-e ../pkg",
        "--find-links ../wheels",
        f"p @ file://{package}",
        "git+https://host/repo@main#egg=x",
        "https://host/x.whl",
    )
    assert spec.constraints == ("numpy<2",)
    places = {source.requirement: source.directory for source in spec.local_sources}
    assert places == {
        "../pkg[extra]": str(package),
        "-e ../pkg": str(package),
        "--find-links ../wheels": str(wheels),
        f"p @ file://{package}": str(package),
    }


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ("python: 3.11\ndependancies: [six]\n", 2, "dependancies", "unknown key"),
        ("python: [3, 11]\n", 1, "python", "single value"),
        ("python: three\n", 1, "python", "not a Python version"),
        ("dependencies: six\n", 1, "dependencies", "list"),
        ("dependencies:\n  - six\n  - {pip: [a]}\n", 3, "dependencies", "line of text"),
        ("dependencies:\n  - six\n  - numpy=1.2\n", 3, "dependencies", "not a pip requirement"),
        ("dependencies:\n  - ./nowhere\n", 2, "dependencies", "does not exist"),
        ("dependencies:\n  - -r nowhere.txt\n", 2, "dependencies", "no file"),
        ("dependencies:\n  - --indexurl x\n", 2, "dependencies", "unknown option"),
        ("dependencies:\n  - --index-url\n", 2, "dependencies", "takes a value"),
        ("python: 3.11\npython: 3.12\n", 2, "python", "second time"),
        ("- six\n", 1, None, "mapping"),
        ("python: 3.11\n  bad: [\n", 2, None, "not YAML"),
    ],
)
def test_a_fault_is_named_with_file_line_and_key(
    text: str, line: int, key: str | None, words: str, tmp_path: Path
) -> None:
    error = fault(tmp_path, text)
    assert (error.path, error.line, error.key) == (tmp_path / "python_env.yaml", line, key)
    assert words in str(error)


def test_a_misspelt_key_is_suggested(tmp_path: Path) -> None:
    assert fault(tmp_path, "dependancies: []\n").hint == "did you mean 'dependencies'?"


def test_a_fault_in_an_included_file_is_named_there(tmp_path: Path) -> None:
    written(tmp_path, requirements_dot_txt="six\n\nnumpy=1.2\n")
    error = fault(tmp_path, "dependencies: [-r requirements.txt]\n")
    assert (error.path, error.line) == (tmp_path / "requirements.txt", 3)
    assert error.hint == "pip writes numpy==1.2"


def test_a_file_that_includes_itself_is_a_fault_and_not_a_loop(tmp_path: Path) -> None:
    written(tmp_path, a_dot_txt="-r b.txt\n", b_dot_txt="six\n-r a.txt\n")
    assert "includes itself" in str(fault(tmp_path, "dependencies: [-r a.txt]\n"))


def test_a_missing_environment_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"'gone\.yaml' does not exist") as caught:
        resolve_environment(tmp_path, DeclaredEnvironment(python_env="gone.yaml"), None)
    assert caught.value.key == "python_env"


@pytest.mark.parametrize("text", ["", "# nothing\n", "dependencies:\n", "python:\ndependencies: null\n"])
def test_empty_values_are_no_faults(text: str, tmp_path: Path) -> None:
    spec = resolved(tmp_path, text)
    assert spec.requirements == ()
    assert spec.python == platform.python_version()


def test_conda_is_the_manager_of_a_conda_file_where_it_is_there(tmp_path: Path) -> None:
    tool = written(tmp_path / "bin", micromamba="") / "micromamba"
    tool.chmod(0o755)
    project = written(
        tmp_path / "project",
        conda_dot_yaml=(
            "name: x\nchannels: [conda-forge]\ndependencies:\n- python=3.10\n- numpy\n- pip:\n  - six\n"
        ),
    )
    spec = resolve_environment(project, NOTHING, None, environ={"PATH": str(tool.parent)})
    assert spec.kind == "conda"
    assert spec.requirements == ("six",)
    described = json.loads(dict(spec.files)["conda.yaml"])
    assert described["channels"] == ["conda-forge"]
    assert described["dependencies"] == ["python=3.10", "numpy"]


def test_without_conda_the_error_offers_virtualenv(tmp_path: Path) -> None:
    written(tmp_path, conda_dot_yaml="dependencies: [python=3.10]")
    with pytest.raises(ManifestError, match="none of mamba, micromamba, conda is on PATH") as caught:
        resolve_environment(tmp_path, NOTHING, None, environ=NO_CONDA)
    assert caught.value.hint is not None
    assert "--env-manager virtualenv" in caught.value.hint


def test_a_conda_file_is_translated_for_virtualenv_and_what_is_lost_is_said(tmp_path: Path) -> None:
    written(
        tmp_path,
        conda_dot_yaml=(
            "name: mine\nchannels: [defaults]\ndependencies:\n  - python=3.8.16\n  - numpy=1.21\n"
            "  - pytorch::pytorch>=1.8,<2\n  - scikit-learn=1.0.2=py38h51133e4_1\n  - cudatoolkit=11.1\n"
            "  - pip\n  - pandas 1.3|1.4\n  - scipy\n  - pip:\n    - mlflow>=1.0\n    - scipy==1.7\n"
        ),
    )
    spec = resolve_environment(tmp_path, NOTHING, "virtualenv")
    assert spec.python == "=3.8.16"
    assert spec.requirements == (
        "numpy==1.21.*",
        "torch>=1.8,<2",
        "scikit-learn==1.0.2",
        "pandas",
        "mlflow>=1.0",
        "scipy==1.7",
    )
    assert len(spec.notes) == 2
    assert "conda.yaml:8" in spec.notes[0]
    assert "'cudatoolkit'" in spec.notes[0]
    assert "'pandas'" in spec.notes[1]


@pytest.mark.parametrize(
    ("conda", "pip"),
    [
        ("", ""),
        ("=1.2", "==1.2.*"),
        ("1.2", "==1.2.*"),
        ("=1.2.3", "==1.2.3"),
        ("=1.2=build_0", "==1.2"),
        ("1.2 build_0", "==1.2"),
        ("==1.2", "==1.2"),
        (">=1.2", ">=1.2"),
        (">=1.2, <2", ">=1.2,<2"),
        ("=1.2.*", "==1.2.*"),
        ("1.2|1.3", None),
    ],
)
def test_conda_versions_in_pips_words(conda: str, pip: str | None) -> None:
    assert pip_clause(conda) == pip


def test_a_project_with_a_docker_env_takes_docker_or_local_only(tmp_path: Path) -> None:
    declared = DeclaredEnvironment(docker_env=DockerEnvironment(image="image"))
    assert resolve_environment(tmp_path, declared, "docker").kind == "docker"
    assert resolve_environment(tmp_path, declared, "local").kind == "local"
    for manager in ("virtualenv", "uv", "conda"):
        with pytest.raises(ManifestError, match=manager):
            resolve_environment(tmp_path, declared, manager)
    with pytest.raises(ManifestError, match="declares no docker_env"):
        resolve_environment(tmp_path, NOTHING, "docker")


def test_an_unknown_manager_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        resolve_environment(tmp_path, NOTHING, "virtualnev")
    assert caught.value.hint == "did you mean 'virtualenv'?"


def test_uv_prefers_the_lock_then_the_declared_file_then_pyproject(tmp_path: Path) -> None:
    written(tmp_path, pyproject_dot_toml="[project]\nname='x'\nrequires-python = '>=3.10'\n")
    assert [name for name, _ in resolve_environment(tmp_path, NOTHING, "uv").files] == ["pyproject.toml"]
    written(tmp_path, python_env_dot_yaml="dependencies: [six]")
    assert resolve_environment(tmp_path, NOTHING, "uv").requirements == ("six",)
    written(tmp_path, uv_dot_lock="version = 1\n")
    spec = resolve_environment(tmp_path, NOTHING, "uv")
    assert [name for name, _ in spec.files] == ["pyproject.toml", "uv.lock"]
    assert spec.python == ">=3.10"
    assert resolve_environment(tmp_path, NOTHING, None).requirements == ("six",)


# Identity


def git(directory: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=directory, check=True, capture_output=True)


def packaged(tmp_path: Path) -> tuple[Path, Path]:
    repository = written(
        tmp_path / "repository",
        pyproject_dot_toml="[project]\nname='x'\n",
        src__module_dot_py="x = 1\n",
        _dot_gitignore="*.log\n",
        example__python_env_dot_yaml="dependencies: ['..']\n",
        example__train_dot_py="print()\n",
    )
    return repository, repository / "example"


def fingerprint(project: Path) -> str:
    return resolve_environment(project, NOTHING, None).fingerprint()


def test_what_counts_in_a_local_package_changes_the_environment_and_nothing_else_does(tmp_path: Path) -> None:
    repository, project = packaged(tmp_path)
    git(repository, "init", "--quiet")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "first")
    committed = fingerprint(project)
    written(repository, out_dot_log="ignored\n", _dot_ci__run="hidden\n")
    written(repository / "src" / "__pycache__", x_dot_pyc="left\n")
    written(project, train_dot_py="print('it is run where it stands')\n")
    written(repository, mlruns_dot_db="a tracking store", plots__loss_dot_png="an output")
    assert fingerprint(project) == committed
    written(repository, src__module_dot_py="x = 2\n")
    changed = fingerprint(project)
    assert changed != committed
    git(repository, "commit", "--quiet", "-a", "-m", "second")
    assert fingerprint(project) == changed, "the same content, committed"
    written(repository, src__untracked_dot_py="y = 1\n")
    assert fingerprint(project) not in (committed, changed)
    (repository / "src" / "untracked.py").unlink()
    assert fingerprint(project) == changed
    written(repository / "src" / "package", table_dot_csv="1,2\n")
    assert fingerprint(project) == changed
    (repository / "src" / "package" / "__init__.py").touch()
    with_package = fingerprint(project)
    written(repository / "src" / "package", table_dot_csv="1,3\n")
    assert fingerprint(project) not in (changed, with_package)
    shutil.rmtree(repository / "src" / "package")
    (repository / "src" / "module.py").chmod(0o755)
    assert fingerprint(project) not in (committed, changed)
    (repository / "src" / "module.py").unlink()
    assert fingerprint(project) not in (committed, changed)


def test_a_copy_without_its_repository_is_the_same_package(tmp_path: Path) -> None:
    repository, project = packaged(tmp_path)
    git(repository, "init", "--quiet")
    git(repository, "add", ".")
    with_git = fingerprint(project)
    shutil.rmtree(repository / ".git")
    assert fingerprint(project) == with_git
    shutil.copytree(repository, tmp_path / "copy")
    assert fingerprint(tmp_path / "copy" / "example") == with_git


def test_an_editable_package_is_its_place_and_what_is_read_at_installation(tmp_path: Path) -> None:
    repository, project = packaged(tmp_path)
    written(project, python_env_dot_yaml="dependencies: [-e ..]\n")
    before = fingerprint(project)
    written(repository, src__module_dot_py="x = 2\n")
    assert fingerprint(project) == before
    shutil.copytree(repository, tmp_path / "copy")
    assert fingerprint(tmp_path / "copy" / "example") != before
    written(repository, pyproject_dot_toml="[project]\nname='y'\n")
    assert fingerprint(project) != before


def test_another_archive_or_another_choice_of_archives_is_another_environment(tmp_path: Path) -> None:
    written(tmp_path, wheels__a_dot_whl="one", python_env_dot_yaml="dependencies: [./wheels/a.whl]\n")
    first = fingerprint(tmp_path)
    written(tmp_path, wheels__a_dot_whl="two")
    assert fingerprint(tmp_path) != first
    written(tmp_path, python_env_dot_yaml="dependencies: [--find-links wheels, a]\n")
    first = fingerprint(tmp_path)
    written(tmp_path, wheels__b_dot_whl="")
    assert fingerprint(tmp_path) != first


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
lines = st.lists(texts, max_size=4).map(tuple)
specs = st.builds(
    EnvironmentSpec,
    kind=st.sampled_from(["virtualenv", "uv", "conda"]),
    python=st.none() | texts,
    build_requirements=lines,
    requirements=lines,
    constraints=lines,
    files=st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
    directory=texts,
    notes=lines,
)


@given(specs, texts, lines)
def test_the_fingerprint_is_stable_and_ignores_place_and_notes(
    spec: EnvironmentSpec, directory: str, notes: tuple[str, ...]
) -> None:
    assert spec.fingerprint() == replace(spec, directory=directory, notes=notes).fingerprint()
    assert len(spec.fingerprint()) == 32


@given(specs, specs)
def test_specifications_that_differ_in_what_counts_have_other_fingerprints(
    first: EnvironmentSpec, second: EnvironmentSpec
) -> None:
    def counts(spec: EnvironmentSpec) -> EnvironmentSpec:
        return replace(spec, directory="", notes=())

    assert (counts(first) == counts(second)) == (first.fingerprint() == second.fingerprint())


@given(lines, lines)
def test_moving_a_line_between_lists_makes_another_environment(
    first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    one = EnvironmentSpec(kind="uv", build_requirements=first, requirements=second)
    other = EnvironmentSpec(kind="uv", build_requirements=(*first, "x"), requirements=second)
    third = EnvironmentSpec(kind="uv", build_requirements=first, requirements=("x", *second))
    assert len({one.fingerprint(), other.fingerprint(), third.fingerprint()}) == 3


def test_a_new_token_in_an_index_url_makes_no_new_environment() -> None:
    first, second, third = (
        EnvironmentSpec(kind="uv", requirements=(f"--index-url https://{credentials}host/simple",))
        for credentials in ("", "user:token@", "user:other@")
    )
    assert first.fingerprint() == second.fingerprint() == third.fingerprint()


def test_where_a_copied_source_lies_does_not_matter_but_its_content_does() -> None:
    def spec(directory: str, digest: str) -> EnvironmentSpec:
        source = LocalSource(requirement="./p", directory=directory, digest=digest)
        return EnvironmentSpec(kind="uv", requirements=("./p",), local_sources=(source,))

    assert spec("/a", "1").fingerprint() == spec("/b", "1").fingerprint()
    assert spec("/a", "1").fingerprint() != spec("/a", "2").fingerprint()


@pytest.mark.parametrize(
    ("request_text", "admitted", "refused"),
    [
        ("3", (3, 8, 0), (2, 7, 18)),
        ("3.1", (3, 1, 4), (3, 10, 0)),
        ("3.11", (3, 11, 7), (3, 12, 0)),
        ("3.11.7", (3, 11, 7), (3, 11, 8)),
        ("=3.8.*", (3, 8, 2), (3, 9, 0)),
        (">=3.9,<3.12", (3, 11, 9), (3, 12, 0)),
        ("~=3.9", (3, 12, 0), (4, 0, 0)),
        ("~=3.9.2", (3, 9, 5), (3, 10, 0)),
        ("!=3.10", (3, 11, 0), (3, 10, 4)),
        (">3.10", (3, 11, 0), (3, 10, 4)),
        ("<=3.10", (3, 10, 4), (3, 11, 0)),
    ],
)
def test_a_request_admits_what_it_says(
    request_text: str, admitted: tuple[int, int, int], refused: tuple[int, int, int]
) -> None:
    request = PythonRequest.parse(request_text)
    assert request.admits(admitted)
    assert not request.admits(refused)


@given(st.text(max_size=20))
def test_any_text_is_a_request_or_a_value_error(text: str) -> None:
    try:
        request = PythonRequest.parse(text)
    except ValueError as error:
        assert "not a Python version" in str(error)  # noqa: PT017  # both outcomes are right
    else:
        assert isinstance(request.admits((3, 11, 7)), bool)
