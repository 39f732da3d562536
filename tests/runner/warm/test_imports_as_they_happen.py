"""What an import does is done when the program imports, and only then."""

from __future__ import annotations

import pytest

from .conftest import Project


def test_what_an_import_prints_and_sets_appears_at_the_import(project: Project) -> None:
    project.install(
        "noisy",
        "import os, sys\nprint('loading')\nos.write(2, b'from C\\n')\nos.environ['NOISY'] = 'set'\n"
        "os.environ.pop('GIVEN', None)\n",
    )
    project.write(
        "script.py",
        "import os\nprint('before', os.environ.get('NOISY'), os.environ.get('GIVEN'))\nimport noisy\n"
        "print('after', os.environ.get('NOISY'), os.environ.get('GIVEN'))\nimport noisy\n",
    )

    cold, warm = (run("python", "script.py", GIVEN="1") for run in (project.cold, project.warm))

    assert warm == cold
    assert warm.stdout == "before None 1\nloading\nafter set None\n"
    assert project.templates.warm_count == 1


def test_an_import_that_does_not_happen_leaves_no_trace(project: Project) -> None:
    project.install("noisy", "import os, json\nprint('loading')\nos.environ['NOISY'] = 'set'\n")
    project.write(
        "script.py",
        "import os, sys\ndef rarely():\n    import noisy\n"
        "if len(sys.argv) > 1:\n    rarely()\nprint('noisy' in sys.modules, 'json' in sys.modules, os.environ.get('NOISY'))\n",
    )

    assert project.warm("python", "script.py").stdout == "False False None\n"
    assert project.warm("python", "script.py", "--now").stdout == "loading\nTrue True set\n"
    assert project.templates.warm_count == 2


def test_a_package_that_looks_for_another_sees_what_was_imported_before_it(project: Project) -> None:
    project.install("other", "")
    project.install("looking", "import sys\nFOUND = 'other' in sys.modules\n")
    project.write("script.py", "import looking\ndef f():\n    import other\nprint(looking.FOUND)\n")

    assert project.warm("python", "script.py") == project.cold("python", "script.py")
    assert project.templates.warm_count == 1


@pytest.mark.parametrize(
    "setting",
    [
        "os.environ['BACKEND'] = 'jax'",
        "os.environ.setdefault('BACKEND', 'jax')",
        "environ['BACKEND'] = 'jax'",
    ],
)
def test_a_variable_that_the_script_sets_is_set_before_its_imports(project: Project, setting: str) -> None:
    project.install("keras_like", "import os\nBACKEND = os.environ.get('BACKEND', 'tensorflow')\n")
    project.install("first", "import os\nBACKEND = os.environ.get('BACKEND', 'none')\n")
    project.write("network.py", f"import first, os\nfrom os import environ\n{setting}\nimport keras_like\n")
    project.write(
        "script.py",
        "import sys\ndef train():\n    import network\n    return network.first.BACKEND, network.keras_like.BACKEND\n"
        "print(train())\n",
    )

    warm = project.warm("python", "script.py")

    assert warm.stdout == "('none', 'jax')\n"
    assert (project.said, project.templates.warm_count) == ([], 1)


def test_what_is_imported_after_a_computed_variable_is_left_to_the_program(project: Project) -> None:
    project.install("keras_like", "import os\nBACKEND = os.environ.get('BACKEND')\nPID = os.getpid()\n")
    project.write(
        "script.py",
        "import os, sys\nos.environ['BACKEND'] = sys.argv[1]\nimport keras_like\n"
        "print(keras_like.BACKEND, keras_like.PID == os.getpid())\n",
    )

    for name in ("jax", "torch"):
        assert project.warm("python", "script.py", name).stdout == f"{name} True\n"
    assert (project.said, project.templates.warm_count) == ([], 2)


