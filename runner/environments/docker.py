"""Projects with a `docker_env`: the environment is an image, and what runs in it is a container.

Values of variables never stand in an argv: `--env NAME` makes docker take them from its own environment, and
what the project file defines goes through a private file.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from runner.errors import EnvironmentBuildError, RequestError
from runner.events import EnvironmentProgress, Listener
from runner.model.environment import DockerEnvironment, Environment, EnvironmentSpec
from runner.process import Captured, ToolTimeout, capture, run_logged

PROJECT_IN_IMAGE = "/mlflow/projects/code/"
# What a program needs to find its run. docker passes on those that are set, and only those.
FORWARDED = (
    "MLFLOW_TRACKING_URI",
    "MLFLOW_RUN_ID",
    "MLFLOW_EXPERIMENT_ID",
    "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "RUNNER_RUN_ID",
    "RUNNER_ENVIRONMENT_KIND",
)
_ARGUMENT_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9-]*$")


def open_docker(
    spec: EnvironmentSpec,
    *,
    cache_dir: Path,
    environ: Mapping[str, str],
    listener: Listener,
    timeout_s: float,
) -> tuple[Environment, bool]:
    """The environment of a docker project, and whether its image had to be pulled.

    Its `prefix_argv` is a whole `docker run`; `container_argv` adds what belongs to one run. The lock is the
    image's digest. Raises EnvironmentBuildError without docker, without the image, and where a variable
    that the project copies from the host is not set.
    """
    assert spec.docker is not None
    docker = _docker(environ)
    _check_copied(spec.docker, environ)
    deadline = time.monotonic() + timeout_s
    identity = _image_identity(docker, spec.docker.image, environ)
    pulled = identity is None
    if identity is None:
        listener(EnvironmentProgress(fingerprint=spec.fingerprint(), step=f"pulling {spec.docker.image}"))
        _pull(docker, spec.docker.image, cache_dir, environ, max(1.0, deadline - time.monotonic()))
        identity = _image_identity(docker, spec.docker.image, environ)
    return _environment(spec, spec.docker, docker, identity or "", cache_dir), pulled


def _environment(
    spec: EnvironmentSpec, declared: DockerEnvironment, docker: Path, identity: str, cache_dir: Path
) -> Environment:
    argv = [str(docker), "run", "--rm", "--init"]
    for volume in declared.volumes:
        argv += ["--volume", _absolute_volume(volume, spec.directory)]
    defined = {name: value for name, value in declared.environment if value is not None}
    if defined:
        argv += ["--env-file", str(_write_defined(cache_dir, spec.fingerprint(), defined))]
    copied = [name for name, value in declared.environment if value is None]
    for name in dict.fromkeys([*FORWARDED, *copied]):
        argv += ["--env", name]
    return Environment(
        kind="docker",
        fingerprint=spec.fingerprint(),
        prefix_argv=(*argv, declared.image),
        lock=f"# docker image\n{declared.image}\n{identity}\n",
    )


def container_argv(
    environment: Environment,
    *,
    name: str,
    docker_args: Mapping[str, str | bool],
    host_network: bool = False,
    forward: Iterable[str] = (),
) -> tuple[str, ...]:
    """`environment.prefix_argv` for one run: with the container's name and the user's `-A` arguments.

    `host_network` lets the program reach a tracking server on this machine's loopback. `forward` are names
    of further variables. Raises RequestError for an argument that docker could not take for an option.
    """
    *start, image = environment.prefix_argv
    argv = [*start, "--name", name]
    if host_network and not any(key in docker_args for key in ("network", "net")):
        argv += ["--network", "host"]
    for variable in forward:
        argv += ["--env", variable]
    for key, value in docker_args.items():
        argv += _option(key, value)
    return (*argv, image)


def _option(key: str, value: str | bool) -> list[str]:
    """MLflow's rule: `-A name=value` is `--name value`, one letter is `-n value`, without a value a flag."""
    if not _ARGUMENT_NAME.match(key):
        raise RequestError(
            f"{key!r} is not the name of a docker argument", hint="write -A name=value, or -A name for a flag"
        )
    option = f"-{key}" if len(key) == 1 else f"--{key}"
    if value is False:
        return []
    return [option] if value is True else [option, value]


def stop_container(name: str, *, environ: Mapping[str, str], timeout_s: float = 30.0) -> None:
    """Kills the container of that name. A container outlives a killed `docker run`, so this is needed."""
    docker = shutil.which("docker", path=environ.get("PATH", ""))
    if docker is None:
        return
    with suppress(OSError, ToolTimeout):
        capture([docker, "kill", name], environ=environ, timeout_s=timeout_s)


