"""Sounds of the usual kinds become voice messages: Opus in a Core Audio file, mono.

What FFmpeg is given comes from strangers: it may open no other file or address, and reads no playlists. How much it may
take is bounded in `transcoding`.
"""

import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer

from blueport.server.blobs.caf import FRAMES_PER_PACKET, RATE_HZ, Recording, caf_of
from blueport.server.blobs.transcoding import NO_SOUND, REFUSED, TIME_LIMIT_S, bound, not_readable
from blueport.server.errors import ApiError

LONGEST_S = 60 * 60
BITS_PER_S = 32_000

_SAFE = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,mp3,wav,caf,aiff,aac",
    "protocol_whitelist": "file",
}
_PRE_SKIP_AT = 10  # in an Opus header


def transcode(source: Path, target: Path) -> None:
    """Write what *source* holds as a voice message to *target*.

    Raises:
        ApiError: `audio_not_readable`.
    """
    try:
        with av.open(str(source), options=_SAFE) as container:
            recording = _recording(container)
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise not_readable(NO_SOUND) from error
    target.write_bytes(caf_of(recording))


def _recording(container: InputContainer) -> Recording:
    encoder = AudioCodecContext.create("libopus", "w")
    encoder.sample_rate = RATE_HZ
    encoder.layout = "mono"
    encoder.format = "s16"
    encoder.bit_rate = BITS_PER_S
    encoder.open()
    packets: list[bytes] = []
    frames = 0
    for frame in _frames(container):
        frames += frame.samples
        packets += map(bytes, encoder.encode(frame))
    packets += map(bytes, encoder.encode(None))
    if frames == 0:
        raise not_readable("There is no sound in this file.")
    (priming,) = struct.unpack_from("<H", encoder.extradata or b"", _PRE_SKIP_AT)
    return Recording(packets, priming, frames)


def _frames(container: InputContainer) -> Iterator[AudioFrame]:
    """Decode, as the encoder wants it: one channel, and the frames of one packet at a time."""
    resampler = AudioResampler(format="s16", layout="mono", rate=RATE_HZ, frame_size=FRAMES_PER_PACKET)
    ends_at = time.monotonic() + TIME_LIMIT_S
    frames = 0
    for decoded in _decoded(container):
        frames += decoded.samples
        if frames > LONGEST_S * decoded.sample_rate or time.monotonic() > ends_at:
            raise not_readable(f"A voice message takes at most {LONGEST_S // 60} minutes.")
        yield from resampler.resample(decoded)
    if frames:
        yield from resampler.resample(None)


def _decoded(container: InputContainer) -> Iterator[AudioFrame]:
    """Decode what can be: players skip a damaged packet."""
    stream = container.streams.audio[0]
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            continue


def main(source: str, target: str) -> int:
    """Do it, within bounds; return the exit status."""
    bound()
    try:
        transcode(Path(source), Path(target))
    except ApiError as error:
        return _refused(error.message)
    except MemoryError:
        return _refused(NO_SOUND)
    return 0


def _refused(words: str) -> int:
    sys.stdout.write(words)
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