def test_a_variable_that_was_not_foreseen_starts_the_program_over_and_later_ones_cold(
    project: Project,
) -> None:
    project.install("keras_like", "import os\nBACKEND = os.environ.get('BACKEND')\n")
    project.write(
        "script.py",
        "import os, sys\nsetattr(sys, 'x', getattr(os, 'environ').__setitem__('BACKEND', sys.argv[1]))\n"
        "import keras_like\nprint(keras_like.BACKEND, sys.stdin.read())\n",
    )

    outputs = [project.warm("python", "script.py", name).stdout for name in ("jax", "torch")]

    assert outputs == ["jax \n", "torch \n"]
    assert project.said == ["script.py is started cold: BACKEND is changed before keras_like is imported"]


def test_a_module_on_a_path_that_the_program_adds_is_the_one_it_gets(project: Project) -> None:
    project.install("twice", "WHERE = 'environment'\n")
    project.write("vendored/twice.py", "WHERE = 'vendored'\n")
    project.write(
        "script.py", "import sys\nsys.path.insert(0, 'vendored')\nimport twice\nprint(twice.WHERE)\n"
    )

    assert project.warm("python", "script.py").stdout == "vendored\n"
    assert len(project.said) == 1
    assert project.said[0].endswith("vendored has a module twice of its own")


def test_a_package_that_cannot_be_imported_shows_its_error_in_the_program(project: Project) -> None:
    project.install("broken_one", "import json\nraise ImportError('no library')\n")
    project.write(
        "script.py",
        "try:\n    import broken_one\nexcept ImportError as error:\n    print(error)\nimport broken_one",
    )

    cold, warm = project.cold("python", "script.py"), project.warm("python", "script.py")

    assert warm == cold
    assert (project.said, project.templates.warm_count) == ([], 1)


def test_code_of_the_project_is_never_executed_ahead(project: Project) -> None:
    project.write("beside.py", "import os\nPID = os.getpid()\n")
    project.write("src/elsewhere.py", "import os\nPID = os.getpid()\n")
    project.environ["PYTHONPATH"] = str(project.directory / "src")
    project.write(
        "script.py", "import beside, elsewhere, os\nprint(beside.PID == os.getpid() == elsewhere.PID)\n"
    )

    assert project.warm("python", "script.py").stdout == "True\n"

    project.write("beside.py", "PID = 0\n")
    assert project.warm("python", "script.py").stdout == "False\n"
    assert (project.said, project.templates.warm_count) == ([], 2)


def test_a_changed_environment_is_imported_anew(project: Project) -> None:
    project.install("package_a", "")
    project.write("script.py", "import package_a\nprint(hasattr(package_a, 'NEW'))\n")
    assert project.warm("python", "script.py").stdout == "False\n"

    (project.directory.parent / "site-packages" / "package_a.py").unlink()
    project.install("package_a", "NEW = 'of another length'\n")

    assert project.warm("python", "script.py").stdout == "True\n"
    assert (project.said, project.templates.warm_count) == ([], 2)


def test_what_a_modules_function_imports_for_a_later_module_is_not_needed_by_the_first(
    project: Project,
) -> None:
    project.install("early", "def f():\n    import late_part\n")
    project.install("late_part", "")
    project.install("heavy", "import early\nearly.f()\n")
    project.write(
        "script.py",
        "import os, sys\nimport early\nprint('late_part' in sys.modules)\n"
        "def f():\n    os.environ.setdefault('LEVEL', '3')\n    import heavy\n"
        "f()\nprint('late_part' in sys.modules)\n",
    )

    warm = project.warm("python", "script.py")

    assert warm == project.cold("python", "script.py")
    assert warm.stdout == "False\nTrue\n"
    assert project.templates.warm_count == 1


def test_a_variable_is_no_reason_where_only_pythons_own_modules_are_imported_after_it(
    project: Project,
) -> None:
    project.write(
        "script.py",
        "import os, sys\nimport argparse\nos.environ[sys.argv[1]] = '3'\n"
        "def f():\n    import fractions\n    return fractions.Fraction(1, 2)\nprint(f())\n",
    )

    warm = project.warm("python", "script.py", "LEVEL")

    assert warm == project.cold("python", "script.py", "LEVEL")
    assert project.templates.warm_count == 1
