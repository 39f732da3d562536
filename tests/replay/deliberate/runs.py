"""Experiments, runs and what is logged to them."""

from __future__ import annotations

from tests.replay.differences import Difference

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        name="SQL in messages of names that are taken",
        why="MLflow appends the database's error and statement to its message.",
        recordings="experiments",
        their_message="already exists.*sqlite3",
        request="taken|deleted one",
        ours=400,
        code="RESOURCE_ALREADY_EXISTS",
        message=r"^Experiment\(name=[\w ]+\) already exists\.$",
    ),
    Difference(
        name="renaming to a name that is taken",
        why="MLflow answers BAD_REQUEST with the SQL statement.",
        recordings="experiments",
        request="renamed to a name that is taken",
        theirs=400,
        ours=400,
        code="RESOURCE_ALREADY_EXISTS",
        message=r"^Experiment\(name=one\) already exists\.$",
    ),
    Difference(
        name="places that leave the store",
        why="Artifact locations with '..', queries and fragments are refused: they reach outside.",
        recordings="experiments",
        request="^(a query|a fragment|dots) in a location",
        ours=400,
        message="Invalid artifact location",
    ),
    Difference(
        name="runs start now",
        why="A run without a start time starts when it is made; MLflow says 1970.",
        recordings="runs",
        request="^no start time",
        ignored=("reply.run.info.start_time",),
    ),
    Difference(
        name="the default experiment",
        why="A run without an experiment belongs to the default one, as MLflow's own Python API has it; its "
        "server fails on a constraint of its database.",
        recordings="runs",
        request="^(no experiment|nothing at all)",
        their_message="sqlite3",
        ours=200,
    ),
    Difference(
        name="which points stand for a curve",
        why="Both thin a history evenly, with its first and last point; the points between are others.",
        recordings="metrics",
        request="^(five of twenty|part, thinned|two runs)",
        ignored=("reply.metrics.*.step", "reply.metrics.*.timestamp", "reply.metrics.*.value"),
    ),
    Difference(
        name="metrics of unknown models",
        why="MLflow fails on a constraint of its database and shows the SQL.",
        recordings="metrics",
        request="^of a model that is not there",
        their_message="sqlite3",
        ours=404,
        code="RESOURCE_DOES_NOT_EXIST",
        message="Logged model with ID 'm-nothing' not found",
    ),
    Difference(
        name="datasets under both prefixes",
        why="MLflow serves this call under /ajax-api, and for clients at an address without a slash.",
        recordings="run_data",
        request="^not for clients",
        theirs=404,
        ours=200,
    ),
    Difference(
        name="models noted twice",
        why="A repeated request is harmless; MLflow fails on a constraint of its database.",
        recordings="run_data",
        request="^(again|no step)",
        their_message="sqlite3",
        ours=200,
    ),
)
