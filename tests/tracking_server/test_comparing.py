"""Comparisons of runs: what is found to differ, what is left out, what goes into files; without a browser."""

from __future__ import annotations

import csv
import html
import io
import re
import time
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from tracking_server.store.records import MAX_FLOAT
from tracking_server.ui import csv_cells
from tracking_server.ui.compare import packages, question
from tracking_server.ui.compare.table import LONG, change, text_line
from tracking_server.ui.run.source import comparison_page_of


def compared(api: Any, *run_ids: str, path: str = "/compare.json", **query: str) -> Any:
    """What the JSON of a comparison says."""
    reply = api.http.get(path, params={"run": list(run_ids), **query})
    assert reply.status_code == 200, reply.text
    return reply.json() if path.endswith("json") else str(reply.text)


def rows(document: Any, section: str) -> dict[str, Any]:
    found = next(each for each in document["sections"] if each["name"] == section)
    return {row["name"]: row for row in found["rows"]}


def filled(api: Any, params: dict[str, str], metrics: dict[str, float | str] | None = None) -> str:
    """A run with these parameters and metrics."""
    run_id = str(api.run(start_time=1))
    pairs = [{"key": key, "value": value} for key, value in params.items()]
    points = [{"key": key, "value": value, "timestamp": 1} for key, value in (metrics or {}).items()]
    for start in range(0, max(len(pairs), 1), 100):
        api.post("runs/log-batch", run_id=run_id, params=pairs[start : start + 100])
    api.post("runs/log-batch", run_id=run_id, metrics=points)
    return run_id


def test_what_a_run_lacks_differs_and_nan_is_like_nan(api: Any) -> None:
    one = filled(api, {"a": "1", "b": "x"}, {"nan": "NaN", "mixed": "NaN", "inf": "Infinity", "m": 1.5})
    two = filled(api, {"a": "1"}, {"nan": "NaN", "mixed": 0, "inf": "Infinity", "m": 1.5})

    document = compared(api, one, two, show="all")

    assert rows(document, "params")["b"] == {"name": "b", "differs": True, "values": ["x", None]}
    differing = {name: row["differs"] for name, row in rows(document, "metrics").items()}
    assert differing == {"nan": False, "mixed": True, "inf": False, "m": False}


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("metrics.loss", [-2.0, 0.5, 10.0, "NaN", None]),
        ("-metrics.loss", [10.0, 0.5, -2.0, "NaN", None]),
        ("params.lr", [10.0, 0.5, "NaN", -2.0, None]),
        ("metrics.nothing", [0.5, "NaN", None, 10.0, -2.0]),
        ("tags.mlflow.user", [0.5, "NaN", None, 10.0, -2.0]),
        ("-", [0.5, "NaN", None, 10.0, -2.0]),
    ],
)
def test_runs_stand_in_the_order_of_a_row(api: Any, sort: str, expected: list[object]) -> None:
    made = [
        filled(api, {"lr": "0.1"}, {"loss": 0.5}),
        filled(api, {"lr": "0.1"}, {"loss": "NaN"}),
        filled(api, {}, {}),
        filled(api, {"lr": "1e-3"}, {"loss": 10.0}),
        filled(api, {"lr": "auto"}, {"loss": -2.0}),
    ]

    document = compared(api, *made, sort=sort)

    assert rows(document, "metrics")["loss"]["values"] == expected


@pytest.mark.parametrize(
    "sort",
    [
        "metrics.a\0b",
        "params.\0",
        "params.\ud800",
        '-params.it\'s "q" % _',
        "metrics." + "x" * 5000,
        "-",
        "params.",
    ],
    ids=ascii,
)
def test_whatever_is_asked_for_as_an_order_is_answered(api: Any, sort: str) -> None:
    made = [filled(api, {"lr": "0.1"}), filled(api, {})]
    runs = urlencode({"run": made}, doseq=True)

    for path in ("/compare", "/compare.csv", "/compare.json"):
        reply = api.http.get(f"{path}?{runs}&sort={quote(sort, errors='surrogatepass')}")
        assert reply.status_code in (200, 400), reply.text


def test_the_name_of_a_row_sorts_the_runs_turns_round_and_lets_go(api: Any) -> None:
    made = [filled(api, {"same": "1"}, {"a b:c": number}) for number in (2, 1, 3)]

    def after(address: str) -> tuple[list[str], str]:
        text = api.http.get(address).text
        cells = re.search(r'<th scope="row"[^>]*><a href="([^"]+)"[^>]*>a b:c.*?</tr>', text, re.DOTALL)
        assert cells is not None
        values = re.findall(r'<td class="figure[^>]*>(\d)', cells[0])
        return values, html.unescape(cells[1])

    values, link = after(f"/compare?{urlencode({'run': made}, doseq=True)}")
    assert values == ["2", "1", "3"]
    for expected in (["1", "2", "3"], ["3", "2", "1"], ["2", "1", "3"]):
        values, link = after(link)
        assert values == expected


