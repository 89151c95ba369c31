"""Fifty calls under one Idempotency-Key, and ten without one, while the servers die under them: each is done once."""

import random

from tests.databases import Database
from tests.system.storming import storm

# A failure prints its seed, and it is another one at each run.
SEED = random.randrange(2**32)


# srv-056, srv-096
def test_whatever_dies_a_call_is_done_once_and_all_who_repeat_it_hear_the_same(database: Database) -> None:
    storm(database, SEED)
