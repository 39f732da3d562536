"""conda and docker as far as they can be tested without them.

Neither can be had where these tests run, so small executables stand in for them and write down what they were
called with. What the real ones make of it is tested at the end, where they are there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from runner.environments.docker import build_image, container_argv, open_docker, stop_container
from runner.errors import EnvironmentBuildError, RequestError
from runner.events import ignore
from runner.manifest.dependencies import resolve_environment
from runner.model.environment import DeclaredEnvironment, DockerEnvironment, Environment, EnvironmentSpec
from tests.runner.environments.workshop import PYTHON, Workshop

STAND_IN = """#!{python}
import json, os, sys
from pathlib import Path
with open({record!r}, "a") as record:
    record.write(json.dumps({{"argv": sys.argv[1:], "environ": dict(os.environ)}}) + "\\n")
{behaviour}
"""
CONDA = """
arguments = sys.argv[1:]
if "--file" in arguments:
    Path({kept!r}).write_text(Path(arguments[arguments.index("--file") + 1]).read_text())
    prefix = Path(arguments[arguments.index("--prefix") + 1])
    import subprocess
    argv = [sys.executable, "-m", "virtualenv", "-q", "--no-seed", "--app-data", str(prefix) + ".app"]
    subprocess.run([*argv, str(prefix)], check=True)
    import shutil
    shutil.rmtree(str(prefix) + ".app")
    scripts = prefix / "etc" / "conda" / "activate.d"
    scripts.mkdir(parents=True)
    (scripts / "a.sh").write_text('export GDAL_DATA="$CONDA_PREFIX/share/a b"\\necho noise\\n')
elif "--explicit" in arguments:
    print("@EXPLICIT\\nhttps://user:secret1@host/pkgs/numpy-1.0.tar.bz2#abc")
"""


def stand_in(directory: Path, name: str, behaviour: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    record = directory / f"{name}.calls"
    path = directory / name
    path.write_text(STAND_IN.format(python=sys.executable, record=str(record), behaviour=behaviour))
    path.chmod(0o755)
    record.touch()
    return record


def calls(record: Path) -> list[list[str]]:
    return [json.loads(line)["argv"] for line in record.read_text().splitlines()]


@pytest.mark.parametrize(
    ("tool", "command"),
    [("conda", ["env", "create"]), ("mamba", ["env", "create"]), ("micromamba", ["create"])],
)
def test_whichever_conda_is_there_makes_the_environment(
    tool: str, command: list[str], workshop: Workshop, tmp_path: Path
) -> None:
    kept = tmp_path / "environment.yml"
    record = stand_in(tmp_path / "bin", tool, CONDA.format(kept=str(kept)))
    project = tmp_path / "project"
    project.mkdir()
    (project / "conda.yaml").write_text(
        "channels: [c]\ndependencies: [python=3.11, numpy, pip: [six]]\nvariables: {MODE: fast}\n"
    )
    path = f"{tmp_path / 'bin'}:{workshop.environ['PATH']}"
    spec = resolve_environment(project, DeclaredEnvironment(), None, environ={"PATH": path})
    environment, built = workshop.ensure(spec, PATH=path)
    assert built
    first, second = calls(record)
    assert first[: len(command)] == command
    assert second[:2] == ["list", "--explicit"]
    file = json.loads(kept.read_text())
    assert file["channels"] == ["c"]
    assert file["dependencies"][:3] == ["python=3.11", "numpy", "pip"]
    assert list(file["dependencies"][3]) == ["pip"]
    assert environment.directory is not None
    variables = environment.environ({"PATH": "/bin"})
    assert variables["CONDA_PREFIX"] == str(environment.directory)
    assert variables["MODE"] == "fast"
    assert variables["GDAL_DATA"] == f"{environment.directory}/share/a b"
    assert variables["PATH"] == f"{environment.directory}/bin:/bin"
    assert "numpy-1.0" in environment.lock
    assert "secret1" not in environment.lock
    assert f"# python {PYTHON}" in environment.lock
    assert workshop.ensure(spec, PATH=path) == (environment, False)
    assert len(calls(record)) == 2, "a ready environment asks nobody"


def test_a_conda_that_went_away_is_an_error_that_offers_virtualenv(workshop: Workshop) -> None:
    spec = EnvironmentSpec(kind="conda", files=(("conda.yaml", '{"channels": [], "dependencies": []}'),))
    with pytest.raises(EnvironmentBuildError) as caught:
        workshop.ensure(spec, PATH="/nonexistent")
    assert caught.value.hint is not None
    assert "--env-manager virtualenv" in caught.value.hint


DOCKER = """
state = Path({state!r})
arguments = sys.argv[1:]
if arguments[:2] == ["image", "inspect"]:
    if not state.exists():
        print("Error: No such image: " + arguments[-1], file=sys.stderr)
        sys.exit(1)
    print("sha256:abc image@sha256:def")
elif arguments[0] in ("pull", "build"):
    state.touch()
    if arguments[0] == "build":
        Path({state!r} + ".dockerfile").write_text(Path(arguments[arguments.index("--file") + 1]).read_text())
