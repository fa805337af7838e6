"""Which decoded frames are intact: those that no damage reaches."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import av.logging
from av.video.frame import VideoFrame

_MESSAGES = {
    "ffv1": re.compile("CRC mismatch|decode error|bytestream end"),
    "mjpeg": re.compile("bad vlc|^error "),
}
"""Decoder -> its messages on damage that neither an exception nor a flag of the frame reports. Every frame of
these codecs is independent, or depends on frames that are checked alike."""

_LOGGER, _SILENT = logging.getLogger("libav"), logging.NullHandler()
"""Log of messages from other threads while messages are on, which would be printed."""


class Health:
    """Determines which frames are intact.

    A decoder flags the frame that it had to conceal, but the damage propagates into every frame that is
    decoded after it, up to the next keyframe (by up to 70 grey levels in our tests). Damage that the decoder
    does not detect, such as in the last bytes of a packet, remains undetected.
    """

    def __init__(self) -> None:
        self._position = self._key = self._key_before = -1
        self._key_stamp = self._latest = -(1 << 62)
        self._reach: dict[int, tuple[int, int, int]] = {}
        self._bad: list[int] = []

    def sent(self, stamp: int, *, is_key: bool) -> None:
        """Record that a packet is sent to the decoder."""
        self._position += 1
        self._latest = max(self._latest, stamp)
        if is_key:
            self._key_before, self._key, self._key_stamp = self._key, self._position, stamp
        if stamp in self._reach:  # of frames with one timestamp, the first counts
            return
        # Frames shown before the keyframe that precedes them (open GOP) also refer to the keyframe before it.
        first = self._key_before if stamp < self._key_stamp else self._key
        self._reach[stamp] = (first, self._position, self._latest)

    def damaged(self, stamp: int) -> None:
        """Record that the frame with this timestamp is damaged."""
        self._bad.append(self._reach[stamp][1] if stamp in self._reach else self._position)

    def is_settled(self, stamp: int, shown: int) -> bool:
        """Return whether all frames that a frame can refer to are decoded; `shown` is the latest."""
        return stamp not in self._reach or shown >= self._reach[stamp][2]

    def intact(self, pair: tuple[int, VideoFrame]) -> Iterator[tuple[int, VideoFrame]]:
        """Yield a timestamp and its frame, unless damage reaches it."""
        first, own, _ = self._reach.get(pair[0], (self._position + 1, -1, 0))
        if not any(first <= bad <= own for bad in self._bad):
            yield pair


class Messages:
    """The error messages of a decoder, for codecs that report some damage in no other way.

    PyAV switches FFmpeg's messages off; they are on, and kept from the log, while such a codec decodes.
    """

    _lock = Lock()
    _listeners = 0

    def __init__(self, decoder: str) -> None:
        self._pattern = _MESSAGES.get(decoder)
        self.report_damage = False
        "Whether the decoder reported damage within the last block of `heard`."
        _LOGGER.addHandler(_SILENT)

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Collect the messages within this block, which only decodes."""
        if self._pattern is None:
            yield
            return
        self._switch(1)
        try:
            with av.logging.Capture() as messages:
                yield
        finally:
            self._switch(-1)
            self.report_damage = any(self._pattern.search(text) for _, _, text in messages)

    @classmethod
    def _switch(cls, change: int) -> None:
        with cls._lock:
            cls._listeners += change
            av.logging.set_level(av.logging.ERROR if cls._listeners else None)
            av.logging.set_skip_repeated(not cls._listeners)
