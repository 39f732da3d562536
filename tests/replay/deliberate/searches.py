"""Filters, orders and pages of searches."""

from __future__ import annotations

from tests.replay.differences import Difference

_LARGER = (
    r"metrics\.deep/er >|= `adam`|params\.optimizer IN|tags\.team IN|status (NOT )?IN|run_name (NOT )?IN|"
    r"metric\.loss|attribute\.name|IS NULL|IS NOT NULL|order_by.*(Run Name|run name|experiment_id\"\]|attributes\.name|params\.p|tags\.t)|run_uuid = |"
    r"attributes\.experiment_id|name (NOT )?IN|attributes\.name|attr\.name|experiment_id LIKE|"
    r'"filter": " "| OR |"\(|NOT metrics|NOT name|==|<>'
)

DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        name="words for too large a page",
        why="One message for all searches; MLflow has a hint about the value's type for runs.",
        recordings="search_runs",
        request="^more than the most",
        theirs=400,
        message="It must be at most 50000$",
    ),
    Difference(
        name="texts of SQL and of Python",
        why="'' in a text is a quote, as in SQL; MLflow reads Python literals, adjacent ones joined.",
        recordings="search_runs",
        request=r"it''s|it\\\\'s|'a' 'b'",
        theirs=200,
        ignored=("reply", "got"),
    ),
    Difference(
        name="ILIKE beyond ASCII",
        why="Case is ignored for all letters; MLflow leaves that to the database, and SQLite knows ASCII only.",
        recordings="search_runs",
        request="params.unicode ILIKE",
        ignored=("reply",),
    ),
    Difference(
        name="ids of experiments as numbers in searches",
        why="MLflow cannot parse the request, and answers as if it named no experiment.",
        recordings="search_runs|logged_models",
        request="^numbers",
        theirs=200,
        ours=200,
    ),
    Difference(
        name="half a filter",
        why="MLflow passes over dangling ANDs, missing ANDs and missing names; a typing error changes what is "
        "found. We say where the filter breaks.",
        recordings="search_.*|logged_models|client",
        request=r"AND\"|\"AND|AND AND|0.5 metrics|metrics\. >",
        theirs=200,
        ours=400,
        message="^Invalid filter",
    ),
    Difference(
        name="duplicate keys of an order",
        why="MLflow answers 500 for runs, and passes over them elsewhere.",
        recordings="search_.*|logged_models|client",
        request=r"order_by\": \[.*(metrics.loss.*metrics.loss|start_time.*start_time|name.*name)",
        ours=400,
        message="contains duplicate fields",
    ),
    Difference(
        name="lists that are none",
        why="MLflow answers 500.",
        recordings="search_.*",
        request=r"IN \(a\)",
        theirs=500,
        ours=400,
        message="^Invalid filter",
    ),
    Difference(
        name="views that are none",
        why="MLflow cannot parse the request, and answers as if it named no view.",
        recordings="search_.*",
        request=r"^view .*(SOME|all|: 0)",
        theirs=200,
        ours=400,
        message="Invalid view type",
    ),
    Difference(
        name="own words for filters and orders",
        why="Our messages point at the place in the filter.",
        recordings="search_.*|logged_models|client",
        request=r"search \{.*\"(filter|order_by)",
        theirs=400,
        message="",
    ),
    Difference(
        name="a larger language",
        why="OR, NOT, parentheses, IN for every text, names with slashes, == and <>.",
        recordings="search_.*|logged_models|client",
        request=_LARGER,
        theirs=400,
        ours=200,
    ),
)
