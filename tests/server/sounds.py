"""Sounds that do harm."""

import struct


def m4a_of_many_samples(samples: int) -> bytes:
    """Return an M4A of some hundred bytes that says that it holds so many samples."""
    entry = b"\0" * 6 + struct.pack(">H8xHHHHI", 1, 2, 16, 0, 0, 48_000 << 16) + _esds()
    table = _box(
        "stbl",
        _full("stsd", struct.pack(">I", 1) + _box("mp4a", entry)),
        _full("stts", struct.pack(">III", 1, samples, 1024)),
        _full("stsc", struct.pack(">IIII", 1, 1, samples, 1)),
        _full("stsz", struct.pack(">II", 1, samples)),
        _full("stco", struct.pack(">II", 1, 40)),
    )
    data = _box("dinf", _full("dref", struct.pack(">I", 1) + _full("url ", flags=1)))
    media = _box(
        "mdia",
        _full("mdhd", struct.pack(">IIIIHH", 0, 0, 48_000, 48_000, 0x55C4, 0)),
        _full("hdlr", struct.pack(">I4s12x", 0, b"soun") + b"\0"),
        _box("minf", _full("smhd", b"\0" * 4), data, table),
    )
    head = _full("mvhd", struct.pack(">IIII80x", 0, 0, 1000, 1000))
    track = _box("trak", _full("tkhd", struct.pack(">IIIII60x", 0, 0, 1, 0, 1000), flags=7), media)
    return _box("ftyp", b"M4A \0\0\0\0M4A ") + _box("moov", head, track) + _box("mdat", b"\0" * 64)


def _esds() -> bytes:
    return _full("esds", bytes([3, 25, 0, 1, 0, 4, 17, 0x40, 0x15, *[0] * 11, 5, 2, 0x11, 0x88, 6, 1, 2]))


def _box(name: str, *content: bytes) -> bytes:
    inside = b"".join(content)
    return struct.pack(">I4s", 8 + len(inside), name.encode()) + inside


def _full(name: str, content: bytes = b"", flags: int = 0) -> bytes:
    return _box(name, struct.pack(">I", flags) + content)
