"""Photos kept beside the database, outside everything that is served: files named by the digest of what is in them."""

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Final

from domain.errors import NotFound, Unavailable
from storage.images import MEDIA_TYPE, cleaned

__all__ = ["EvidenceFolder"]

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class EvidenceFolder:
    """`api.ports.EvidenceStore` over a folder. Thread-safe; a file is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, raw: bytes) -> tuple[str, str, int]:
        """See `api.ports.EvidenceStore`. Fsynced: an order must not name a photo that a crash has taken."""
        picture = cleaned(raw)
        digest = hashlib.sha256(picture).hexdigest()
        path = self._path(digest)
        try:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._write(path, picture)
        except OSError as error:
            raise Unavailable("evidence.not_kept", f"the photo could not be written: {error.strerror}") from error
        return digest, MEDIA_TYPE, len(picture)

    def read(self, digest: str) -> bytes:
        """See `api.ports.EvidenceStore`."""
        if not _DIGEST.fullmatch(digest):
            raise NotFound("evidence.unknown", "there is no such photo")
        try:
            found = self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise NotFound("evidence.unknown", "there is no such photo") from error
        except OSError as error:
            raise Unavailable("evidence.not_read", f"the photo could not be read: {error.strerror}") from error
        if hashlib.sha256(found).hexdigest() != digest:
            raise Unavailable("evidence.changed", "the photo is not what it was when it was kept")
        return found

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    @staticmethod
    def _write(path: Path, picture: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(picture)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
