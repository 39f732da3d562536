"""git as we call it: no prompts, no hooks, no inherited repository, always with a deadline.

Needs git 2.31 or later (configuration through GIT_CONFIG_COUNT).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner import process
from runner.process import Captured
from runner.sources.credentials import Access

_CONFIG: tuple[tuple[str, str], ...] = (
    ("core.hooksPath", "/dev/null"),
    # The monitor is a daemon that would outlive us and hold our pipes open.
    ("core.fsmonitor", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("advice.detachedHead", "false"),
    ("init.defaultBranch", "main"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "60"),
)

# `git rev-parse --local-env-vars`, but for GIT_CONFIG_COUNT: inside a hook these name the hook's repository.
_INHERITED = re.compile(
    r"GIT_(ALTERNATE_OBJECT_DIRECTORIES|CONFIG|CONFIG_PARAMETERS|OBJECT_DIRECTORY|DIR|WORK_TREE|"
    r"IMPLICIT_WORK_TREE|GRAFT_FILE|INDEX_FILE|NO_REPLACE_OBJECTS|REPLACE_REF_BASE|PREFIX|SHALLOW_FILE|"
    r"COMMON_DIR|NAMESPACE|INTERNAL_SUPER_PREFIX|LITERAL_PATHSPECS|GLOB_PATHSPECS|NOGLOB_PATHSPECS|"
    r"ICASE_PATHSPECS|EXTERNAL_DIFF|DIFF_OPTS|TRACE.*|CURL_VERBOSE|PAGER)"
)

LOCAL_TIMEOUT_S = 60.0


class GitMissing(Exception):
    """There is no `git` on PATH."""


class GitFailed(Exception):
    """git ended with an error. `output` is what it printed; it may hold credentials: redact before use."""

    def __init__(self, returncode: int, output: str) -> None:
        super().__init__(f"git ended with {returncode}")
        self.returncode = returncode
        self.output = output


class GitTimeout(GitFailed):
    """git did not end in time and was killed."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(-9, f"git did not end within {timeout_s:g} s")


def environment(
    base: Mapping[str, str] | None = None,
    *,
    config: Sequence[tuple[str, str]] = (),
    variables: Sequence[tuple[str, str]] = (),
) -> dict[str, str]:
    """`base` (os.environ) for a git that asks nothing, runs no hooks and speaks English, with `config`."""
    given = os.environ if base is None else base
    result = {name: value for name, value in given.items() if _INHERITED.fullmatch(name) is None}
    result |= {"GIT_TERMINAL_PROMPT": "0", "GCM_INTERACTIVE": "never", "GIT_OPTIONAL_LOCKS": "0"}
    # Messages are read by us; file names stay in the user's encoding.
    everything = result.pop("LC_ALL", None)
    if everything is not None:
        result["LC_CTYPE"] = everything
    result |= {"LC_MESSAGES": "C", "LANGUAGE": "C"}
    result |= dict(variables)
    count = int(result.get("GIT_CONFIG_COUNT") or 0)
    for number, (key, value) in enumerate((*_CONFIG, *config), start=count):
        result[f"GIT_CONFIG_KEY_{number}"] = key
        result[f"GIT_CONFIG_VALUE_{number}"] = value
    result["GIT_CONFIG_COUNT"] = str(count + len(_CONFIG) + len(config))
    return result


def ask(
    arguments: Sequence[str],
    *,
    cwd: Path,
    config: Sequence[tuple[str, str]] = (),
    stdin: bytes = b"",
    timeout_s: float = LOCAL_TIMEOUT_S,
) -> Captured:
    """Runs a git command that stays on this machine; any exit code is a result.

    Raises GitMissing, GitTimeout. Thread-safe.
    """
    try:
        return process.capture(
            ["git", *arguments], cwd=cwd, environ=environment(config=config), stdin=stdin, timeout_s=timeout_s
        )
    except (FileNotFoundError, PermissionError):
        raise _missing(cwd) from None
    except process.ToolTimeout:
        raise GitTimeout(timeout_s) from None


def read(
    arguments: Sequence[str],
    *,
    cwd: Path,
    config: Sequence[tuple[str, str]] = (),
    stdin: bytes = b"",
    timeout_s: float = LOCAL_TIMEOUT_S,
) -> bytes:
    """What a git command that stays on this machine prints. Raises GitMissing, GitFailed. Thread-safe."""
    done = ask(arguments, cwd=cwd, config=config, stdin=stdin, timeout_s=timeout_s)
    if done.returncode:
        raise GitFailed(done.returncode, os.fsdecode(done.stderr).strip())
    return done.stdout


def work(
    arguments: Sequence[str],
    *,
    cwd: Path,
    log_path: Path,
    access: Access,
    config: Sequence[tuple[str, str]] = (),
    ssh: bool = False,
    timeout_s: float,
) -> str:
    """Runs a git command that may take long or use the network, and returns all that it printed.

    With its helpers it forms a process group of its own, which dies with the call. `log_path` is written
    anew. `ssh` says that ssh may be used. Raises GitMissing, GitFailed. Thread-safe for distinct logs.
    """
    environ = environment(config=(*access.config, *config), variables=access.variables)
    if ssh and not _user_chose_ssh(environ, cwd):
        environ["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes"
    log_path.unlink(missing_ok=True)
    try:
        code = process.run_logged(
            ["git", *arguments], log_path=log_path, cwd=cwd, environ=environ, timeout_s=timeout_s
        )
    except (FileNotFoundError, PermissionError):
        raise _missing(cwd) from None
    except process.ToolTimeout:
        raise GitTimeout(timeout_s) from None
    printed = os.fsdecode(log_path.read_bytes()).partition("\n")[2]
    if code:
        raise GitFailed(code, printed.strip())
    return printed


def _user_chose_ssh(environ: Mapping[str, str], cwd: Path) -> bool:
    if environ.get("GIT_SSH_COMMAND") or environ.get("GIT_SSH"):
        return True
    return ask(["config", "--get", "core.sshCommand"], cwd=cwd).returncode == 0


def _missing(cwd: Path) -> Exception:
    # A working directory that has gone raises the same error as a program that is not there.
    return GitMissing("there is no git on PATH") if cwd.is_dir() else FileNotFoundError(str(cwd))