def test_texts_that_only_end_or_begin_in_another_case_or_blank_differ(api: Any) -> None:
    one, two = filled(api, {"blank": "a", "case": "a"}), filled(api, {"blank": "a ", "case": "A"})

    document = compared(api, one, two, show="differences")

    assert set(rows(document, "params")) == {"blank", "case"}


def test_more_than_ten_equal_rows_are_left_out_at_first(api: Any) -> None:
    same = {f"same{number:02}": "1" for number in range(11)}
    one, two = filled(api, {**same, "lr": "1"}), filled(api, {**same, "lr": "2"})
    few = {key: same[key] for key in list(same)[:9]}
    three, four = filled(api, {**few, "lr": "1"}), filled(api, {**few, "lr": "2"})

    assert set(rows(compared(api, one, two), "params")) == {"lr"}
    assert len(rows(compared(api, three, four), "params")) == 10
    assert len(rows(compared(api, one, one), "params")) == 12  # one run alone has nothing that differs


def test_a_page_shows_some_rows_and_says_how_many_are_left(api: Any) -> None:
    params = {f"p{number:04}": str(number) for number in range(700)}
    one, two = filled(api, params), filled(api, {**params, "p0000": "other"})
    address = f"/compare?run={one}&run={two}&show=all"

    first = api.http.get(address).text
    last = api.http.get(f"{address}&params_from=500").text

    assert "p0499" in first
    assert "p0500" not in first
    assert "200 more are not shown" in first
    assert "params_from=500" in first
    assert "p0699" in last
    assert "p0499" not in last
    assert len(rows(compared(api, one, two, show="all"), "params")) == 700


def test_two_hundred_runs_are_compared_and_more_refused_kindly(api: Any) -> None:
    run_ids = [filled(api, {"n": str(number), "same": "1"}) for number in range(201)]

    page = api.http.get("/compare", params={"run": run_ids[:200]})
    refused = api.http.get("/compare", params={"run": run_ids})

    assert "200 runs compared" in page.text
    assert refused.status_code == 400
    assert "select fewer" in refused.text


def test_a_file_says_what_differs_from_the_baseline(api: Any) -> None:
    one, two = filled(api, {}, {"m": 2.0, "zero": 0}), filled(api, {}, {"m": 1.0, "zero": 1})

    row = rows(compared(api, one, two, baseline=one), "metrics")["m"]
    text = compared(api, one, two, path="/compare.csv", baseline=one)

    assert row["values"] == [2.0, 1.0]
    assert row["differences"] == [None, -1.0]
    assert row["percent"] == [None, -50.0]
    table = list(csv.reader(io.StringIO(text)))
    assert ["difference", "m", "", "-1.0"] in table
    assert ["percent", "zero", "", ""] in table  # nobody can say


def test_formulas_in_a_csv_file_are_defused(api: Any) -> None:
    one = filled(api, {"formula": '=HYPERLINK("http://evil.example")', "number": "-1.5e-3", "dash": "-x"})

    text = compared(api, one, path="/compare.csv")

    table = {row[1]: row[2] for row in csv.reader(io.StringIO(text)) if row[0] == "params"}
    assert table["formula"].startswith("'=HYPERLINK")
    assert table["number"] == "-1.5e-3"
    assert table["dash"] == "'-x"


@given(st.lists(st.lists(st.text(st.characters(blacklist_categories=["Cs"])), min_size=1)))
def test_csv_is_read_back_as_it_was_but_for_formulas(table: list[list[str]]) -> None:
    text = "".join(map(csv_cells.row, table))

    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read == [[csv_cells.defused(cell) for cell in row] for row in table]
    assert not any(cell[:1] in "=@" for row in read for cell in row if cell)


def test_an_artifact_that_cannot_be_read_is_said(api: Any) -> None:
    one = api.run(tags=[{"key": "runner.environment.lock", "value": "runs:/nosuchrun/x"}])
    two = api.run(tags=[{"key": "runner.environment", "value": "abc"}])

    page = api.http.get("/compare", params={"run": [one, two], "show": "all"}).text

    assert "The packages of 1 of these runs cannot be read" in page


