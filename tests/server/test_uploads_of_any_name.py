"""Whatever a client calls a file: the name is told as it was meant, and touches no disk."""

from pathlib import Path

import pytest

from blueport.server.blobs import names
from tests.server.world import Customer

LONG = "ä" * 200


@pytest.mark.one_store("the header is read before anything is stored")
@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("スクリーンショット.png".encode(), "スクリーンショット.png"),
        (b"%E3%82%B9%E3%82%AF%E3%83%AA.png", "スクリ.png"),
        (b"UTF-8''%E3%82%B9%E3%82%AF%E3%83%AA.png", "スクリ.png"),
        (b"utf-8'en'na%C3%AFve%20plan.txt", "naïve plan.txt"),
        (b"iso-8859-1''na%EFve.txt", "naïve.txt"),
        (b"100%.txt", "100%.txt"),
        (b"%FF%FE.txt", "%FF%FE.txt"),
        (b"50%25.txt", "50%.txt"),
        (b"it's.txt", "it's.txt"),
        ("photo 天狗 é.heic".encode(), "photo 天狗 é.heic"),
        ("e\u0301.txt".encode(), "é.txt"),
        (b"plain.txt", "plain.txt"),
        (b'with "quotes".txt', 'with "quotes".txt'),
    ],
)
def test_the_usual_ways_to_write_it_are_understood(alice: Customer, raw: bytes, name: str) -> None:
    # att-17, att-23
    headers = [(b"Authorization", f"Bearer {alice.key}".encode()), (b"X-Filename", raw)]

    answer = alice.world.client.post("/v1/files", content=b"x", headers=headers)

    assert (answer.status_code, answer.json()["filename"]) == (201, name)


@pytest.mark.one_store("the header is read before anything is stored")
@pytest.mark.parametrize(
    "raw", ["", " ", ".", "..", "../..", "/", "\\", "a/", "...", "%00", "%2F", "UTF-8''", "\u202e"]
)
def test_one_that_says_nothing_is_null(alice: Customer, raw: str) -> None:
    # srv-111
    headers = [(b"Authorization", f"Bearer {alice.key}".encode()), (b"X-Filename", raw.encode())]

    answer = alice.world.client.post("/v1/files", content=b"x", headers=headers)

    assert (answer.status_code, answer.json()["filename"]) == (201, None)


def test_without_one_it_is_null(alice: Customer) -> None:
    assert alice.uploads()["filename"] is None


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/etc/passwd", "passwd"),
        ("C:\\a\\b.txt", "b.txt"),
        ("a/b\\c.txt", "c.txt"),
        ("a\0b.txt", "ab.txt"),
        ("a\nb\r\t.txt", "ab.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),  # att-18
        ("\u2066a\u2069.txt", "a.txt"),
        ("name. . .", "name"),
        (" .hidden", ".hidden"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("COM1.tar.gz", "_COM1.tar.gz"),
        ("console.txt", "console.txt"),
        ("a\ud800.txt", "a.txt"),
    ],
)
def test_it_fits_any_disk_and_hides_nothing(given: str, cleaned: str) -> None:
    # srv-112
    assert names.cleaned(given) == cleaned


@pytest.mark.parametrize("given", [f"{LONG}.jpeg", LONG, f"{LONG}.{LONG}", "x" * 300 + ".tar.gz", "😀" * 100 + ".png"])
def test_it_is_cut_between_characters_and_keeps_its_end(given: str) -> None:
    cleaned = names.cleaned(given)

    assert cleaned is not None
    assert 240 < len(cleaned.encode()) <= 255
    assert "\ufffd" not in cleaned
    for end in (".jpeg", ".gz", ".png"):
        assert cleaned.endswith(end) == given.endswith(end)


def test_no_part_of_it_is_on_the_disk(alice: Customer) -> None:
    # srv-112
    alice.uploads(b"x", **{"X-Filename": "../../tell-tale/../secret-name.png"})

    root = alice.world.database.folder
    assert not [path for path in root.rglob("*") if "tell-tale" in path.name or "secret-name" in path.name]
    (stored,) = [path for path in Path(root / "files").rglob("*") if path.is_file()]
    assert stored.name.isalnum()
    assert stored.stat().st_mode & 0o077 == 0
