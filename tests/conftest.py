import pytest

from blueport.logs import lines


def pytest_configure(config: pytest.Config) -> None:  # noqa: ARG001 - pytest's own form
    """Have whatever must not be logged fail the test that wants to log it."""
    lines.be_strict()
