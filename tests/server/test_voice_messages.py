"""Sounds that customers upload become voice messages: Opus in a Core Audio file, made once."""

import math
import resource
import struct
from pathlib import Path
from typing import NamedTuple

import av
import pytest

from blueport.protocol.commands import FileToSend, SendAudio
from blueport.protocol.door import ClaimedItem
from blueport.server.blobs import audio, transcoding
from blueport.server.blobs.kinds import is_audio_type
from blueport.server.errors import ApiError
from tests.server.answers import assert_refused
from tests.server.sounds import m4a_of_many_samples
from tests.server.world import Customer

RATE = 44_100
FORMS = {
    "m4a": ("ipod", "aac"),
    "mp3": ("mp3", "libmp3lame"),
    "wav": ("wav", "pcm_s16le"),
    "caf": ("caf", "pcm_s16be"),
    "aiff": ("aiff", "pcm_s16be"),
    "aac": ("adts", "aac"),
}


def sound(path: Path, form: str, seconds: float = 1.5, rate: int = RATE) -> bytes:
    """Return a tone in a file of one of FORMS."""
    container, codec = FORMS[form]
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout="stereo")
        for frame in tone(seconds, rate, stream.codec_context):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path.read_bytes()


def tone(seconds: float, rate: int, encoder: av.AudioCodecContext) -> list[av.AudioFrame]:
    samples = [round(9000 * math.sin(at / rate * 440 * 2 * math.pi)) for at in range(round(seconds * rate))]
    frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples))
    frame.planes[0].update(struct.pack(f"<{len(samples)}h", *samples).ljust(frame.planes[0].buffer_size, b"\0"))
    frame.sample_rate = rate
    resampler = av.AudioResampler(encoder.format, encoder.layout, rate, frame_size=encoder.frame_size or 1024)
    return [*resampler.resample(frame), *resampler.resample(None)]


class Caf(NamedTuple):
    """What a Core Audio file says, read here by Apple's description of it alone."""

    chunks: dict[str, bytes]

    @property
    def form(self) -> tuple[float, bytes, int, int, int]:
        rate, kind, _, packet_bytes, packet_frames, channels, _ = struct.unpack(">d4sIIIII", self.chunks["desc"])
        return rate, kind, packet_bytes, packet_frames, channels

    @property
    def table(self) -> tuple[int, int, int, int]:
        """Return how many packets and valid frames there are, and the frames before and behind those."""
        return struct.unpack(">qqii", self.chunks["pakt"][:24])

    @property
    def packet_sizes(self) -> list[int]:
        sizes, number = [], 0
        for byte in self.chunks["pakt"][24:]:
            number = number << 7 | byte & 127
            if not byte & 128:
                sizes.append(number)
                number = 0
        return sizes


def caf_of(content: bytes) -> Caf:
    assert content[:8] == b"caff\0\x01\0\0"
    chunks, at = {}, 8
    while at < len(content):
        (size,) = struct.unpack(">q", content[at + 4 : at + 12])
        chunks[content[at : at + 4].decode()] = content[at + 12 : at + 12 + size]
        at += 12 + size
    assert at == len(content)
    return Caf(chunks)


@pytest.mark.parametrize("form", FORMS)
def test_every_usual_kind_becomes_opus_in_a_core_audio_file(tmp_path: Path, form: str) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    sound(source, form)

    audio.transcode(source, target)

    caf = caf_of(target.read_bytes())
    assert caf.form == (48_000, b"opus", 0, 960, 1)
    packets, frames, priming, remainder = caf.table
    assert packets == len(caf.packet_sizes)
    assert packets * 960 == priming + frames + remainder
    assert sum(caf.packet_sizes) == len(caf.chunks["data"]) - 4
    assert frames == pytest.approx(1.5 * 48_000, rel=0.05)
    assert (priming, 0 <= remainder < 960 * 2) == (312, True)


def test_it_plays_as_what_it_was(tmp_path: Path) -> None:
    sound(tmp_path / "in", "wav", seconds=2)

    audio.transcode(tmp_path / "in", tmp_path / "out")

    with av.open(str(tmp_path / "out")) as played:
        stream = played.streams.audio[0]
        assert (played.format.name, stream.codec_context.name, stream.rate) == ("caf", "opus", 48_000)
        frames = list(played.decode(stream))
    assert sum(frame.samples for frame in frames) == 2 * 48_000
    loudest = max(abs(value) for frame in frames for (value,) in struct.iter_unpack("<f", bytes(frame.planes[0])))
    # Two equal channels were made of one, and one of two: by convention that is 3 dB less.
    assert loudest == pytest.approx(9000 / 32_768 / math.sqrt(2), rel=0.1)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 48_000, 96_000])
