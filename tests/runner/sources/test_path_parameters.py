"""Path parameters that lead into the project lead to the same file in a copy of it."""

from __future__ import annotations

from pathlib import Path

from runner.model.parameter import Parameter
from runner.model.project import EntryPoint
from runner.sources.path_parameters import paths_within, places_in
from tests.runner.sources.repositories import NASTY


def project(tmp_path: Path) -> tuple[Path, Path, EntryPoint]:
    top, copy = tmp_path / f"project {NASTY}", tmp_path / "copy"
    for place in (top, copy):
        (place / "sub").mkdir(parents=True)
        (place / "sub" / "wine.csv").write_text(place.name)
    (tmp_path / "outside.csv").write_text("outside")
    (top / "only-here.csv").write_text("")
    entry_point = EntryPoint(
        name="train",
        parameters=(
            Parameter(name="data", kind="path", default="wine.csv"),
            Parameter(name="extra", kind="uri", optional=True),
            Parameter(name="label", optional=True),
        ),
        command="python train.py {data} {extra}",
        directory=top / "sub",
    )
    return top, copy, entry_point


def command(
    entry_point: EntryPoint, params: dict[str, str], base: Path, top: Path, copy: Path
) -> tuple[str, ...]:
    within = paths_within(entry_point, params, base=base, top=top)
    return entry_point.bind(params, base=base, fetched=places_in(copy, within)).command.argv


def test_a_default_beside_the_code_is_the_copys_own(tmp_path: Path) -> None:
    top, copy, entry_point = project(tmp_path)

    argv = command(entry_point, {"extra": "s3://bucket/x"}, tmp_path, top, copy)

    assert argv == ("python", "train.py", str(copy / "sub" / "wine.csv"), "s3://bucket/x")


def test_paths_are_understood_from_where_the_user_stood(tmp_path: Path) -> None:
    top, copy, entry_point = project(tmp_path)

    argv = command(entry_point, {"data": "sub/wine.csv", "extra": "../outside.csv"}, top, top, copy)

    assert argv[2:] == (str(copy / "sub" / "wine.csv"), str(top / "../outside.csv"))


def test_absolute_paths_outside_stay_and_so_do_files_that_the_copy_has_not(tmp_path: Path) -> None:
    top, copy, entry_point = project(tmp_path)
    params = {
        "data": str(tmp_path / "outside.csv"),
        "extra": str(top / "only-here.csv"),
        "label": "sub/wine.csv",
    }

    assert command(entry_point, params, tmp_path, top, copy)[2:4] == (params["data"], params["extra"])
    assert paths_within(entry_point, params, base=tmp_path, top=top) == {"extra": "only-here.csv"}


def test_a_way_into_the_project_through_a_link_counts(tmp_path: Path) -> None:
    top, copy, entry_point = project(tmp_path)
    (tmp_path / "alias").symlink_to(top)

    within = paths_within(entry_point, {"data": "alias/sub/wine.csv"}, base=tmp_path, top=top)

    assert places_in(copy, within) == {"data": str(copy / "sub" / "wine.csv")}
