"""What wakes the shipping thread: set from anywhere, also from the handler of a signal."""

from __future__ import annotations

import signal
import threading

from tracking_client.journal.wakeup import Wakeup


def test_it_is_set_until_somebody_has_waited_for_it() -> None:
    wakeup = Wakeup()
    assert not wakeup.is_set()
    assert not wakeup.wait(0)
    wakeup.set()
    wakeup.set()
    assert wakeup.is_set()
    assert wakeup.wait()
    assert not wakeup.is_set()
    wakeup.set()
    wakeup.clear()
    wakeup.clear()
    assert not wakeup.wait(0)


def test_a_thread_that_waits_is_woken() -> None:
    wakeup = Wakeup()
    woken = threading.Event()

    def wait() -> None:
        if wakeup.wait(20):
            woken.set()

    thread = threading.Thread(target=wait)
    thread.start()
    wakeup.set()
    thread.join()
    assert woken.is_set()


def test_the_handler_of_a_signal_that_interrupts_its_setting_may_set_it_too() -> None:
    wakeup = Wakeup()
    handled = 0

    def handle(_number: int, _frame: object) -> None:
        nonlocal handled
        wakeup.set()
        handled += 1

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        for _ in range(2000):
            wakeup.clear()
            signal.raise_signal(signal.SIGUSR1)
            wakeup.set()
            assert wakeup.is_set()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert handled == 2000
