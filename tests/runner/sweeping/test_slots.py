"""How many trials a machine has room for, and what of it each of them gets."""

from __future__ import annotations

import pytest

from runner.errors import RequestError
from runner.model.sweep import Resources
from runner.sweeping.slots import Machine, slots_for, this_machine

GIB = 1024**3
MACHINE = Machine(cpus=8, gpus=("0", "1", "GPU-7"), memory_bytes=32 * GIB)


@pytest.mark.parametrize(
    ("resources", "count", "reason"),
    [
        (Resources(), 6, None),
        (Resources(cpus=1), 6, None),
        (Resources(cpus=3), 2, "2 trials at once, not 6: 8 CPUs"),
        (Resources(gpus=1), 3, "3 trials at once, not 6: 3 GPUs"),
        (Resources(gpus=2), 1, "1 trial at once, not 6: 3 GPUs"),
        (Resources(memory_bytes=10 * GIB), 3, "3 trials at once, not 6: 32 GiB of memory"),
        (Resources(cpus=2, gpus=1, memory_bytes=16 * GIB), 2, "2 trials at once, not 6: 32 GiB of memory"),
    ],
)
def test_there_are_as_many_slots_as_the_scarcest_thing_allows(
    resources: Resources, count: int, reason: str | None
) -> None:
    slots, fewer = slots_for(6, resources, MACHINE)
    assert [slot.number for slot in slots] == list(range(count))
    assert fewer == reason


@pytest.mark.parametrize(
    "resources", [Resources(cpus=9), Resources(gpus=4), Resources(memory_bytes=33 * GIB)]
)
def test_a_trial_that_needs_more_than_there_is_is_refused(resources: Resources) -> None:
    with pytest.raises(RequestError, match="a trial needs more than this machine has"):
        slots_for(1, resources, MACHINE)


def test_no_two_slots_have_a_gpu_in_common_and_threads_fit_the_cores() -> None:
    slots, _ = slots_for(4, Resources(gpus=1, cpus=2), MACHINE)
    assert [slot.variables["CUDA_VISIBLE_DEVICES"] for slot in slots] == ["0", "1", "GPU-7"]
    assert {slot.variables["OMP_NUM_THREADS"] for slot in slots} == {"2"}


@pytest.mark.parametrize(
    ("visible", "gpus"), [("", ()), ("-1", ()), ("2, GPU-5", ("2", "GPU-5")), ("MIG-1", ("MIG-1",))]
)
def test_the_gpus_that_a_user_hides_are_not_used(visible: str, gpus: tuple[str, ...]) -> None:
    assert this_machine({"CUDA_VISIBLE_DEVICES": visible}, with_gpus=True).gpus == gpus


def test_nobody_looks_for_gpus_that_no_trial_needs() -> None:
    assert this_machine({}, with_gpus=False).gpus is None
