"""NVIDIA GPUs, asked through the driver's own library: nothing has to be installed beside the driver.

Functions and structures: NVIDIA Management Library (NVML) API reference, the `_v2` entry points.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

_SUCCESS = 0
_LIBRARY = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"


class MemoryInfo(ctypes.Structure):
    """`nvmlMemory_t`: bytes. `used` counts what the driver keeps for itself; nvidia-smi does not."""

    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


class Utilization(ctypes.Structure):
    """`nvmlUtilization_t`: percent of the time in which something ran, and memory was read or written."""

    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class Gpus:
    """The GPUs of this machine, numbered as the driver does. Callable from any thread.

    Raises OSError where there is no driver, or it finds no GPUs.
    """

    def __init__(self, library: Any = None) -> None:
        self._library = ctypes.CDLL(_LIBRARY) if library is None else library
        self._ask("nvmlInit_v2")
        count = ctypes.c_uint()
        self._ask("nvmlDeviceGetCount_v2", ctypes.byref(count))
        self._devices = [self._device(number) for number in range(count.value)]

    def sample(self) -> dict[str, float]:
        """The metrics of all GPUs by name. What a GPU cannot tell, or its driver refuses to, is left out."""
        found: dict[str, float] = {}
        for number, device in enumerate(self._devices):
            for measure in (self._memory, self._utilization, self._power):
                try:
                    measured = measure(device)
                except OSError:
                    continue
                found |= {f"gpu_{number}_{name}": value for name, value in measured.items()}
        return found

    def _device(self, number: int) -> ctypes.c_void_p:
        device = ctypes.c_void_p()
        self._ask("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(number), ctypes.byref(device))
        return device

    def _memory(self, device: ctypes.c_void_p) -> dict[str, float]:
        memory = MemoryInfo()
        self._ask("nvmlDeviceGetMemoryInfo", device, ctypes.byref(memory))
        return {
            "memory_usage_percentage": memory.used / max(1, memory.total) * 100,
            "memory_usage_megabytes": memory.used / 1e6,
        }

    def _utilization(self, device: ctypes.c_void_p) -> dict[str, float]:
        utilization = Utilization()
        self._ask("nvmlDeviceGetUtilizationRates", device, ctypes.byref(utilization))
        return {"utilization_percentage": float(utilization.gpu)}

    def _power(self, device: ctypes.c_void_p) -> dict[str, float]:
        drawn_mw, allowed_mw = ctypes.c_uint(), ctypes.c_uint()
        self._ask("nvmlDeviceGetPowerUsage", device, ctypes.byref(drawn_mw))
        self._ask("nvmlDeviceGetEnforcedPowerLimit", device, ctypes.byref(allowed_mw))
        return {
            "power_usage_watts": drawn_mw.value / 1000,
            "power_usage_percentage": drawn_mw.value / max(1, allowed_mw.value) * 100,
        }

    def _ask(self, name: str, *arguments: Any) -> None:
        function: Callable[..., int] | None = getattr(self._library, name, None)
        answer = None if function is None else function(*arguments)
        if answer != _SUCCESS:
            raise OSError(f"{name} of the NVIDIA driver answered {answer}")


def gpus_if_any() -> Gpus | None:
    """The GPUs; None where the machine has none that this driver speaks for."""
    try:
        return Gpus()
    except OSError:
        return None


__all__ = ["Gpus", "MemoryInfo", "Utilization", "gpus_if_any"]
