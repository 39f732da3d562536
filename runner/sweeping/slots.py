"""The places where trials run side by side, and what of the machine each of them has."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.errors import RequestError
from runner.model.sweep import Resources, Sweep
from runner.process import ToolTimeout, capture


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place for one trial. `variables` give its program its share of the machine."""

    number: int
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What there is to share. `gpus` are names that CUDA_VISIBLE_DEVICES takes; None: nobody asked."""

    cpus: int
    gpus: tuple[str, ...] | None
    memory_bytes: int


def this_machine(environ: Mapping[str, str], *, with_gpus: bool) -> Machine:
    """What this process may use of the machine."""
    return Machine(cpus=_cpus(), gpus=_gpus(environ) if with_gpus else None, memory_bytes=_memory_bytes())


def room_for(sweep: Sweep, environ: Mapping[str, str]) -> tuple[tuple[Slot, ...], str | None]:
    """`slots_for` this sweep on this machine. Raises RequestError."""
    machine = this_machine(environ, with_gpus=sweep.resources.gpus > 0)
    return slots_for(sweep.parallel, sweep.resources, machine)


def slots_for(parallel: int, resources: Resources, machine: Machine) -> tuple[tuple[Slot, ...], str | None]:
    """At most `parallel` slots, as many as the machine has room for; and why there are fewer.

    Raises RequestError where there is no room for one.
    """
    limits = {"parallel": parallel}
    if resources.cpus:
        limits[_counted(machine.cpus, "CPU")] = machine.cpus // resources.cpus
    if resources.memory_bytes:
        limits[f"{machine.memory_bytes / 1024**3:.3g} GiB of memory"] = (
            machine.memory_bytes // resources.memory_bytes
        )
    gpus = machine.gpus or ()
    if resources.gpus:
        limits[_counted(len(gpus), "GPU")] = len(gpus) // resources.gpus
    reason, count = min(limits.items(), key=lambda item: item[1])
    if count < 1:
        raise RequestError(
            f"a trial needs more than this machine has: {reason}",
            hint="lower `resources` in the sweep, or run it on a larger machine",
        )
    slots = tuple(
        Slot(number=number, variables=_variables(number, resources, gpus)) for number in range(count)
    )
    return (
        slots,
        None if count == parallel else f"{_counted(count, 'trial')} at once, not {parallel}: {reason}",
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _variables(number: int, resources: Resources, gpus: tuple[str, ...]) -> dict[str, str]:
    variables = {}
    if resources.gpus:
        share = gpus[number * resources.gpus : (number + 1) * resources.gpus]
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(share)
    if resources.cpus:
        # What the libraries of numbers go by; each would take all cores for itself otherwise.
        variables |= dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(resources.cpus)
        )
    return variables


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _gpus(environ: Mapping[str, str]) -> tuple[str, ...]:
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(name.strip() for name in visible.split(",") if name.strip() not in ("", "-1"))
    if shutil.which("nvidia-smi") is None:
        return ()
    try:
        listed = capture(["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"], timeout_s=20.0)
    except (OSError, ToolTimeout):
        return ()
    return tuple(line.strip() for line in listed.text.splitlines() if line.strip().isdigit())


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
