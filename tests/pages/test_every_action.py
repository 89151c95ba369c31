"""What is done on pages is known by where it was asked for."""

from tests.pages.every_action import missed_of


def test_what_is_done_is_not_taken_for_what_stands_beside_it() -> None:
    missed = missed_of({"POST /dashboard/settings/new", "GET /people", "DELETE /faults"})

    assert "POST /dashboard/settings/new" not in missed
    assert {"POST /dashboard/settings/{account_id}", "POST /people", "POST /faults"} <= set(missed)
