from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runner.events import Event, OutputLine
from runner.output import OutputLog
from runner.redaction import Redactor, secrets_in

SECRET = "hunter2hunter2"


def test_secrets_are_known_by_their_variables_names() -> None:
    environ = {
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "GITHUB_TOKEN": "tok-123456",
        "TOKEN_FILE": "/run/token-file",
        "SSH_AUTH_SOCK": "/tmp/agent-socket",
        "PATH": "/usr/bin:/bin",
        "EMPTY_TOKEN": "",
    }

    assert secrets_in(environ) == (SECRET.encode(), b"tok-123456")


def test_credentials_in_urls_are_hidden() -> None:
    redact = Redactor(()).hide_text

    assert redact("from https://me:pass@host/x and https://tok@h/y") == (
        "from https://[redacted]@host/x and https://[redacted]@h/y"
    )
    assert redact("mail@host, http://host/a@b") == "mail@host, http://host/a@b"


@given(st.lists(st.integers(1, 20), max_size=10), st.text(alphabet="abhunter2 \n", max_size=40))
def test_a_secret_cut_anywhere_is_hidden_and_all_else_arrives(cuts: list[int], around: str) -> None:
    import tempfile

    text = f"{around}{SECRET}{around}".encode()
    events: list[Event] = []
    with tempfile.TemporaryDirectory() as folder:
        log = OutputLog(
            Path(folder) / "log", run_id="r", redactor=Redactor([SECRET.encode()]), listener=events.append
        )
        rest = text
        for cut in cuts:
            log.feed("stdout", rest[:cut])
            rest = rest[cut:]
        log.feed("stdout", rest)
        log.close()
        stored = (Path(folder) / "log").read_bytes()

    shown = b"".join(event.data for event in events if isinstance(event, OutputLine))
    assert shown == stored == text.replace(SECRET.encode(), b"[redacted]")


def test_the_tail_shows_the_last_state_of_a_progress_bar(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "log", run_id="r", redactor=Redactor(()), listener=lambda _: None)

    for piece in (b"start\n 10%\r 50%\r", b"100%\r\n", b"no newline"):
        log.feed("stderr", piece)
    log.close()

    assert log.tail() == "start\n100%\nno newline"


def test_a_full_disk_costs_the_log_but_not_the_output() -> None:
    events: list[Event] = []
    log = OutputLog(Path("/dev/full"), run_id="r", redactor=Redactor(()), listener=events.append)

    log.feed("stdout", b"a\n")
    log.feed("stdout", b"b\n")
    log.close()

    assert [type(event).__name__ for event in events] == ["Warned", "OutputLine", "OutputLine"]
    assert "No space left" in str(events[0])