def test_any_rate_will_do(tmp_path: Path, rate: int) -> None:
    sound(tmp_path / "in", "wav", rate=rate)

    audio.transcode(tmp_path / "in", tmp_path / "out")

    assert caf_of((tmp_path / "out").read_bytes()).table[1] == pytest.approx(1.5 * 48_000, abs=100)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no sound",
        b"\0" * 100_000,
        b"ID3\3\0\0\0\0\0\0" + b"\0" * 5000,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x44\xac\0\0\x88\x58\x01\0\x02\0\x10\0data\0\0\0\0",
    ],
    ids=["empty", "text", "zeros", "half an mp3", "playlist", "list", "silence of no length"],
)
def test_what_is_no_sound_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in").write_bytes(content)

    with pytest.raises(ApiError) as refused:
        audio.transcode(tmp_path / "in", tmp_path / "out")

    assert refused.value.code == "audio_not_readable"
    assert not (tmp_path / "out").exists()


def test_a_picture_is_no_sound(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "in"), "w", format="mp4") as out:
        stream = out.add_stream("mpeg4", rate=1)
        stream.width = stream.height = 16
        out.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        out.mux(stream.encode(None))

    with pytest.raises(ApiError) as refused:
        audio.transcode(tmp_path / "in", tmp_path / "out")

    assert refused.value.code == "audio_not_readable"


@pytest.mark.parametrize(("bound", "value"), [("LONGEST_S", 1), ("TIME_LIMIT_S", -1)])
def test_what_takes_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    monkeypatch.setattr(audio, bound, value)
    sound(tmp_path / "in", "wav")

    with pytest.raises(ApiError) as refused:
        audio.transcode(tmp_path / "in", tmp_path / "out")

    assert refused.value.code == "audio_not_readable"


def test_a_disk_that_fails_is_not_the_sounds_fault(tmp_path: Path) -> None:
    sound(tmp_path / "in", "wav")

    with pytest.raises(OSError, match="FileNotFoundError"):
        transcoding.transcode(tmp_path / "in", tmp_path / "nowhere/out")


class TestTheDoor:
    def test_a_mac_gets_it_in_the_form_that_messages_takes(self, alice: Customer, tmp_path: Path) -> None:
        file = alice.uploads(sound(tmp_path / "in", "m4a"), **{"Content-Type": "audio/mp4"})
        item = _voice_item(alice, file["id"])

        fetched = alice.mac.fetches(item)

        assert isinstance(item.command, SendAudio)
        assert item.command.file == FileToSend("Audio Message.caf", "audio/x-caf", size=None)
        assert (fetched.status_code, fetched.headers["content-type"]) == (200, "audio/x-caf")
        assert caf_of(fetched.content).form == (48_000, b"opus", 0, 960, 1)
        assert fetched.headers["content-length"] == str(len(fetched.content))

    def test_it_is_made_once(self, alice: Customer, tmp_path: Path) -> None:
        item = _voice_item(alice, alice.uploads(sound(tmp_path / "in", "mp3"))["id"])

        first = alice.mac.fetches(item)
        for original in _originals(alice):
            original.write_bytes(b"no sound any more")

        assert alice.mac.fetches(item).content == first.content

    def test_what_cannot_be_read_is_told_to_the_mac(self, alice: Customer) -> None:
        item = _voice_item(alice, alice.uploads(b"no sound", **{"Content-Type": "audio/mpeg"})["id"])

        assert_refused(alice.mac.fetches(item), 422, "audio_not_readable")
        assert len(_originals(alice)) == 1, "no draft is left"

    def test_a_few_bytes_that_ask_for_gigabytes_cost_the_server_nothing(self, alice: Customer) -> None:
        bomb = m4a_of_many_samples(20_000_000)
        item = _voice_item(alice, alice.uploads(bomb, **{"Content-Type": "audio/mp4"})["id"])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        fetched = alice.mac.fetches(item)

        assert_refused(fetched, 422, "audio_not_readable")
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before * 1.5


def _voice_item(customer: Customer, file_id: str) -> ClaimedItem:
    """Have a file sent as a voice message, and the Mac claim that."""
    customer.is_ready_for("audio")
    customer.accepted("/v1/audio-messages", audio_message=file_id)
    (item,) = customer.mac.claim()
    return item


def _originals(customer: Customer) -> list[Path]:
    found = (customer.world.database.folder / "files").rglob("*")
    return [path for path in found if path.is_file() and path.suffix == ""]


class TestTypes:
    @pytest.mark.parametrize(
        "name",
        [
            *("audio/x-m4a", "audio/m4a", "audio/mp4", "audio/mpeg", "audio/mp3", "audio/wav", "audio/x-wav"),
            *("audio/wave", "audio/vnd.wave", "audio/caf", "audio/x-caf", "audio/aiff", "audio/x-aiff", "audio/aac"),
            *("audio/x-aac", "Audio/MPEG"),
        ],
    )
    def test_what_may_be_sent_as_a_voice_message(self, name: str) -> None:
        assert is_audio_type(name)

    @pytest.mark.parametrize("name", ["image/png", "video/mp4", "audio/ogg", "audio/", "audio", "text/plain", ""])
    def test_what_may_not(self, name: str) -> None:
        assert not is_audio_type(name)
