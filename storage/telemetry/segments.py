"""The write-ahead log of the time series: a batch is durable once its frame is in here and flushed to the disk.

A folder of files ``00000000000000000042.seg``, named by the first batch each may hold. A file is a run of frames:

    magic "AJF1" · payload bytes (u32) · CRC-32 of number and payload (u32) · batch number (u64) · payload (MessagePack)

Frames are appended one at a time and flushed (fdatasync) before the next, so only the very last one can be torn by a
crash: it fails its checksum and counts as never written. A damaged frame with whole ones behind it is no crash but a
failing disk: what can be read is read, the file is kept aside as ``.damaged``, and it is logged as an error.
After a failed write or flush the file is left and a new one begun, because a later flush of the same file could claim
success for data the system has already dropped; the same number may then be in two files, and the later one counts.
"""

import contextlib
import logging
import os
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from domain.limits import TELEMETRY_SEGMENT_BYTES_MAX
from storage.telemetry.columns import Columns

__all__ = ["SegmentLog"]

log = logging.getLogger("anju.telemetry")

MAGIC: Final = b"AJF1"
_HEAD: Final = struct.Struct("<4sIIQ")
_NUMBER: Final = struct.Struct("<Q")
_decode: Final = msgspec.msgpack.Decoder(dict[str, dict[str, Sequence[Any]]]).decode
_encode: Final = msgspec.msgpack.Encoder().encode


class SegmentLog:
    """An append-only log of batches. One writer; `release` may be called from another thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: int | None = None
        self._written = 0
        self._files: list[tuple[int, Path]] = []
        """(newest batch, file) of finished files, oldest first."""
        self._current: tuple[int, Path] | None = None
        self._lock = threading.Lock()

    def open(self, after: int) -> Iterator[tuple[int, dict[str, Columns]]]:
        """Makes the folder if need be; yields (number, columns by kind) of whole frames after `after`, in order.

        Holds one file's frames in memory at a time. Call once, and exhaust, before `append`. Raises `OSError`.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        _flush_folder(self._folder.parent)
        paths = sorted(self._folder.glob("*.seg"))
        for index, path in enumerate(paths):
            frames = dict(_frames(path))
            # A number in a later file replaces the one here: that is the one that was answered for.
            following = _first_number(paths[index + 1]) if index + 1 < len(paths) else None
            for number in sorted(frames):
                if number > after and (following is None or number < following):
                    yield number, _decode(frames[number])
            with self._lock:
                self._files.append((max(frames, default=0), path))

    def append(self, number: int, batch: dict[str, Columns]) -> None:
        """Writes one batch and flushes it to the disk. Raises `OSError`; then nothing of it counts."""
        payload = _encode(batch)
        head = _HEAD.pack(MAGIC, len(payload), _checksum(number, payload), number)
        if self._file is None or self._written >= TELEMETRY_SEGMENT_BYTES_MAX:
            self._begin(number)
        file = self._file
        if file is None:
            raise OSError("the log is closed")
        try:
            _write(file, head + payload)
            os.fdatasync(file)
        except OSError:
            self._abandon()
            raise
        self._written += len(head) + len(payload)
        if self._current is not None:
            self._current = (number, self._current[1])

    def release(self, number: int) -> None:
        """Deletes finished files whose batches are all at most `number`: they are in the database. Raises `OSError`."""
        with self._lock:
            while self._files and self._files[0][0] <= number:
                self._files[0][1].unlink(missing_ok=True)
                del self._files[0]

    def close(self) -> None:
        """Ends the file being written."""
        self._finish()

    def size_bytes(self) -> int:
        """Bytes on disk."""
        sizes = 0
        for path in self._folder.glob("*.seg"):
            with contextlib.suppress(FileNotFoundError):
                sizes += path.stat().st_size
        return sizes

    def _begin(self, number: int) -> None:
        self._finish()
        path = self._folder / f"{number:020d}.seg"
        try:
            # A file of this name holds at most a torn frame, or one that was abandoned: batch `number` is written anew.
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            _flush_folder(self._folder)
        except OSError:
            self._abandon()
            raise
        with self._lock:
            self._files = [entry for entry in self._files if entry[1] != path]
        self._current = (number, path)
        self._written = 0

    def _finish(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._current is not None:
            with self._lock:
                self._files.append(self._current)
            self._current = None

    def _abandon(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # best effort: recovery does not need the file to be cut
                os.ftruncate(self._file, self._written)
        with contextlib.suppress(OSError):  # the descriptor is gone either way
            self._finish()
        self._file = None


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _checksum(number: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(_NUMBER.pack(number)))


def _first_number(path: Path) -> int:
    return int(path.stem)


def _frames(path: Path) -> Iterator[tuple[int, bytes]]:
    data = path.read_bytes()
    offset = 0
    while offset < len(data):
        frame = _frame_at(data, offset)
        if frame is None:
            following = _next_whole(data, offset + 1)
            if following is None:
                log.warning("%s: %d bytes of an unfinished batch are left out", path.name, len(data) - offset)
                return
            log.error("%s: damaged between bytes %d and %d; the disk may be failing", path.name, offset, following)
            _keep_aside(path)
            offset = following
            continue
        number, payload = frame
        yield number, payload
        offset += _HEAD.size + len(payload)


def _frame_at(data: bytes, offset: int) -> tuple[int, bytes] | None:
    if offset + _HEAD.size > len(data):
        return None
    magic, length, checksum, number = _HEAD.unpack_from(data, offset)
    payload = data[offset + _HEAD.size : offset + _HEAD.size + length]
    if magic != MAGIC or len(payload) != length or _checksum(number, payload) != checksum:
        return None
    return number, payload


def _next_whole(data: bytes, offset: int) -> int | None:
    while (offset := data.find(MAGIC, offset)) >= 0:
        if _frame_at(data, offset) is not None:
            return offset
        offset += 1
    return None


def _keep_aside(path: Path) -> None:
    with contextlib.suppress(FileExistsError):
        os.link(path, path.with_suffix(".damaged"))


def _flush_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
