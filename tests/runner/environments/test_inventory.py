"""What the cache holds, and that pruning takes nothing from a running program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.environments.inventory import list_environments, prune
from runner.environments.usage import forget_uses
from runner.lease import Lease
from tests.runner.environments.wheels import make_wheel
from tests.runner.environments.workshop import PYTHON, Workshop

DAY_S = 24 * 3600.0


def test_an_empty_cache_holds_nothing(workshop: Workshop) -> None:
    assert list_environments(workshop.root) == []
    assert prune(workshop.root, everything=True).removed == ()


def test_an_environment_is_listed_with_all_there_is_to_know(workshop: Workshop) -> None:
    make_wheel(workshop.wheels, "tiny", payload_bytes=100_000)
    spec = workshop.spec("tiny")
    before = time.time()
    workshop.ensure(spec)
    (found,) = list_environments(workshop.root)
    assert found.fingerprint == spec.fingerprint()
    assert (found.kind, found.python, found.ready, found.in_use) == ("virtualenv", PYTHON, True, True)
    assert "tiny" in found.requirements
    assert found.size_bytes > 0
    assert found.created_at is not None
    assert before - 1 < found.created_at < time.time() + 1


def test_what_is_in_use_stays_and_what_is_old_goes(workshop: Workshop) -> None:
    spec = workshop.spec()
    environment, _ = workshop.ensure(spec)
    later = time.time() + 40 * DAY_S
    assert environment.python is not None
    # Our own mark is live however old the environment is.
    assert [reason for _, reason in prune(workshop.root, everything=True, now=later).kept] == ["in use"]
    assert environment.python.exists()
    assert workshop.ensure(spec) == (environment, False)
    forget_uses()
    assert prune(workshop.root, older_than_s=DAY_S).removed == ()
    assert len(prune(workshop.root, older_than_s=DAY_S, dry_run=True, now=later).removed) == 1
    assert environment.python.exists()
    pruned = prune(workshop.root, older_than_s=DAY_S, now=later)
    assert [removed.fingerprint for removed in pruned.removed] == [spec.fingerprint()]
    assert pruned.freed_bytes > 0
    assert not workshop.entry(spec).directory.exists()
    assert workshop.ensure(spec)[1]


def test_use_refreshes_the_age_at_most_once_an_hour(workshop: Workshop) -> None:
    spec = workshop.spec()
    workshop.ensure(spec)
    marker = workshop.entry(spec).marker
    recent = time.time() - 600
    os.utime(marker, (recent, recent))
    workshop.ensure(spec)
    assert marker.stat().st_mtime == pytest.approx(recent, abs=1)
    old = time.time() - 5 * DAY_S
    os.utime(marker, (old, old))
    workshop.ensure(spec)
    assert marker.stat().st_mtime > time.time() - 60


def test_a_process_that_was_killed_uses_nothing(workshop: Workshop) -> None:
    spec = workshop.spec()
    workshop.ensure(spec)
    forget_uses()
    code = (
        "import sys, os; from pathlib import Path; from runner.environments.usage import mark_used; "
        "mark_used(Path(sys.argv[1])); print('marked', flush=True); sys.stdin.read()"
    )
    directory = workshop.entry(spec).directory
    with subprocess.Popen(
        [sys.executable, "-c", code, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "marked\n"
        assert prune(workshop.root, everything=True).kept
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert len(prune(workshop.root, everything=True).removed) == 1


def test_what_is_being_built_stays(workshop: Workshop) -> None:
    spec = workshop.spec()
    workshop.ensure(spec)
    forget_uses()
    with Lease(workshop.entry(spec).directory / "lease") as lease:
        assert lease.try_take()
        assert [reason for _, reason in prune(workshop.root, everything=True).kept] == ["building"]


def test_leftovers_of_dead_builders_go_and_those_of_living_ones_stay(workshop: Workshop) -> None:
    directory = workshop.entry(workshop.spec()).directory
    (directory / "0badc0de").mkdir(parents=True)
    (directory / "0badc0de" / "file").write_text("half")
    living = directory / "11111111"
    living.mkdir()
    import json

    from runner.owner import Owner

    (directory / "11111111.owner").write_text(json.dumps(Owner.current().as_json()))
    (found,) = list_environments(workshop.root)
    assert not found.ready
    pruned = prune(workshop.root)
    assert [path.name for path in pruned.leftovers] == ["0badc0de"]
    assert not (directory / "0badc0de").exists()
    assert living.exists()
