"""The judge of deliveries tells of each promise that is broken, and of none that is kept."""

import pytest

from tests.system.failing_receivers import Heard
from tests.system.pairs import Kept, Logged, Row, Told, breaches

# Two events of one chat for two webhooks; one delivery failed at first, another was cut off.
TOLD = Told({"ada": [1, 2]}, ["north", "south"])
HEARD = (
    Heard("north", 1, "n1", 100, 500),
    Heard("south", 1, "s1", 101, 200),
    Heard("north", 2, "n2", 102, None),
    Heard("north", 1, "n1", 200, 204),
    Heard("south", 2, "s2", 201, 200),
    Heard("north", 2, "n2", 202, 200),
)
ROWS = (
    Row("north", 1, "n1", "delivered", 2),
    Row("north", 2, "n2", "delivered", 2),
    Row("south", 1, "s1", "delivered", 1),
    Row("south", 2, "s2", "delivered", 1),
)
LOG = (
    Logged("n1", 1, 500, "http_500"),
    Logged("n1", 2, 204, "http_204"),
    Logged("n2", 1, None, "interrupted"),
    Logged("n2", 2, 200, "http_200"),
    Logged("s1", 1, 200, "http_200"),
    Logged("s2", 1, 200, "http_200"),
)
KEPT = Kept(TOLD, HEARD, ROWS, LOG)


def _told_of(kept: Kept, interrupted_at_most: int = 1) -> str:
    (only,) = breaches(kept, interrupted_at_most)
    return only


def test_what_is_kept_is_no_breach() -> None:
    assert breaches(KEPT, 1) == []


def test_one_that_was_delivered_before_its_process_died_is_delivered_again() -> None:
    late = (*HEARD[:2], Heard("north", 2, "n2", 102, 200), *HEARD[3:])

    assert breaches(KEPT._replace(heard=late), 1) == []


def test_a_pair_without_a_delivery_is_told_of() -> None:
    kept = Kept(TOLD, HEARD[:4] + HEARD[5:], ROWS[:3], LOG[:5])

    assert _told_of(kept) == "('south', 2) has no delivery"


def test_a_delivery_of_what_was_never_told_is_told_of() -> None:
    kept = KEPT._replace(told=Told({"ada": [1]}, ["north", "south"]))

    assert breaches(kept, 1) == ["('north', 2) was never told of", "('south', 2) was never told of"]


def test_a_pair_with_two_deliveries_is_told_of() -> None:
    heard = (*HEARD, Heard("south", 2, "x2", 300, 200))
    kept = Kept(TOLD, heard, (*ROWS, Row("south", 2, "x2", "delivered", 1)), (*LOG, Logged("x2", 1, 200, "http_200")))

    assert "('south', 2) has 2 deliveries" in breaches(kept, 1)


def test_another_id_for_the_same_pair_is_told_of() -> None:
    heard = (*HEARD, Heard("south", 1, "s9", 300, 500))

    assert _told_of(KEPT._replace(heard=heard)) == "('south', 1) was heard of as s9, not as s1"


def test_an_id_that_is_another_pairs_too_is_told_of() -> None:
    heard = (*HEARD, Heard("south", 1, "s2", 300, None))

    assert _told_of(KEPT._replace(heard=heard)) == "('south', 1) was heard of as s2, not as s1"


@pytest.mark.parametrize("state", ["pending", "running", "failed", "cancelled"])
def test_one_that_has_ended_otherwise_is_told_of(state: str) -> None:
    rows = (*ROWS[:3], ROWS[3]._replace(state=state))

    assert _told_of(KEPT._replace(rows=rows)) == f"s2 has ended as {state}"


def test_one_that_nobody_accepted_is_told_of() -> None:
    heard = (*HEARD[:4], Heard("south", 2, "s2", 201, 302), HEARD[5])

    assert "s2 was accepted by nobody" in breaches(KEPT._replace(heard=heard), 1)


