"""NVIDIA GPUs, by a driver's library that answers through C's calling convention as the real one does."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tracking_client.system_metrics.nvml import Gpus, MemoryInfo, Utilization

_Number = ctypes.POINTER(ctypes.c_uint)
_NOT_SUPPORTED = 3


def _driver(*, can_tell_power: bool = True, gpus: int = 2) -> Any:
    """Functions that C could call, with the signatures of NVML's header; GPU n's address is n + 1."""

    def count(out: Any) -> int:
        out[0] = gpus
        return 0

    def handle(number: int, out: Any) -> int:
        out[0] = number + 1
        return 0

    def memory(device: int, out: Any) -> int:
        out[0].total, out[0].free, out[0].used = 80_000_000_000, 60_000_000_000, 20_000_000_000 * device
        return 0

    def utilization(device: int, out: Any) -> int:
        out[0].gpu, out[0].memory = 40 + device, 10
        return 0

    def power(device: int, out: Any) -> int:
        out[0] = 350_000
        return 0 if can_tell_power else _NOT_SUPPORTED

    def limit(device: int, out: Any) -> int:
        out[0] = 700_000
        return 0

    whole, address = ctypes.c_int, ctypes.c_void_p
    kinds: dict[str, tuple[Callable[..., int], tuple[Any, ...]]] = {
        "nvmlInit_v2": (lambda: 0, ()),
        "nvmlDeviceGetCount_v2": (count, (_Number,)),
        "nvmlDeviceGetHandleByIndex_v2": (handle, (ctypes.c_uint, ctypes.POINTER(address))),
        "nvmlDeviceGetMemoryInfo": (memory, (address, ctypes.POINTER(MemoryInfo))),
        "nvmlDeviceGetUtilizationRates": (utilization, (address, ctypes.POINTER(Utilization))),
        "nvmlDeviceGetPowerUsage": (power, (address, _Number)),
        "nvmlDeviceGetEnforcedPowerLimit": (limit, (address, _Number)),
    }
    return SimpleNamespace(
        **{name: ctypes.CFUNCTYPE(whole, *arguments)(call) for name, (call, arguments) in kinds.items()}
    )


def test_every_gpu_has_metrics_with_the_names_and_units_of_mlflow() -> None:
    found = Gpus(_driver()).sample()

    assert found == {
        "gpu_0_memory_usage_percentage": 25.0,
        "gpu_0_memory_usage_megabytes": 20_000.0,
        "gpu_0_utilization_percentage": 41.0,
        "gpu_0_power_usage_watts": 350.0,
        "gpu_0_power_usage_percentage": 50.0,
        "gpu_1_memory_usage_percentage": 50.0,
        "gpu_1_memory_usage_megabytes": 40_000.0,
        "gpu_1_utilization_percentage": 42.0,
        "gpu_1_power_usage_watts": 350.0,
        "gpu_1_power_usage_percentage": 50.0,
    }


def test_what_a_gpu_cannot_tell_is_left_out() -> None:
    found = Gpus(_driver(can_tell_power=False, gpus=1)).sample()

    assert set(found) == {
        "gpu_0_memory_usage_percentage",
        "gpu_0_memory_usage_megabytes",
        "gpu_0_utilization_percentage",
    }


def test_a_driver_that_does_not_start_is_an_error() -> None:
    driver = _driver()
    driver.nvmlInit_v2 = lambda: 9

    with pytest.raises(OSError, match="nvmlInit_v2 of the NVIDIA driver answered 9"):
        Gpus(driver)


def test_a_driver_that_lacks_a_function_is_an_error() -> None:
    driver = _driver()
    del driver.nvmlDeviceGetCount_v2

    with pytest.raises(OSError, match="nvmlDeviceGetCount_v2"):
        Gpus(driver)