def build_image(
    spec: EnvironmentSpec,
    *,
    project_name: str,
    commit: str | None,
    dirty_digest: str | None,
    cache_dir: Path,
    environ: Mapping[str, str],
    timeout_s: float = 3600.0,
) -> EnvironmentSpec:
    """`--build-image`: an image of the project's files on top of its `image`, and `spec` with that one.

    The tag names the commit and, where the tree differs from it, a digest of the difference, so that an
    uncommitted edit never runs in an image of the commit. Raises EnvironmentBuildError.
    """
    assert spec.docker is not None
    docker = _docker(environ)
    tag = _image_tag(project_name, commit, dirty_digest)
    if commit is not None and _image_identity(docker, tag, environ) is not None:
        return replace(spec, docker=replace(spec.docker, image=tag))
    log_path = _log(cache_dir, f"{spec.fingerprint()}-image")
    dockerfile = log_path.with_suffix(".dockerfile")
    dockerfile.write_text(
        f"FROM {spec.docker.image}\nCOPY . {PROJECT_IN_IMAGE}\nWORKDIR {PROJECT_IN_IMAGE}\n", encoding="utf-8"
    )
    argv = [str(docker), "build", "--tag", tag, "--file", str(dockerfile), spec.directory]
    try:
        _run(argv, f"the image {tag} could not be built", log_path, environ, timeout_s)
    finally:
        dockerfile.unlink(missing_ok=True)
    return replace(spec, docker=replace(spec.docker, image=tag))


def _image_tag(project_name: str, commit: str | None, dirty_digest: str | None) -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", project_name.lower()).strip("-._") or "docker-project"
    parts = [commit[:7] if commit else "uncommitted"]
    if dirty_digest:
        parts.append(dirty_digest[:12])
    return f"{name}:{'-'.join(parts)}"


def _docker(environ: Mapping[str, str]) -> Path:
    found = shutil.which("docker", path=environ.get("PATH", ""))
    if found is None:
        raise EnvironmentBuildError(
            "the project wants a docker image, but docker is not on PATH",
            builder="docker",
            hint="install docker, or use `--env-manager local` inside a suitable environment",
        )
    return Path(found)


def _check_copied(declared: DockerEnvironment, environ: Mapping[str, str]) -> None:
    missing = [name for name, value in declared.environment if value is None and name not in environ]
    if missing:
        raise EnvironmentBuildError(
            f"the project's docker_env copies {', '.join(missing)} from the environment, where it is not set",
            builder="docker",
            hint="set it, or give it a value in the project file: [NAME, value]",
        )


def _image_identity(docker: Path, image: str, environ: Mapping[str, str]) -> str | None:
    template = '{{.Id}} {{join .RepoDigests " "}}'
    answer = _ask([str(docker), "image", "inspect", "--format", template, image], environ)
    if answer.returncode == 0:
        return answer.text.strip()
    said = answer.stderr.decode(errors="replace").strip()
    if re.search(r"(?i)no such (image|object)", said):
        return None
    raise EnvironmentBuildError(
        f"docker does not answer: {said or f'exit code {answer.returncode}'}",
        builder="docker",
        hint="is the docker engine running, and may you use it? try `docker info`",
    )


def _ask(argv: list[str], environ: Mapping[str, str]) -> Captured:
    try:
        return capture(argv, environ=environ, timeout_s=60.0)
    except (OSError, ToolTimeout) as error:
        raise EnvironmentBuildError(f"docker does not answer: {error}", builder="docker") from error


def _pull(docker: Path, image: str, cache_dir: Path, environ: Mapping[str, str], timeout_s: float) -> None:
    log_path = _log(cache_dir, f"pull-{os.getpid()}-{time.time_ns()}")
    _run(
        [str(docker), "pull", image],
        f"the image {image} is not on this machine and could not be pulled",
        log_path,
        environ,
        timeout_s,
    )


def _run(argv: list[str], failure: str, log_path: Path, environ: Mapping[str, str], timeout_s: float) -> None:
    from runner.environments.builder import log_tail

    try:
        code = run_logged(argv, log_path=log_path, environ=environ, timeout_s=timeout_s)
        reason = f"exit code {code}"
    except ToolTimeout as error:
        code, reason = 1, str(error)
    if code != 0:
        raise EnvironmentBuildError(
            f"{failure} ({reason})\n{log_tail(log_path)}",
            builder="docker",
            log_path=log_path,
            hint=f"the whole log: {log_path}",
        )


def _log(cache_dir: Path, name: str) -> Path:
    directory = cache_dir / "environments" / "logs"
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.log"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    return path


def _absolute_volume(volume: str, directory: str) -> str:
    """`host:container`, the host's part made absolute from the project's directory if it is a path."""
    host, colon, rest = volume.partition(":")
    if not colon or not (host.startswith((".", "~")) or "/" in host):
        return volume
    return f"{os.path.normpath(os.path.join(directory, os.path.expanduser(host)))}:{rest}"


def _write_defined(cache_dir: Path, fingerprint: str, defined: Mapping[str, str]) -> Path:
    """The variables that the project defines, in a file of docker's own format, which knows no newlines."""
    for name, value in defined.items():
        if "\n" in value or "\n" in name:
            raise EnvironmentBuildError(
                f"the value of {name} in docker_env holds a newline, which docker's files cannot",
                builder="docker",
                hint="set it in your environment and let docker_env copy it: name it without a value",
            )
    directory = cache_dir / "environments" / "docker"
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{fingerprint}.env"
    beside = directory / f"{fingerprint}.{os.getpid()}-{time.time_ns()}.new"
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in defined.items())
    os.replace(beside, path)
    return path
