"""What a test delivery came to, as the wire has it."""

from __future__ import annotations

import msgspec

from tracking_server.webhooks.sender import Answer, DeliveryFailed


class TestResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether a receiver took an example, and what it said: a status and the beginning of a body."""

    success: bool
    response_status: int | None = None
    response_body: str | None = None
    error_message: str | None = None


def taken(answer: Answer) -> TestResult:
    """The receiver took it."""
    return TestResult(success=True, response_status=answer.status, response_body=answer.excerpt or None)


def refused(failure: DeliveryFailed) -> TestResult:
    """It came to nothing."""
    answer = failure.answer
    return TestResult(
        success=False,
        response_status=None if answer is None else answer.status,
        response_body=None if answer is None else answer.excerpt or None,
        error_message=f"Failed to test webhook: {failure}",
    )