def test_another_order_of_first_tries_is_told_of() -> None:
    heard = (HEARD[4], *HEARD[:4], HEARD[5])

    assert _told_of(KEPT._replace(heard=heard)) == "south has heard of ada in another order: [2, 1]"


def test_what_timed_out_before_it_was_heard_may_come_after_later_ones() -> None:
    heard = (HEARD[0], *HEARD[2:], Heard("south", 1, "s1", 300, 200))
    rows = (*ROWS[:2], ROWS[2]._replace(attempts=2), ROWS[3])
    log = (*LOG, Logged("s1", 1, None, "timeout"), Logged("s1", 2, 200, "http_200"))

    assert breaches(KEPT._replace(heard=heard, rows=rows, log=(*log[:4], *log[5:])), 1) == []


def test_so_may_what_was_heard_again_from_a_process_that_had_stood_still() -> None:
    heard = (HEARD[0], *HEARD[2:], Heard("south", 1, "s1", 300, None), Heard("south", 1, "s1", 400, 200))
    rows = (*ROWS[:2], ROWS[2]._replace(attempts=3), ROWS[3])
    of_s1 = (
        Logged("s1", 1, None, "interrupted"),
        Logged("s1", 2, None, "timeout"),
        Logged("s1", 3, 200, "http_200"),
    )

    assert breaches(KEPT._replace(heard=heard, rows=rows, log=(*LOG[:4], *of_s1, LOG[5])), 2) == []


def test_what_was_interrupted_before_it_was_heard_may_not() -> None:
    heard = (HEARD[0], *HEARD[2:], Heard("south", 1, "s1", 300, 200))
    rows = (*ROWS[:2], ROWS[2]._replace(attempts=2), ROWS[3])
    log = (*LOG, Logged("s1", 1, None, "interrupted"), Logged("s1", 2, 200, "http_200"))
    kept = KEPT._replace(heard=heard, rows=rows, log=(*log[:4], *log[5:]))

    assert _told_of(kept, 2) == "south has heard of ada in another order: [2, 1]"


def test_a_stamp_that_was_answered_before_is_told_of() -> None:
    heard = (*HEARD[:3], Heard("north", 1, "n1", 100, 204), *HEARD[4:])

    assert _told_of(KEPT._replace(heard=heard)) == "n1 was tried again with the stamp of before"


def test_a_stamp_that_was_not_answered_may_come_again_over_another_connection() -> None:
    heard = (*HEARD[:3], Heard("north", 2, "n2", 102, None), *HEARD[3:])

    assert breaches(KEPT._replace(heard=heard), 1) == []


def test_a_try_that_is_not_in_the_log_is_told_of() -> None:
    heard = (Heard("north", 1, "n1", 100, None), *HEARD[1:])

    assert _told_of(KEPT._replace(heard=heard, log=LOG[1:])) == "n1 was tried 2 times, of which the log has [2]"


def test_a_success_before_the_last_try_is_told_of() -> None:
    log = (LOG[0]._replace(status=204, reason="http_204"), *LOG[1:])
    heard = (Heard("north", 1, "n1", 100, 204), *HEARD[1:])

    assert _told_of(Kept(TOLD, heard, ROWS, log)) == "n1: not the last try alone was a success: http_204 http_204"


def test_an_answer_that_nobody_gave_is_told_of() -> None:
    log = (LOG[0]._replace(status=503, reason="http_503"), *LOG[1:])
    heard = (Heard("north", 1, "n1", 100, None), *HEARD[1:])

    assert _told_of(Kept(TOLD, heard, ROWS, log)).startswith("n1: the log has answers that nobody gave")


def test_an_answer_that_is_not_in_the_log_is_told_of() -> None:
    heard = (*HEARD, Heard("south", 2, "s2", 300, 500))

    assert _told_of(KEPT._replace(heard=heard)).startswith("s2: answers are not in the log")


def test_more_interrupted_tries_than_there_can_have_been_are_told_of() -> None:
    assert _told_of(KEPT, 0) == "1 tries were interrupted, where 0 can have been"
