"""Environments made by virtualenv and filled by uv (by pip where uv is not there)."""

from __future__ import annotations

import sys

from runner.environments.builder import BuildOrder, EnvironmentBuilder
from runner.environments.discovery import Interpreter, find_interpreter
from runner.environments.installer import check_consistency, find_uv, install, tool_environ
from runner.environments.lock import look_inside
from runner.environments.requirements import InstallPlan
from runner.model.environment import Environment
from runner.model.python_version import PythonRequest

# PYTHONHOME would take an environment's standard library from elsewhere; macOS's launcher variable
# names another interpreter. PYTHONPATH stays: projects rely on it to find their own modules.
UNSET = ("PYTHONHOME", "__PYVENV_LAUNCHER__")


class VirtualenvBuilder:
    """The default builder. Stateless, thread-safe."""

    name = "virtualenv"

    def build(self, order: BuildOrder) -> Environment:
        """See EnvironmentBuilder."""
        interpreter = wanted_interpreter(order)
        create_virtualenv(order, interpreter, builder=self.name, with_pip=find_uv(order.environ) is None)
        plan = install(order, order.prefix / "bin" / "python", builder=self.name)
        return finished(order, plan, builder=self.name)


def wanted_interpreter(order: BuildOrder) -> Interpreter:
    """The Python for the order, with a warning where another patch release takes the pinned one's place."""
    assert order.spec.python is not None
    request = PythonRequest.parse(order.spec.python)
    order.report("finding Python")
    interpreter = find_interpreter(request, environ=order.environ)
    if not request.admits(interpreter.version):
        order.warn(
            f"the project asks for Python {request.text}, which is not on this machine: "
            f"{interpreter.version_text} is used instead"
        )
    return interpreter


def create_virtualenv(order: BuildOrder, interpreter: Interpreter, *, builder: str, with_pip: bool) -> None:
    """An empty environment at `order.prefix`: no network, no state outside the staging directory."""
    order.report(f"creating with Python {interpreter.version_text}")
    argv = [sys.executable, "-m", "virtualenv", "--quiet", "--no-download", "--no-periodic-update"]
    argv += ["--app-data", str(order.staging / "app-data"), "--activators", "bash"]
    argv += [] if with_pip else ["--no-seed"]
    order.run(
        [*argv, "--python", str(interpreter.executable), str(order.prefix)],
        builder=builder,
        failure=f"no environment could be created with {interpreter.executable}",
        cwd=order.staging,
        environ=tool_environ(order.environ, VIRTUALENV_CONFIG_FILE=str(order.staging / "no-virtualenv.ini")),
    )


def finished(order: BuildOrder, plan: InstallPlan, *, builder: str) -> Environment:
    """The environment at `order.prefix`, found healthy."""
    python = order.prefix / "bin" / "python"
    order.report("checking")
    inside = look_inside(python, order, builder=builder, installed_from=plan.installed_from)
    check_consistency(order, python)
    return Environment(
        kind=order.spec.kind,
        fingerprint=order.spec.fingerprint(),
        directory=order.prefix,
        python=python,
        path_entries=(str(order.prefix / "bin"),),
        variables={"VIRTUAL_ENV": str(order.prefix)},
        unset=UNSET,
        lock=inside.lock,
    )


def _conforms(builder: VirtualenvBuilder) -> EnvironmentBuilder:
    return builder
