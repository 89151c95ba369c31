import os
import time
from collections.abc import Iterator

import pytest

from blueport.daemon.chatdb.dates import apple_ns, unix_ms


@pytest.fixture
def _in_kathmandu() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Kathmandu"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


class TestUnixMs:
    @pytest.mark.parametrize(
        ("apple", "unix"),
        [
            (546_062_408_473_794_200, 1_524_369_608_473),  # date-01: 2018-04-22, nanoseconds
            (500_000_000, 1_478_307_200_000),  # date-01, date-02: 2016-11-05T00:53:20Z, seconds
            (725_135_321_123_456_789, 1_703_442_521_123),  # date-06
            (0, None),
            (None, None),
            (10**13, None),
        ],
    )
    def test_the_size_tells_the_unit(self, apple: int | None, unix: int | None) -> None:
        assert unix_ms(apple) == unix

    @pytest.mark.usefixtures("_in_kathmandu")
    def test_the_zone_of_the_mac_makes_no_difference(self) -> None:  # date-07
        assert unix_ms(500_000_000) == 1_478_307_200_000

    def test_there_and_back_is_the_same(self) -> None:
        assert unix_ms(apple_ns(1_795_583_605_172)) == 1_795_583_605_172
