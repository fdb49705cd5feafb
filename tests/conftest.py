"""What all tests share."""

import os
import sys

import pytest
from hypothesis import settings

STATUS = pytest.StashKey[int]()

# A first example compiles or loads kernels, and machines are busy: time is no property of what is tested.
settings.register_profile("parlance", deadline=None)
settings.load_profile("parlance")


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
