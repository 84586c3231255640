"""Photos as people's telephones make them, made fit to be kept: bounded, whole, and without what they tell besides."""

import io
import warnings
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from domain.errors import Invalid
from domain.limits import EVIDENCE_BYTES_MAX, EVIDENCE_PIXELS_MAX, EVIDENCE_SIDE_MAX

__all__ = ["MEDIA_TYPE", "cleaned"]

MEDIA_TYPE: Final = "image/jpeg"
QUALITY: Final = 85
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
"""What is looked at, by its bytes; what a sender calls it does not count."""


def cleaned(raw: bytes) -> bytes:
    """The picture alone as JPEG: upright, at most `EVIDENCE_SIDE_MAX` wide or high, without place, device or thumbnail.

    Raises `Invalid` for what is too large, no picture, damaged, or unfolds to more than `EVIDENCE_PIXELS_MAX`.
    """
    if len(raw) > EVIDENCE_BYTES_MAX:
        raise Invalid("evidence.too_large", f"a photo has {EVIDENCE_BYTES_MAX} bytes at most", limit=EVIDENCE_BYTES_MAX)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(raw), formats=_FORMATS) as found:
                if found.width * found.height > EVIDENCE_PIXELS_MAX:
                    raise Invalid(
                        "evidence.too_many_pixels", f"a photo has {EVIDENCE_PIXELS_MAX} pixels at most",
                        limit=EVIDENCE_PIXELS_MAX,
                    )  # fmt: skip
                picture = ImageOps.exif_transpose(found).convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Invalid("evidence.no_photo", "not a photo in JPEG, PNG or WebP") from error
    except (OSError, ValueError, SyntaxError) as error:  # what Pillow raises for damaged pictures
        raise Invalid("evidence.damaged", "the photo is damaged or has not arrived whole") from error
    picture.thumbnail((EVIDENCE_SIDE_MAX, EVIDENCE_SIDE_MAX))
    bare = Image.frombytes("RGB", picture.size, picture.tobytes())
    written = io.BytesIO()
    bare.save(written, "JPEG", quality=QUALITY, optimize=True)
    return written.getvalue()
