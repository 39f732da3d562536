"""The error tree: its drawing, and the answers that become its members."""

from __future__ import annotations

import re

import pytest

from tracking_client import errors


def test_the_drawing_names_every_error_and_its_parent() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^((?:\|  )*)(\+- )?([A-Z]\w+)(?: |$)", line)
        if found is None or not hasattr(errors, found[3]):
            continue
        depth = 0 if found[2] is None else len(found[1]) // 3 + 1
        path[depth:] = [found[3]]
        drawn[found[3]] = path[depth - 1] if depth else "Exception"
    real = {
        name: value.__mro__[1].__name__
        for name, value in vars(errors).items()
        if name != "MlflowException"  # TrackingError by another name
        and isinstance(value, type)
        and issubclass(value, Exception)
        and value.__module__ == errors.__name__
    }
    assert drawn == real


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "INVALID_PARAMETER_VALUE", errors.InvalidArgument),
        (400, "RESOURCE_ALREADY_EXISTS", errors.AlreadyExists),
        (409, "ALREADY_EXISTS", errors.AlreadyExists),
        (404, "RESOURCE_DOES_NOT_EXIST", errors.NotFound),
        (404, "whatever", errors.NotFound),
        (401, "", errors.Unauthorized),
        (403, "PERMISSION_DENIED", errors.Unauthorized),
        (500, "INTERNAL_ERROR", errors.ServerFault),
        (503, "", errors.ServerFault),
        (413, "", errors.ApiError),
    ],
)
def test_an_answer_becomes_the_error_that_handlers_look_for(
    status: int, code: str, kind: type[errors.ApiError]
) -> None:
    error = errors.api_error("what happened", status=status, code=code)
    assert type(error) is kind
    assert (str(error), error.message, error.error_code) == ("what happened", "what happened", code)
    assert error.get_http_status_code() == status
