"""The log of a run: the page with its end, and what is added to it."""

from __future__ import annotations

from typing import Any

from tests.tracking_server.page_requests import page, put, tag


def test_the_end_of_a_log_is_shown_as_a_terminal_would(api: Any) -> None:
    run_id = api.run()
    lines = "".join(f"\x1b[32mINFO\x1b[0m line {number}\n" for number in range(20_000))
    put(api, run_id, "runner/output.log", lines.encode() + b" 50%\r100% <b>\nopen")

    html = page(api, f"/runs/{run_id}/log")

    assert '<div><span class="fg-green">INFO</span> line 19999</div>' in html
    assert "<div>100% &lt;b&gt;</div><div>open</div>" in html
    assert "line 1<" not in html
    assert "are in the whole log only" in html
    assert f'href="/get-artifact?run_id={run_id}&amp;path=runner%2Foutput.log"' in html


def test_another_log_is_found_by_its_name_and_can_be_asked_for(api: Any) -> None:
    run_id = api.run()
    put(api, run_id, "logs/deep/worker.log", b"from the worker")
    put(api, run_id, "train.log", b"from the training")
    put(api, run_id, "model/weights.bin", b"x")

    html = page(api, f"/runs/{run_id}/log")

    assert "from the training" in html
    assert f'href="/runs/{run_id}/log?path=logs%2Fdeep%2Fworker.log"' in html
    assert "from the worker" in page(api, f"/runs/{run_id}/log", path="logs/deep/worker.log")
    for path in ("../../../etc/passwd", "/etc/passwd", "%2e%2e/x"):
        assert "Invalid path" in page(api, f"/runs/{run_id}/log", path=path)
    assert "none.log" in page(api, f"/runs/{run_id}/log", path="none.log")


def tail(api: Any, run_id: str, **query: Any) -> Any:
    return api.http.get(f"/runs/{run_id}/log/tail", params=query).json()


def test_what_is_added_to_a_log_is_had_from_where_its_last_line_began(api: Any) -> None:
    run_id = api.run()
    assert tail(api, run_id)["part"] is None

    put(api, run_id, "output.log", "one\n\x1b[31mtwö\n 50%".encode())
    first = tail(api, run_id)
    put(api, run_id, "output.log", "one\n\x1b[31mtwö\n 50%\r100%\nend\n".encode())
    second = tail(api, run_id, after=first["part"]["after_bytes"], style=first["part"]["classes"])

    assert first["part"]["lines"] == [[["one", ""]], [["twö", "fg-red"]], [[" 50%", "fg-red"]]]
    assert (first["over"], first["path"], first["part"]["joins"]) == (False, "output.log", True)
    assert second["part"]["lines"] == [[["100%", "fg-red"]], [["end", "fg-red"]], []]
    api.post("runs/update", run_id=run_id, status="FINISHED")
    assert tail(api, run_id, after=second["part"]["after_bytes"])["over"] is True


def test_a_log_that_is_another_one_or_far_ahead_does_not_join(api: Any) -> None:
    run_id = api.run()
    put(api, run_id, "output.log", b"x" * 100 + b"\nshort")
    another = tail(api, run_id, after=1000)["part"]
    put(api, run_id, "output.log", b"y\n" * 100_000)
    ahead = tail(api, run_id, after=2)["part"]

    assert (another["joins"], another["start_bytes"], len(another["lines"])) == (False, 0, 2)
    assert ahead["joins"] is False
    assert ahead["start_bytes"] + 2 * (len(ahead["lines"]) - 1) == 200_000
    assert len(ahead["lines"]) <= 32_769


def test_a_tail_is_asked_for_by_a_count_of_bytes(api: Any) -> None:
    for after in ("-1", "x", "9" * 30, "²"):
        assert api.http.get(f"/runs/{api.run()}/log/tail", params={"after": after}).status_code == 400


def test_a_run_without_a_log_says_when_there_will_be_one(api: Any) -> None:
    by_runner = api.run(tags=[tag("runner.ticket", "x")])
    other = api.run()

    assert "stored every few seconds" in page(api, f"/runs/{by_runner}/log")
    assert "as soon as the program stores one" in page(api, f"/runs/{other}/log")
    api.post("runs/update", run_id=other, status="FINISHED")
    assert "This run has no log" in page(api, f"/runs/{other}/log")
