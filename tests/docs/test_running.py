"""What runs the pages tells of each kind of mistake that a page can have."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import blocks_of
from tests.docs.compiling import Compiled
from tests.docs.performing import Performance, commands_of, environment, furnish, wrong_with_form
from tests.docs.sessions import Sessions, opened
from tests.docs.standing_in import StandIns, difference, is_output_like
from tests.system.blueport import Blueport

ONE, OTHER = "obx_01k742sg000000000000000001", "obx_01k742sg000000000000000002"
REAL, ELSE = "obx_01m8g4et6c17azbyzk3qwqykgb", "obx_01m8g4et6c17azbyzk3qwqykgc"


@pytest.fixture
def known() -> StandIns:
    return StandIns(3, {"api_url": "http://127.0.0.1:1", "simulator_url": "http://127.0.0.1:2", "api_key": "sk_live_x"})


class TestAnswers:
    def test_an_id_stands_for_the_same_one_from_then_on(self, known: StandIns) -> None:
        assert difference({"id": ONE}, {"id": REAL}, known) is None

        assert difference({"id": ONE}, {"id": ELSE}, known) == f"$.id is '{ONE}', and came as '{ELSE}'"
        assert known.real(f"ask {ONE}") == f"ask {REAL}"

    @pytest.mark.parametrize(
        ("shown", "real"),
        [
            ({"id": 1}, {"id": 1, "more": 2}),
            ({"id": 1, "less": 2}, {"id": 1}),
            ({"id": True}, {"id": 1}),
            ({"id": ONE}, {"id": "msg_01m8g4et6c17azbyzk3qwqykgb"}),
            ({"text": "Hi ..."}, {"text": "Hello Ada"}),
            ({"events": ["a"]}, {"events": ["a", "b"]}),
            ({"data": [1, 2]}, {"data": [1]}),
            ({"sent_at": 1_767_225_600_000}, {"sent_at": 1}),
        ],
    )
    def test_a_difference_is_told(self, known: StandIns, shown: object, real: object) -> None:
        assert difference(shown, real, known) is not None

    def test_times_cursors_and_what_others_wrote_are_none(self, known: StandIns) -> None:
        shown = {"data": [{"sent_at": 1_767_225_600_000}], "has_more": False, "next_cursor": None}
        real = {"data": [{"sent_at": 1_790_000_000_000}, {}], "has_more": True, "next_cursor": "abc"}

        assert difference(shown, real, known) is None


class TestOutputs:
    @pytest.mark.parametrize(
        ("shown", "said"),
        [
            ("sent", "sent\n"),
            ("", "anything\n"),
            (f"{ONE} sent", f"{REAL} sent\n"),
            ("...\nlast", "first\nsecond\nlast\n"),
            ("sent at ...", "sent at noon\n"),
            ("1767225600000", "1790000000000\n"),
            ("obx_...", f"{REAL}\n"),
        ],
    )
    def test_what_is_like_it_passes(self, known: StandIns, shown: str, said: str) -> None:
        assert is_output_like(shown, said, known)

    @pytest.mark.parametrize(
        ("shown", "said"),
        [
            ("sent", "failed\n"),
            ("sent", "sent\nand more\n"),
            (f"{ONE} sent", "msg_01m8g4et6c17azbyzk3qwqykgb sent\n"),
            (f"{ONE} {OTHER}", f"{REAL} and {ELSE}\n"),
        ],
    )
    def test_what_is_not_does_not(self, known: StandIns, shown: str, said: str) -> None:
        assert not is_output_like(shown, said, known)


class TestForm:
    @pytest.mark.parametrize(
        "block",
        [
            "```cobol\nSTOP RUN\n```",
            "```json\n{'a': 1}\n```",
            "```toml\na = \n```",
            "```yaml\na: [\n```",
            "```python\nif:\n```",
            "```bash\nif true; then\n```",
            "```console\n$ echo 'a\n```",
        ],
    )
    def test_what_is_not_well_formed_is_told(self, block: str) -> None:
        [found] = blocks_of(block)

        assert wrong_with_form(found)

    def test_a_mark_without_a_reason_is_told(self) -> None:
        [found] = blocks_of("<!-- not run -->\n```bash\nls\n```")

        assert wrong_with_form(found) == "is not run, for no reason"

    def test_a_command_goes_on_below_a_backslash(self) -> None:
        [found] = blocks_of("    ```console\n    $ echo a \\\n        b\n    a b\n    $ ls\n    ```")

        assert commands_of(found) == [("echo a \\\n    b", "a b\n"), ("ls", "")]


@pytest.fixture
def sessions(blueport: Blueport, tmp_path: Path) -> Iterator[Sessions]:
    folder = tmp_path / "reader"
    folder.mkdir()
    furnish(folder, blueport)
    with opened(folder, environment(blueport, folder)) as sessions:
        yield sessions


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("```bash\nfalse\n```", "ended with 1"),
        ("<!-- exits 3 -->\n```bash\ntrue\n```", "ended with 0"),
        ("```console\n$ echo Hi\nHello\n```", "what came was\nHi"),
        ("```python\nprint(1 / 0)\n```", "ZeroDivisionError"),
        ("```python\nhere = 1\n```\n\n```python\nprint(there)\n```", "NameError"),
        ('```python\nprint("Hi")\n```\n\n```text title="Output"\nHello\n```', "what came was\nHi"),
        ('```bash\necho \'{"a": 1}\'\n```\n\n```json title="Answer"\n{"a": 2}\n```', "$.a is 2, and came as 1"),
        ('```bash\ncurl -s "$MESSAGES_API_URL/v1/lines"\n```', "was refused"),
        ("<!-- keeps running -->\n```console\n$ echo Hi\nHello\n```", "what came was\nHi"),
    ],
)
def test_a_mistake_is_told(written: str, told: str, known: StandIns, sessions: Sessions, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(written)

    [wrong] = Performance(page, known, sessions, _no_typescript).go_through()

    assert "/page.md:" in wrong
    assert told in wrong


def _no_typescript() -> Compiled:
    raise AssertionError("there is no TypeScript on these pages")
