"""What concerns every call."""

from __future__ import annotations

from tests.replay.differences import Difference

_WRONG = "Invalid value|Missing value"

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        name="JSON instead of HTML",
        why="MLflow answers a page of HTML, which its own clients cannot read; we answer the error as JSON.",
        request="unknown endpoint|does not have|not for clients",
        theirs=404,
        ours=404,
        code="ENDPOINT_NOT_FOUND",
        message="There is no endpoint",
    ),
    Difference(
        name="wrong methods",
        why="As for unknown endpoints: JSON instead of HTML.",
        request="wrong method",
        theirs=405,
        ours=405,
        code="BAD_REQUEST",
        message="answers",
    ),
    Difference(
        name="version as text",
        why="It is plain text; MLflow calls it HTML.",
        recordings="about",
        request="GET /version",
        ignored=("headers_got.content-type",),
    ),
    Difference(
        name="what we do not have",
        why="There is no gateway. URLs for uploads past the server are offered where the store can sign them.",
        recordings="about|client",
        request="server-info",
        ignored=(
            "reply.features_enabled",
            "reply.presigned_upload_run_id_supported",
            "reply.presigned_upload_model_id_supported",
        ),
    ),
    Difference(
        name="crashes",
        why="MLflow answers 500 with HTML where the caller's value is wrong; we say which value.",
        theirs=500,
        request=r"^(a list|no number|metrics of numbers|no object|number)",
        ours=400,
        message=f"{_WRONG}|missing mandatory",
    ),
    Difference(
        name="nulls",
        why="Null means absent everywhere; MLflow crashes in this place.",
        request="^metrics null",
        theirs=500,
        ours=200,
    ),
    Difference(
        name="the same key twice",
        why="The last of equal tags wins; MLflow fails on a constraint of its database and shows the SQL.",
        request="^(a )?(tag|param) twice",
        their_message="sqlite3|IntegrityError",
        ours=200,
    ),
    Difference(
        name="missing keys are missing",
        why="MLflow calls an absent key invalid for resolving to '.'.",
        their_message="would resolve to '.'$",
        request="without key|no key",
        theirs=400,
        message="Missing value for required parameter '.*key'",
    ),
    Difference(
        name="ids beyond the database",
        why="MLflow answers 500.",
        theirs=500,
        request="too large",
        ours=400,
        message="must be a valid integer",
    ),
    Difference(
        name="deleting and restoring twice",
        why="A repeated request is harmless: clients repeat requests whose answers were lost.",
        request="^(deleted twice|restored twice)",
        theirs=404,
        ours=200,
    ),
    Difference(
        name="ids as numbers",
        why="Ids of experiments are taken as numbers too.",
        request="^(experiment id as a number|numbers)",
        their_message="of type '(int|list)'",
        ours=200,
    ),
    Difference(
        name="malformed requests",
        why="Where MLflow cannot parse a request it goes on with the fields it has read until then, and "
        "stores zeros and blanks for the rest; we refuse.",
        request=r"^(param without key|no key|long key|step with a fraction|time with a fraction|step too large|no number|unknown token|"
        r"start time (with a fraction|too large)|tags as an object|user as a number|status (unknown|in small)|"
        r"a metric with text|no dataset|no name|no digest|empty name \| .*log-inputs|long source_type|tag without key|no model|long tag key)",
        theirs=200,
        ours=400,
        message=f"{_WRONG}|must have a dataset|exceeds the maximum",
    ),
    Difference(
        name="one message for changed parameters",
        why="log-batch says it in the words of log-parameter.",
        request="^a parameter changed",
        theirs=400,
        message="Changing param values is not allowed. Param with key='k1'",
    ),
    Difference(
        name="tokens of our own",
        why="Page tokens are keys, not offsets; they are opaque to clients, and so is what is wrong with one.",
        request="unknown token",
        theirs=400,
        message="Invalid page token",
    ),
)
