"""What came of an attempt is found out, whatever the server does, and the loop always hears of it."""

from __future__ import annotations

import json
import os
import queue
from dataclasses import replace

from runner.errors import RecordingError
from runner.executors.reports import Report
from runner.model.run import Outcome, RunStatus
from runner.model.sweep import METHODS, Objective, Sweep
from runner.sweeping.books import Figures, TrialEnd
from runner.sweeping.flights import Flight, Flights
from runner.sweeping.mirror import Mirror
from runner.sweeping.results import result_of
from runner.sweeping.settling import Fault, Settled, Settling, Unsettled
from runner.sweeping.slots import Slot
from tests.e2e.relay import relay_to
from tests.runner.sweeping.trials import Trials
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument
from tracking_client.journal import entries
from tracking_client.journal.spool import Spool, all_in
from tracking_client.journal_folder import journal_folder
from tracking_client.wire.entities import Metric

SWEEP = Sweep(name="s", objectives=(Objective(metric="loss"),))


def outcome(run_id: str, status: RunStatus) -> Outcome:
    return Outcome(run_id=run_id, run_name="t", status=status, exit_code=0, seconds=1.0)


def report(run_id: str, status: RunStatus = RunStatus.FINISHED, *, stopped_for: str = "") -> Report:
    return Report(outcome=outcome(run_id, status), stopped_for=stopped_for)


def test_who_had_finished_when_the_wish_to_stop_came_was_not_stopped(trials: Trials) -> None:
    run_id = trials.begin(0)
    trials.log(0, [0.5])
    for why in ("early", "timeout", "stopped"):
        found = result_of(
            report(run_id, stopped_for=why),
            SWEEP,
            trials.client,
            run_id=run_id,
            stopped_early="behind",
            memory_kills=0,
        )
        assert (found.values, found.cause, found.stopped_early) == ((0.5,), None, ""), why


def test_who_was_stopped_before_its_run_was_open_is_not_said_to_have_failed(trials: Trials) -> None:
    for why, cause in (("stopped", "stopped"), ("timeout", "timeout"), ("", "provision")):
        never = Report(error="Stopped", message="stopped by SIGTERM", stopped_for=why)
        found = result_of(never, SWEEP, trials.client, run_id="", stopped_early="", memory_kills=0)
        assert found.cause == cause


def test_an_attempt_that_the_server_left_in_the_lurch_is_lost_and_may_be_tried_again(trials: Trials) -> None:
    for may_pass, cause in ((True, "lost"), (False, "provision")):
        error = RecordingError("not recorded: 503", uri="http://127.0.0.1:1", may_pass=may_pass)
        kept = Report.of_json(json.loads(json.dumps(Report.of_error(error).as_json())))
        found = result_of(kept, SWEEP, trials.client, run_id="", stopped_early="", memory_kills=0)
        assert (found.cause, found.reason) == (cause, "not recorded: 503")


def left_behind(uri: str, run_id: str, loss: float) -> None:
    """The journal of a program that died before it had sent its objective."""
    spool = Spool.create(journal_folder(), uri)
    descriptor = spool.new_segment()
    os.write(descriptor, entries.metric_line(run_id, "loss", loss, 1, 0))
    os.close(descriptor)
    spool.leave()


def settled_of(trials: Trials, run_id: str) -> object:
    heard: queue.SimpleQueue[object] = queue.SimpleQueue()
    settling = Settling(SWEEP, trials.client, heard.put, lambda _: None)
    unsent = replace(outcome(run_id, RunStatus.FINISHED), is_all_sent=False)
    kept = Report.of_json(json.loads(json.dumps(Report(outcome=unsent).as_json())))
    settling.begin(Flight(0, 0, Slot(number=0), run_id=run_id), kept)
    settled = heard.get(timeout=60)
    settling.close()
    return settled


def test_what_a_program_could_not_send_is_sent_before_its_result_is_read(trials: Trials) -> None:
    run_id = trials.begin(0)
    left_behind(trials.client.transport.target_uri, run_id, 0.25)
    settled = settled_of(trials, run_id)
    assert isinstance(settled, Settled)
    assert settled.result.values == (0.25,)


def test_what_another_run_could_not_send_holds_up_no_result(trials: Trials) -> None:
    run_id = trials.begin(0)
    trials.log(0, [0.5])
    uri = trials.client.transport.target_uri
    left_behind(uri, "another run", 0.25)
    (journal,) = all_in(journal_folder())
    other = Spool.adopt(journal)  # somebody who lives has it, and does not come to an end with it
    assert other is not None
    settled = settled_of(trials, run_id)
    other.leave()
    assert isinstance(settled, Settled)
    assert settled.result.values == (0.5,)


def test_a_run_that_was_deleted_meanwhile_is_waited_for_by_nobody(trials: Trials) -> None:
    left_behind(trials.client.transport.target_uri, "0" * 32, 0.25)
    settled = settled_of(trials, "0" * 32)
    assert isinstance(settled, Settled)
    assert settled.result.cause == "lost"