def test_everything_that_clients_store_is_escaped(api: Any) -> None:
    evil = "<script>alert(1)</script>"
    run = api.run(run_name=evil, tags=[{"key": "t", "value": evil}])
    repository = [("mlflow.source.git.repoURL", f"javascript:{evil}"), ("mlflow.source.git.commit", evil)]
    for key, value in repository:
        api.post("runs/set-tag", run_id=run, key=key, value=value)

    page = api.http.get("/compare", params={"run": run, "show": "all", "search": ""}).text

    assert evil not in page
    assert 'href="javascript:' not in page


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (2.0, 3.0, (1.0, 50.0)),
        (-2.0, -3.0, (-1.0, -50.0)),
        (0.0, 1.0, (1.0, None)),
        ("NaN", 1.0, (None, None)),
        (1.0, MAX_FLOAT, (None, None)),
        (None, 1.0, (None, None)),
        (1e-320, 1e300, (1e300, None)),
        (-1.7e308, 1.7e308, (None, None)),
    ],
)
def test_the_change_of_a_metric_has_the_sign_of_its_difference(old: Any, new: Any, expected: Any) -> None:
    assert change(old, new) == expected


def test_long_texts_that_differ_look_different() -> None:
    start = "x" * 1000
    line = text_line("k", [start + "a" * 500, start + "b" * 500, None], baseline=0)

    first, second, none = line.cells
    assert first.text != second.text
    assert "a" in str(first.text)
    assert len(str(first.text)) <= LONG + 2
    assert none.text is None
    assert [cell.differs for cell in line.cells] == [False, True, True]


LOCK = """# python 3.11.4
NumPy==1.26.0
my_package==1.0  # from -e ./lib sha256:abc
other @ git+https://forge.example/o/other@deadbeef
"""
CONDA = """# This file may be used to create an environment
@EXPLICIT
https://host.example/linux-64/numpy-1.26.4-py311h64a7726_0.conda#0123
# seen by Python:
# python 3.11.4
# numpy==1.26.4
# tomli==2.0.1
"""


def test_packages_are_read_off_every_kind_of_lock() -> None:
    assert packages.of(LOCK) == {
        "my-package": "1.0 from -e ./lib sha256:abc",
        "numpy": "1.26.0",
        "other": "git+https://forge.example/o/other@deadbeef",
        "python": "3.11.4",
    }
    assert packages.of(CONDA) == {"numpy": "1.26.4 py311h64a7726_0", "python": "3.11.4", "tomli": "2.0.1"}
    image = packages.of("# docker image\nimage:1\nsha256:abc\n")
    assert image == {"image": "image:1", "image's identity": "sha256:abc"}


@given(st.text())
def test_any_text_is_read_as_some_packages(text: str) -> None:
    assert all(name and name == name.lower() for name in packages.of(text))


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        (
            "https://user:secret@github.example/team/x.git",
            "https://github.example/team/x/compare/aaaaaaa...bbbbbbb",
        ),
        (
            "git@gitlab.example:group/sub/x.git",
            "https://gitlab.example/group/sub/x/-/compare/aaaaaaa...bbbbbbb",
        ),
        (
            "ssh://git@bitbucket.example:7999/team/x.git",
            "https://bitbucket.example/team/x/branches/compare/bbbbbbb%0Daaaaaaa",
        ),
        ("https://nobody-knows.example/x", ""),
        ("/home/me/project", ""),
        ("javascript:alert(1)", ""),
        ("https://[::1/x", ""),
    ],
)
def test_what_lies_between_two_commits_is_at_the_forge(repository: str, expected: str) -> None:
    assert comparison_page_of(repository, "aaaaaaa", "bbbbbbb") == expected
    assert comparison_page_of(repository, "aaaaaaa", "aaaaaaa") == ""
    assert comparison_page_of(repository, "main; rm", "aaaaaaa") == ""


def test_the_address_of_a_question_asks_it_again() -> None:
    asked = question.Question(
        run_ids=("a", "b"),
        baseline="b",
        show="all",
        search="x y",
        open=frozenset({"metrics"}),
        skipped={"metrics": 500},
        patch="a",
    )
    for wanted in (asked, question.Question(run_ids=("a",)), asked.toggled("metrics")):
        query = wanted.address().partition("?")[2]
        assert question.read(QueryParams(query)) == (wanted, False)


def test_removing_the_baseline_leaves_none() -> None:
    asked, moves = question.read(QueryParams("run=a&run=b&run=a&baseline=a&remove=a"))

    assert moves
    assert (asked.run_ids, asked.baseline) == (("b",), "")


def test_a_long_text_that_is_almost_a_number_is_exported_at_once() -> None:
    began_s = time.perf_counter()

    assert csv_cells.defused("-" + "1" * 100_000 + "x").startswith("'-")
    assert csv_cells.defused("-12.5e-3") == "-12.5e-3"

    assert time.perf_counter() - began_s < 1
