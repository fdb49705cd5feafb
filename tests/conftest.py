"""What all tests share."""

import os
import sys

import pytest
from hypothesis import settings

from tests.orchestration.conftest import QUICK_RUN, Workspace, new_workspace

STATUS = pytest.StashKey[int]()

# A first example compiles or loads kernels, and machines are busy: time is no property of what is tested.
settings.register_profile("parlance", deadline=None)
settings.load_profile("parlance")


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace after `make run CONFIG=recipes/quick.yaml`, for all end-to-end tests; copy it to change it."""
    made = new_workspace(tmp_path_factory.mktemp("sample") / "home")
    done = made.python(*QUICK_RUN)
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the process at once.

    The native threads of LanceDB and Delta Lake outlive the tests and may call into an interpreter that is being torn
    down: of some runs whose tests had all passed one ended with a segmentation fault there.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(config.stash.get(STATUS, pytest.ExitCode.INTERNAL_ERROR))