def test_a_result_waits_for_a_server_that_is_away_until_somebody_hurries(trials: Trials) -> None:
    run_id = trials.begin(0)
    trials.log(0, [0.5])
    heard: queue.SimpleQueue[object] = queue.SimpleQueue()
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    with relay_to(trials.client.transport.connection.url) as relay:
        away = TrackingClient(relay.url)
        relay.refuse(503)
        settling = Settling(SWEEP, away, heard.put, said.put)
        settling.begin(Flight(0, 0, Slot(number=0), run_id=run_id), report(run_id))
        assert "waits for the server" in said.get(timeout=60)
        settling.hurry()
        assert heard.get(timeout=60) == Unsettled("0.0")
        settling.close()
        away.transport.close()
    again = Settling(SWEEP, trials.client, heard.put, said.put)
    again.begin(Flight(0, 0, Slot(number=0), run_id=run_id), report(run_id))
    settled = heard.get(timeout=60)
    assert isinstance(settled, Settled)
    assert settled.result.values == (0.5,)
    again.close()


def test_a_server_that_refuses_for_good_ends_the_waiting_with_its_words(trials: Trials) -> None:
    heard: queue.SimpleQueue[object] = queue.SimpleQueue()
    settling = Settling(SWEEP, trials.client, heard.put, lambda _: None)
    settling.begin(Flight(0, 0, Slot(number=0)), report("no run/ id"))
    fault = heard.get(timeout=60)
    settling.close()
    assert isinstance(fault, (Fault, Settled))
    if isinstance(fault, Fault):
        assert isinstance(fault.error, RecordingError)


def test_what_the_server_will_never_take_holds_up_none_of_the_other_figures() -> None:
    said: list[str] = []
    done: list[str] = []

    def refused() -> None:
        raise InvalidArgument("too long")

    def broken() -> None:
        raise ValueError("a fault of ours")

    mirror = Mirror(said.append, lambda _: None)
    for work in (refused, broken, lambda: done.append("written")):
        mirror.do(work)
    assert mirror.close(30.0)
    assert done == ["written"]
    assert len(said) == 2


def test_figures_of_trials_that_end_together_are_shown_together_and_each_alone_where_one_is_refused() -> None:
    said: list[str] = []
    shown: list[list[int]] = []

    def show(figures: Figures) -> None:
        if "bad" in figures.tags:
            raise InvalidArgument("too long")
        shown.append([metric.step for metric in figures.metrics])

    def end(step: int, **tags: str) -> TrialEnd:
        return TrialEnd(Figures((Metric(key="best", value=1.0, timestamp=1, step=step),), tags), None)

    mirror = Mirror(said.append, show)
    for step in range(3):
        mirror.trial_ended(end(step))
    mirror.do(lambda: shown.append([]))
    for some in (end(3), end(4, bad="x"), end(5)):
        mirror.trial_ended(some)
    assert mirror.close(30.0)
    assert shown == [[0, 1, 2], [], [3], [5]]
    assert len(said) == 1


def test_an_attempt_that_has_landed_holds_its_slot_only_where_its_result_is_waited_for() -> None:
    for frees_early in (False, True):
        flights = Flights([Slot(number=0), Slot(number=1)], frees_early=frees_early)
        for number in range(2):
            flights.begin(Flight(number, 0, flights.slot(number)))
        next(iter(flights)).landed = True
        free = flights.free_slot()
        assert (free.number if free else None) == (0 if frees_early else None)
        assert len(flights) == 2


def test_results_are_waited_for_where_a_suggestion_may_depend_on_them() -> None:
    waiting = {
        (method, deterministic)
        for method in METHODS
        for deterministic in (False, True)
        if replace(SWEEP, method=method, deterministic=deterministic).waits_for_results
    }
    assert waiting == {(method, False) for method in set(METHODS) - {"random", "grid", "quasi_random"}}


def test_slots_are_filled_from_the_first_and_an_adopted_flight_keeps_its_own() -> None:
    flights = Flights([Slot(number=0), Slot(number=1), Slot(number=2)])
    adopted = Flight(7, 0, flights.slot(1))
    flights.begin(adopted)
    numbers = []
    while (slot := flights.free_slot()) is not None:
        numbers.append(slot.number)
        flights.begin(Flight(slot.number, 0, slot))
    assert numbers == [0, 2]
    flights.end(adopted)
    free = flights.free_slot()
    assert free is not None
    assert free.number == 1


def test_no_more_are_begun_than_there_are_slots_though_more_were_adopted() -> None:
    flights = Flights([Slot(number=0)])
    for number in range(3):
        flights.begin(Flight(number, 0, flights.slot(number)))
    for flight in list(flights)[:2]:
        flights.end(flight)
        assert flights.free_slot() is None
    (last,) = flights
    flights.end(last)
    assert flights.free_slot() == Slot(number=0)
