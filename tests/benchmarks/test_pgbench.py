"""The script for pgbench is what the log of PostgreSQL says that two accepts ran."""

from benchmarks import pgbench
from benchmarks.pgbench import Said

LOG = """\
@7@ LOG:  statement: BEGIN;
@7@ LOG:  execute __asyncpg_stmt_1__: SELECT id
\tFROM lines WHERE handle = $1
@8@ LOG:  execute __asyncpg_stmt_9__: SELECT 1
@7@ DETAIL:  Parameters: $1 = 'it''s'
@7@ LOG:  execute __asyncpg_stmt_2__: INSERT INTO outbox VALUES ($1, $2)
@7@ DETAIL:  Parameters: $1 = 'obx_1a', $2 = NULL
@9@ ERROR:  something else
@7@ LOG:  statement: COMMIT;
"""


class TestLog:
    def test_what_was_committed_together_stays_together(self) -> None:
        log = LOG.replace("@8@ LOG:  execute __asyncpg_stmt_9__: SELECT 1\n", "")

        found = list(pgbench.transactions(pgbench.statements(log)))

        select = Said("7", "SELECT id FROM lines WHERE handle = $1", ("it's",))
        insert = Said("7", "INSERT INTO outbox VALUES ($1, $2)", ("obx_1a", None))
        assert found == [[Said("7", "BEGIN"), select, insert, Said("7", "COMMIT")]]

    def test_what_was_rolled_back_did_not_happen(self) -> None:
        log = LOG.replace("COMMIT", "ROLLBACK")

        found = list(pgbench.transactions(pgbench.statements(log)))

        assert [each.text for transaction in found for each in transaction] == ["SELECT 1"]

    def test_what_is_left_behind_goes_with_the_accept(self) -> None:
        begin, commit = Said("7", "BEGIN"), Said("7", "COMMIT")
        insert, delete = Said("7", "INSERT INTO x VALUES ($1)", ("req_1",)), Said("7", "DELETE FROM x", ("req_1",))

        said = pgbench.gathered(
            [[begin, insert, commit], [begin, Said("7", "SELECT lock(1)"), delete, commit]], {"req_1"}
        )

        assert said == [begin, insert, delete, commit]


class TestScript:
    def test_what_differs_between_two_accepts_is_each_runs_own(self) -> None:
        first = Said("7", "INSERT INTO outbox VALUES ($1, $2, $3, $4)", ("obx_1a", "5", "key_1", None))
        second = Said("7", "INSERT INTO outbox VALUES ($1, $2, $3, $4)", ("obx_1b", "6", "key_1", None))

        script = pgbench.script_of([first], [second])

        own = "('obx_1' || CAST(:number AS text) || '')"
        assert script.splitlines()[1:] == [f"INSERT INTO outbox VALUES ({own}, '5', 'key_1', NULL);"]

    def test_a_lock_of_each_accept_is_each_runs_own(self) -> None:
        first, second = (Said("7", f"SELECT lock_shared(1651275109), lock({name})") for name in (-123456789, 987654321))

        script = pgbench.script_of([first], [second])

        assert script.splitlines()[1:] == ["SELECT lock_shared(1651275109), lock(CAST(:number AS bigint));"]

    def test_a_text_holds_no_variable(self) -> None:
        said = Said("7", "SELECT $1, $2", ("""{"to":x}""", "it's a \\"))

        script = pgbench.script_of([said], [said])

        assert script.splitlines()[1:] == [r"""SELECT E'{"to"\x3ax}', E'it''s a \\';"""]
