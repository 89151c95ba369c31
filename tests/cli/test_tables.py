"""Tables stand in columns, whatever strangers have written into them."""

import pytest

from blueport.cli.tables import printable, table


def test_columns_stand_below_each_other_in_a_terminal() -> None:
    shown = table([["NAME", "ID"], ["Ada", "1"], ["日本", "2"], ["a🎉", "3"], ["e\u0301", "4"]])

    assert shown == "NAME  ID\nAda   1\n日本  2\na🎉   3\ne\u0301     4"


def test_lines_have_no_space_at_their_ends() -> None:
    assert table([["NAME", "LABEL"], ["Ada", ""]]) == "NAME  LABEL\nAda"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b[31mred", "\ufffd[31mred"),
        ("two\nlines\r\nand more", "two lines and more"),
        ("\u202etxet", "\ufffdtxet"),
        ("bell\x07\x9b", "bell\ufffd\ufffd"),
        ("👩\u200d👧 ❤\ufe0f", "👩\u200d👧 ❤\ufe0f"),
    ],
)
def test_nothing_is_shown_but_what_can_be_seen(written: str, shown: str) -> None:
    assert printable(written) == shown
