"""Real environments, built by virtualenv and uv from wheels made here."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from runner.environments.current import inheritance, inherited
from runner.environments.installer import find_uv
from runner.environments.marker import read_marker
from runner.errors import EnvironmentBuildError, InterpreterNotFound
from runner.events import Event, Warned, ignore
from runner.manifest.dependencies import resolve_environment
from runner.model.environment import DeclaredEnvironment, Environment, EnvironmentSpec
from tests.runner.environments.wheels import make_local_package, make_wheel
from tests.runner.environments.workshop import PYTHON, Workshop


def python_says(environment: Environment, code: str, workshop: Workshop) -> str:
    done = subprocess.run(
        ["python", "-c", code],
        env=environment.environ(workshop.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("kind", ["virtualenv", "uv"])
def test_an_environment_holds_what_was_asked_for_and_is_found_again(kind: str, workshop: Workshop) -> None:
    make_wheel(workshop.wheels, "tiny", "2.5", requires=("other>=1",))
    make_wheel(workshop.wheels, "other", "1.2")
    spec = workshop.spec("tiny", kind=kind)
    environment, built = workshop.ensure(spec)
    assert built
    assert (
        python_says(environment, "import tiny, other; print(tiny.version, other.version)", workshop)
        == "2.5 1.2"
    )
    assert environment.lock == f"# python {PYTHON}\nother==1.2\ntiny==2.5\n"
    assert environment.kind == kind
    again, built = workshop.ensure(spec)
    assert not built
    assert again == environment


def test_bytecode_is_compiled_at_the_build(workshop: Workshop) -> None:
    make_wheel(workshop.wheels, "tiny")
    environment, _ = workshop.ensure(workshop.spec("tiny"))
    assert environment.directory is not None
    assert list(environment.directory.glob("lib/python*/site-packages/tiny/__pycache__/*.pyc"))


def test_pip_fills_the_environment_where_uv_is_not_wanted(workshop: Workshop) -> None:
    make_wheel(workshop.wheels, "tiny")
    environment, built = workshop.ensure(workshop.spec("tiny"), RUNNER_INSTALLER="pip")
    assert built
    assert python_says(environment, "import tiny; print(tiny.version)", workshop) == "1.0"
    assert "tiny==1.0\n" in environment.lock


def test_an_environment_has_nothing_that_was_not_asked_for(workshop: Workshop) -> None:
    environment, _ = workshop.ensure(workshop.spec())
    assert environment.lock == f"# python {PYTHON}\n"
    assert environment.python is not None
    assert subprocess.run([environment.python, "-m", "pip"], capture_output=True).returncode != 0


def test_scripts_of_packages_are_found_and_start_with_the_environments_python(workshop: Workshop) -> None:
    wheel = make_wheel(workshop.wheels, "tiny")
    import zipfile

    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("tiny-1.0.dist-info/entry_points.txt", "[console_scripts]\nsay=tiny:say\n")
        archive.writestr("tiny/say.py", "")
        archive.writestr("tiny-1.0.data/scripts/where", "#!python\nimport sys; print(sys.prefix)\n")
    environment, _ = workshop.ensure(workshop.spec("tiny"))
    done = subprocess.run(
        ["where"], env=environment.environ(workshop.environ), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(environment.directory)


def test_variables_that_would_mislead_python_are_taken_away_and_pythonpath_stays(workshop: Workshop) -> None:
    environment, _ = workshop.ensure(workshop.spec())
    base = {**workshop.environ, "PYTHONHOME": "/nowhere", "__PYVENV_LAUNCHER__": "/x", "PYTHONPATH": "/mine"}
    environ = environment.environ(base)
    assert "PYTHONHOME" not in environ
    assert "__PYVENV_LAUNCHER__" not in environ
    assert environ["PYTHONPATH"] == "/mine"
    assert environ["VIRTUAL_ENV"] == str(environment.directory)
    assert environ["PATH"].split(":")[0] == f"{environment.directory}/bin"


def test_a_build_is_not_led_astray_by_the_callers_variables(workshop: Workshop, tmp_path: Path) -> None:
    make_wheel(workshop.wheels, "tiny")
    environment, built = workshop.ensure(
        workshop.spec("tiny"),
        VIRTUAL_ENV=str(tmp_path / "other"),
        CONDA_PREFIX=str(tmp_path / "other"),
        PYTHONPATH=str(tmp_path / "other"),
        UV_PYTHON="2.7",
        UV_PROJECT_ENVIRONMENT=str(tmp_path / "other"),
        PIP_TARGET=str(tmp_path / "other"),
        VIRTUALENV_SYSTEM_SITE_PACKAGES="1",
    )
    assert built
    assert not (tmp_path / "other").exists()
    assert "tiny==1.0" in environment.lock
    config = (environment.directory or tmp_path) / "pyvenv.cfg"
    assert "include-system-site-packages = false" in config.read_text()


def test_an_unknown_package_is_named_with_the_log_and_nothing_is_left(workshop: Workshop) -> None:
    make_wheel(workshop.wheels, "tiny")
    spec = workshop.spec("tiny", "no-such-thing==9")
    with pytest.raises(EnvironmentBuildError) as caught:
        workshop.ensure(spec)
    message = str(caught.value)
    assert "'no-such-thing==9'" in message.splitlines()[0]
    assert "'tiny'" not in message.splitlines()[0]
    assert caught.value.log_path is not None
    assert "no-such-thing" in caught.value.log_path.read_text()
    left = {path.name for path in workshop.entry(spec).directory.iterdir()}
    assert left == {"failure.json"}


def test_a_fixed_fault_builds_although_it_failed_before(workshop: Workshop) -> None:
    spec = workshop.spec("tiny")
    with pytest.raises(EnvironmentBuildError):
        workshop.ensure(spec)
    make_wheel(workshop.wheels, "tiny")
    assert workshop.ensure(spec)[1]
    assert not (workshop.entry(spec).directory / "failure.json").exists()


def test_packages_that_do_not_fit_together_are_a_warning(workshop: Workshop) -> None:
    make_wheel(workshop.wheels, "old", "1.0")
    make_wheel(workshop.wheels / "first", "old", "2.0")
    make_wheel(workshop.wheels / "first", "tiny", requires=("old>=2",))
    heard: list[Event] = []
    first = ("--no-index", f"--find-links {workshop.wheels / 'first'}", "tiny")
    environment, _ = workshop.ensure(
        replace(workshop.spec("old==1.0"), build_requirements=first), heard.append
    )
    assert environment.lock.endswith("old==1.0\ntiny==1.0\n")
    assert any(isinstance(event, Warned) and "`tiny`" in event.message for event in heard)


def test_a_missing_interpreter_names_those_that_are_there(workshop: Workshop) -> None:
    with pytest.raises(InterpreterNotFound) as caught:
        workshop.ensure(workshop.spec(python="3.99"))
    assert PYTHON in caught.value.found
    assert caught.value.hint is not None
    assert "uv python install 3.99" in caught.value.hint


def test_another_patch_release_takes_a_missing_ones_place_with_a_warning(workshop: Workshop) -> None:
    heard: list[Event] = []
    wanted = ".".join(PYTHON.split(".")[:2]) + ".99"
    environment, _ = workshop.ensure(workshop.spec(python=wanted), heard.append)
    assert environment.lock.startswith("# python " + wanted.removesuffix("99"))
    assert any(isinstance(event, Warned) and wanted in event.message for event in heard)


def test_credentials_of_an_index_reach_neither_argv_nor_log_nor_error(workshop: Workshop) -> None:
    url = "http://joe:s3cretpw@127.0.0.1:9/simple"
    spec = replace(workshop.spec(), requirements=(f"--index-url {url}", "tiny"))
    with pytest.raises(EnvironmentBuildError) as caught:
        workshop.ensure(spec, UV_HTTP_TIMEOUT="1", UV_HTTP_RETRIES="0")
    assert "s3cretpw" not in str(caught.value)
    for path in workshop.cache_dir.rglob("*"):
        if path.is_file():
            assert b"s3cretpw" not in path.read_bytes(), path


def test_a_changed_local_package_is_another_environment_with_the_new_content(
    workshop: Workshop, tmp_path: Path
) -> None:
    package = make_local_package(tmp_path / "a package's home", "first")
    project = tmp_path / "project"
    project.mkdir()
    (project / "python_env.yaml").write_text(
        f'python: "{PYTHON}"\ndependencies:\n  - --no-index\n  - "../a package\'s home"\n'
    )

    def resolved() -> EnvironmentSpec:
        return resolve_environment(project, DeclaredEnvironment(), None)

    before = resolved()
    environment, _ = workshop.ensure(before)
    assert python_says(environment, "import localpkg; print(localpkg.value)", workshop) == "first"
    assert f"sha256:{before.local_sources[0].digest}" in environment.lock
    stamp = os.stat(package / "module.py")
    (package / "module.py").write_text("value = 'other'\n")
    os.utime(package / "module.py", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # only the content tells
    after = resolved()
    assert after.fingerprint() != before.fingerprint()
    environment, built = workshop.ensure(after)
    assert built
    assert python_says(environment, "import localpkg; print(localpkg.value)", workshop) == "other"
    assert sorted(path.name for path in package.iterdir()) == ["backend.py", "module.py", "pyproject.toml"]


def test_a_nested_run_uses_its_parents_environment_without_the_cache(workshop: Workshop) -> None:
    spec = workshop.spec()
    environment, _ = workshop.ensure(spec)
    child = {**environment.environ(workshop.environ), **inheritance(environment)}
    assert inherited(child, spec) == environment
    assert inherited(child, workshop.spec(python=PYTHON.rpartition(".")[0])) is None
    assert inherited(workshop.environ, spec) is None
    nowhere = replace(workshop, cache_dir=workshop.cache_dir / "nowhere")
    assert nowhere.ensure(spec, ignore, **child) == (environment, False)
    assert not nowhere.cache_dir.exists()


def test_a_ready_environment_is_had_in_a_few_milliseconds(workshop: Workshop) -> None:
    spec = workshop.spec()
    workshop.ensure(spec)
    started = time.perf_counter()
    for _ in range(20):
        workshop.ensure(spec)
    assert (time.perf_counter() - started) / 20 < 0.02


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"format": 1}', '{"format": 99}', '{"format": 1, "prefix": 3}', "\0" * 40],
    ids=["empty", "cut", "list", "bare", "future", "types", "zeros"],
)
def test_a_broken_marker_means_not_ready_and_the_environment_is_built_anew(
    text: str, workshop: Workshop
) -> None:
    spec = workshop.spec()
    entry = workshop.entry(spec)
    entry.directory.mkdir(parents=True)
    entry.marker.write_text(text)
    environment, built = workshop.ensure(spec)
    assert built
    assert read_marker(entry.marker) is not None
    assert workshop.ensure(spec) == (environment, False)


def test_an_environment_whose_python_is_gone_is_built_anew(workshop: Workshop) -> None:
    spec = workshop.spec()
    environment, _ = workshop.ensure(spec)
    assert environment.python is not None
    environment.python.unlink()
    again, built = workshop.ensure(spec)
    assert built
    assert again.python is not None
    assert again.python.exists()


def test_a_moved_cache_is_not_trusted(workshop: Workshop, tmp_path: Path) -> None:
    spec = workshop.spec()
    workshop.ensure(spec)
    workshop.cache_dir.rename(tmp_path / "elsewhere")
    environment, built = replace(workshop, cache_dir=tmp_path / "elsewhere").ensure(spec)
    assert built
    assert str(environment.python).startswith(str(tmp_path / "elsewhere"))


def test_a_locked_project_gets_what_its_lock_names(workshop: Workshop, tmp_path: Path) -> None:
    make_wheel(workshop.wheels, "tiny", "1.0")
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        f'[project]\nname = "it"\nversion = "0"\nrequires-python = "=={PYTHON}"\ndependencies = ["tiny"]\n'
        f'[tool.uv]\nno-index = true\nfind-links = ["{workshop.wheels}"]\n'
    )
    uv = find_uv(workshop.environ)
    assert uv is not None
    subprocess.run([uv, "lock", "--quiet"], cwd=project, env=workshop.environ, check=True, timeout=60)
    make_wheel(workshop.wheels, "tiny", "2.0")
    before = {path.name: path.read_bytes() for path in project.iterdir()}
    spec = resolve_environment(project, DeclaredEnvironment(), "uv")
    assert spec.python == f"=={PYTHON}"
    environment, _ = workshop.ensure(spec)
    assert environment.lock == f"# python {PYTHON}\ntiny==1.0\n"
    (project / "uv.lock").unlink()
    spec = resolve_environment(project, DeclaredEnvironment(), "uv")
    environment, _ = workshop.ensure(spec)
    assert environment.lock == f"# python {PYTHON}\ntiny==2.0\n"
    del before["uv.lock"]
    assert {path.name: path.read_bytes() for path in project.iterdir()} == before
