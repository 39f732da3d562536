"""The lease: one holder, no waiting for the dead, no taking from the living."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from runner.lease import Lease
from runner.owner import Owner


def foreign(path: Path, token: str = "theirs") -> None:
    owner = {"host": "another.example", "boot_id": "b", "pid": 1, "process_started": "7"}
    path.write_text(json.dumps({"token": token, "owner": owner}))


def test_one_of_many_takes_it(tmp_path: Path) -> None:
    leases = [Lease(tmp_path / "lease") for _ in range(16)]
    taken: list[Lease] = []
    barrier = threading.Barrier(len(leases))

    def take(lease: Lease) -> None:
        barrier.wait(30)
        if lease.try_take():
            taken.append(lease)

    threads = [threading.Thread(target=take, args=(lease,)) for lease in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(taken) == 1
    taken[0].release()
    assert list(tmp_path.iterdir()) == []


def test_a_released_lease_can_be_taken_and_a_second_release_takes_nothing_from_the_next(
    tmp_path: Path,
) -> None:
    first, second = Lease(tmp_path / "lease"), Lease(tmp_path / "lease")
    assert first.try_take()
    assert not second.try_take()
    first.release()
    assert second.try_take()
    first.release()
    holder = second.holder()
    assert holder is not None
    assert holder.token == second.token
    assert holder.owner == Owner.current()
    second.release()


def test_a_dead_process_of_this_host_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from runner.lease import Lease; "
        "assert Lease(Path(sys.argv[1])).try_take(); os._exit(0)"
    )
    path = tmp_path / "lease"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, cwd=Path(__file__).parents[2])
    assert path.exists()
    with Lease(path) as lease:
        assert lease.try_take()


def test_another_hosts_lease_is_stale_when_it_was_not_touched_by_our_own_clock(tmp_path: Path) -> None:
    path = tmp_path / "lease"
    foreign(path)
    os.utime(path, (0, 0))  # its clock may say anything
    now = 1000.0
    with Lease(path, now=lambda: now, stale_after_s=30) as lease:
        assert not lease.try_take()
        now += 29
        assert not lease.try_take()
        os.utime(path, (5, 5))
        now += 2
        assert not lease.try_take(), "it was touched"
        now += 31
        assert lease.try_take()


def test_an_unreadable_lease_becomes_stale_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "lease"
    path.write_bytes(b"\0\0")
    now = 0.0
    with Lease(path, now=lambda: now, stale_after_s=30) as lease:
        assert not lease.try_take()
        now = 31.0
        assert lease.try_take()


def test_a_stale_lease_is_broken_by_one_of_many(tmp_path: Path) -> None:
    for round_number in range(20):
        path = tmp_path / str(round_number) / "lease"
        path.parent.mkdir()
        foreign(path)
        clock = [0.0]
        leases = [Lease(path, now=lambda clock=clock: clock[0], stale_after_s=1) for _ in range(8)]  # type: ignore[misc]  # the default binds this round's clock
        for lease in leases:
            assert not lease.try_take()
        clock[0] = 5.0
        taken: list[Lease] = []
        barrier = threading.Barrier(len(leases))

        def take(lease: Lease, taken: list[Lease] = taken, barrier: threading.Barrier = barrier) -> None:
            barrier.wait(30)
            if lease.try_take():
                taken.append(lease)

        threads = [threading.Thread(target=take, args=(lease,)) for lease in leases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        # One at least, and the file says one of them; a second one is rare and harmless.
        assert taken
        holder = taken[0].holder()
        assert holder is not None
        assert holder.token in {lease.token for lease in taken}
        for lease in taken:
            lease.release()
        assert list(path.parent.iterdir()) == []


def test_the_holder_touches_its_lease_and_stops_when_it_was_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "lease"
    with Lease(path, heartbeat_s=0.01) as lease:
        assert lease.try_take()
        before = path.stat().st_mtime_ns
        deadline = time.monotonic() + 10
        while path.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        foreign(path, token="taken")
    assert json.loads(path.read_text())["token"] == "taken", "another's lease is not released"


def test_a_directory_that_was_pruned_is_made_again(tmp_path: Path) -> None:
    with Lease(tmp_path / "gone" / "lease") as lease:
        assert lease.try_take()
