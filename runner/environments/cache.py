"""The cache of environments: content-addressed, built once, never half ready.

```
<root>/<platform>/<fingerprint>/ready.json      the marker: says which build is the environment
                                <build>/        a prefix, at its final place from the start
                                <build>.owner   who builds it
                                lease           who may build
                                failure.json    how the last build failed, for those who waited for it
                                users/          who uses it
<root>/logs/<fingerprint>-<build>.log           all that a build printed
```
An environment holds absolute paths, so it cannot be built elsewhere and moved here. The marker, not the
folder, means ready: it appears by a hard link, last.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from runner.environments.builder import BuildOrder, EnvironmentBuilder
from runner.environments.entry import Entry
from runner.environments.failure import cache_faults, last_failure, report_failure, same_failure
from runner.environments.marker import Marker, publish, read_marker
from runner.environments.sweep import remove_tree, sweep_builds
from runner.errors import EnvironmentBuildError, ProvisionError
from runner.events import EnvironmentProgress, Listener, Warned
from runner.lease import Lease
from runner.model.environment import Environment, EnvironmentSpec
from runner.owner import Owner

_POLL_S = (0.02, 0.5)


def ensure(
    spec: EnvironmentSpec,
    builder: EnvironmentBuilder,
    *,
    root: Path,
    environ: Mapping[str, str],
    listener: Listener,
    deadline_s: float,
) -> tuple[Environment, bool]:
    """The environment for `spec`, and whether this call built it.

    Of all processes and threads that ask for the same one at once, one builds and the others wait.
    Raises EnvironmentBuildError (also where the build that was waited for failed) and InterpreterNotFound.
    """
    entry = Entry(root=root, fingerprint=spec.fingerprint())
    environment = entry.claim()
    if environment is not None:
        return environment, False
    with cache_faults(root, builder.name), Lease(_prepared(entry) / "lease") as lease:
        deadline = time.monotonic() + deadline_s
        failure = last_failure(entry)
        environment = _wait_for(lease, entry, listener, deadline, builder.name)
        if environment is not None:
            return environment, False
        if last_failure(entry) != failure:
            raise same_failure(entry, builder.name)
        _remove_broken_marker(entry)
        sweep_builds(entry, now=time.time())
        return _build(entry, spec, builder, environ, listener, deadline)


def _prepared(entry: Entry) -> Path:
    entry.directory.mkdir(parents=True, exist_ok=True)
    (entry.root / "logs").mkdir(exist_ok=True)
    return entry.directory


def _wait_for(
    lease: Lease, entry: Entry, listener: Listener, deadline: float, builder: str
) -> Environment | None:
    """Returns when the environment is ready (made by another), or with None when the lease is ours."""
    pause_s, told = _POLL_S[0], False
    while not lease.try_take():
        environment = entry.claim()
        if environment is not None:
            return environment
        if not told:
            listener(EnvironmentProgress(fingerprint=entry.fingerprint, step="waiting for another build"))
            told = True
        if time.monotonic() > deadline:
            raise EnvironmentBuildError(
                f"the environment is being built by {_named(lease)}, and the time to wait for it is over",
                builder=builder,
                hint="wait for it, or stop that process; RUNNER_BUILD_TIMEOUT_S sets the time",
            )
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, _POLL_S[1])
    return entry.claim()


def _named(lease: Lease) -> str:
    holder = lease.holder()
    owner = holder.owner if holder else None
    return f"process {owner.pid} on {owner.host}" if owner else "another process"


def _build(
    entry: Entry,
    spec: EnvironmentSpec,
    builder: EnvironmentBuilder,
    environ: Mapping[str, str],
    listener: Listener,
    deadline: float,
) -> tuple[Environment, bool]:
    build = secrets.token_hex(4)
    prefix = entry.directory / build
    log_path = entry.root / "logs" / f"{entry.fingerprint}-{build}.log"
    owner_path = entry.directory / f"{build}.owner"
    owner_path.write_text(json.dumps(Owner.current().as_json()), encoding="utf-8")
    staging = entry.directory / f"{build}.staging"
    published = False
    try:
        staging.mkdir(mode=0o700)
        os.close(os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        environment = builder.build(
            BuildOrder(
                spec=spec,
                prefix=prefix,
                staging=staging,
                log_path=log_path,
                environ=environ,
                report=lambda step: listener(EnvironmentProgress(fingerprint=entry.fingerprint, step=step)),
                warn=lambda message: listener(Warned(message=message)),
                deadline=deadline,
            )
        )
        marker = Marker(
            prefix=prefix, created_at=time.time(), environment=environment, described=_described(spec)
        )
        _flush(prefix)
        published = publish(entry.marker, marker)
    except (ProvisionError, OSError) as error:
        _redact(log_path, environ)
        report_failure(entry, error, builder.name, log_path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if not published:
            remove_tree(prefix)
        owner_path.unlink(missing_ok=True)
        _redact(log_path, environ)
    (entry.directory / "failure.json").unlink(missing_ok=True)
    claimed = entry.claim()
    if claimed is None:
        raise EnvironmentBuildError(
            f"the environment was built, but its marker {entry.marker} cannot be read back",
            builder=builder.name,
            log_path=log_path,
            hint="another process may have pruned it at this moment: try again",
        )
    return claimed, published


def _described(spec: EnvironmentSpec) -> dict[str, str]:
    from runner.redaction import Redactor

    lines = [*spec.build_requirements, *spec.requirements]
    return {"python": spec.python or "", "requirements": Redactor(()).hide_text("\n".join(lines))}


def _redact(log_path: Path, environ: Mapping[str, str]) -> None:
    from runner.redaction import Redactor, secrets_in

    with suppress(OSError):
        content = log_path.read_bytes()
        redacted = Redactor(secrets_in(environ)).hide(content)
        if redacted != content:
            log_path.write_bytes(redacted)


def _flush(prefix: Path) -> None:
    """Puts the environment on disk before the marker can say that it is there."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            import ctypes

            descriptor = os.open(prefix, os.O_RDONLY)
            try:
                if ctypes.CDLL(None).syncfs(descriptor) == 0:
                    return
            finally:
                os.close(descriptor)
    os.sync()


def _remove_broken_marker(entry: Entry) -> None:
    """Called with the lease, after `claim` found nothing: a marker that is there is not to be trusted."""
    aside = entry.marker.with_name(f"ready.json.{secrets.token_hex(4)}.broken")
    try:
        os.rename(entry.marker, aside)
    except FileNotFoundError:
        return
    marker = read_marker(aside)
    if marker is not None and marker.environment.fingerprint == entry.fingerprint:
        with suppress(OSError):
            os.link(aside, entry.marker)
    aside.unlink(missing_ok=True)