"""


def docker(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    record = stand_in(tmp_path / "bin", "docker", DOCKER.format(state=str(tmp_path / "there")))
    return record, {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "TOKEN": "t0psecret", "HOME": str(tmp_path)}


def docker_spec(
    tmp_path: Path, *environment: tuple[str, str | None], image: str = "image:1"
) -> EnvironmentSpec:
    declared = DockerEnvironment(image=image, volumes=("./data:/data", "named:/x"), environment=environment)
    return EnvironmentSpec(kind="docker", docker=declared, directory=str(tmp_path))


def opened(spec: EnvironmentSpec, tmp_path: Path, environ: dict[str, str]) -> tuple[Environment, bool]:
    return open_docker(spec, cache_dir=tmp_path / "cache", environ=environ, listener=ignore, timeout_s=30)


def test_values_of_variables_are_never_in_dockers_arguments(tmp_path: Path) -> None:
    record, environ = docker(tmp_path)
    spec = docker_spec(tmp_path, ("TOKEN", None), ("MODE", "a value = 'x'"))
    environment, pulled = opened(spec, tmp_path, environ)
    assert pulled
    argv = list(environment.prefix_argv)
    assert "t0psecret" not in " ".join([*argv, *map(str, calls(record))])
    assert argv[1:4] == ["run", "--rm", "--init"]
    assert argv[-1] == "image:1"
    assert argv[argv.index("TOKEN") - 1] == "--env"
    assert argv[argv.index("MLFLOW_RUN_ID") - 1] == "--env"
    file = Path(argv[argv.index("--env-file") + 1])
    assert file.read_text() == "MODE=a value = 'x'\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert f"{tmp_path}/data:/data" in argv
    assert "named:/x" in argv
    assert environment.lock.splitlines()[1:] == ["image:1", "sha256:abc image@sha256:def"]
    assert not opened(spec, tmp_path, environ)[1], "an image that is there is not pulled"


def test_a_variable_that_is_not_set_on_the_host_is_an_error(tmp_path: Path) -> None:
    _, environ = docker(tmp_path)
    with pytest.raises(EnvironmentBuildError, match="MISSING"):
        opened(docker_spec(tmp_path, ("MISSING", None)), tmp_path, environ)


def test_docker_arguments_follow_mlflows_rule(tmp_path: Path) -> None:
    _, environ = docker(tmp_path)
    environment, _ = opened(docker_spec(tmp_path), tmp_path, environ)
    argv = container_argv(
        environment,
        name="run-1",
        docker_args={"gpus": "all", "v": "/a:/b", "t": True, "privileged": False},
        host_network=True,
    )
    assert argv[-1] == "image:1"
    start = argv.index("--name")
    assert argv[start:-1] == (
        *("--name", "run-1", "--network", "host"),
        *("--gpus", "all", "-v", "/a:/b", "-t"),
    )
    assert "host" not in container_argv(
        environment, name="r", docker_args={"network": "none"}, host_network=True
    )
    with pytest.raises(RequestError):
        container_argv(environment, name="r", docker_args={"x --rm": True})


def test_an_image_of_an_edited_tree_is_not_that_of_its_commit(tmp_path: Path) -> None:
    record, environ = docker(tmp_path)

    def built(commit: str | None, dirty: str | None) -> str:
        spec = build_image(
            docker_spec(tmp_path),
            project_name="My Project!",
            commit=commit,
            dirty_digest=dirty,
            cache_dir=tmp_path / "cache",
            environ=environ,
        )
        assert spec.docker is not None
        return spec.docker.image

    assert built("0123456789", None) == "my-project:0123456"
    assert built("0123456789", "fedcba9876543210") == "my-project:0123456-fedcba987654"
    assert built(None, None) == "my-project:uncommitted"
    (dockerfile,) = tmp_path.glob("there.dockerfile")
    assert dockerfile.read_text() == (
        "FROM image:1\nCOPY . /mlflow/projects/code/\nWORKDIR /mlflow/projects/code/\n"
    )
    builds = [call for call in calls(record) if call[0] == "build"]
    assert len(builds) == 2, "a commit's image is built once, an unnamed state's always"


def test_a_container_is_stopped_by_its_name(tmp_path: Path) -> None:
    record, environ = docker(tmp_path)
    stop_container("run-1", environ=environ)
    assert calls(record) == [["kill", "run-1"]]


def test_without_docker_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentBuildError, match="docker is not on PATH"):
        opened(docker_spec(tmp_path), tmp_path, {"PATH": "/nonexistent"})


def test_a_docker_engine_that_does_not_answer_is_not_a_missing_image(tmp_path: Path) -> None:
    stand_in(tmp_path / "bin", "docker", "print('Cannot connect', file=sys.stderr); sys.exit(1)")
    with pytest.raises(EnvironmentBuildError, match="Cannot connect"):
        opened(docker_spec(tmp_path), tmp_path, {"PATH": str(tmp_path / "bin")})


def _has_engine() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, timeout=30).returncode == 0


@pytest.mark.engine
@pytest.mark.skipif(not _has_engine(), reason="no docker engine on this machine")
def test_a_real_engine_runs_a_program_with_its_variables(tmp_path: Path) -> None:
    environ = {**os.environ, "TOKEN": "t0psecret"}
    spec = docker_spec(tmp_path, ("TOKEN", None), ("MODE", "a b"), image="busybox:1")
    assert spec.docker is not None
    spec = replace(spec, docker=replace(spec.docker, volumes=()))
    environment, _ = opened(spec, tmp_path, environ)
    argv = container_argv(environment, name=f"runner-test-{os.getpid()}", docker_args={})
    done = subprocess.run(
        [*argv, "sh", "-c", 'echo "$TOKEN $MODE"'], env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "t0psecret a b\n"


@pytest.mark.engine
@pytest.mark.skipif(
    not any(shutil.which(tool) for tool in ("mamba", "micromamba", "conda")),
    reason="no conda on this machine",
)
def test_a_real_conda_makes_an_environment_that_runs(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "conda.yaml").write_text("channels: [conda-forge]\ndependencies: [python=3.11]\n")
    environment, _ = workshop.ensure(resolve_environment(tmp_path, DeclaredEnvironment(), None))
    assert environment.python is not None
    assert subprocess.run([environment.python, "--version"], timeout=60).returncode == 0
