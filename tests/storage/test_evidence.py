"""Photos are kept whole, bounded and bare; what is none is refused by name."""

import hashlib
import io
import threading

import pytest
from PIL import Image

from domain.errors import Invalid, NotFound, Unavailable
from domain.limits import EVIDENCE_BYTES_MAX, EVIDENCE_SIDE_MAX
from storage import images
from storage.evidence import EvidenceFolder
from storage.images import cleaned


def photo(kind="JPEG", size=(64, 48), mode="RGB", **options):
    picture = Image.new(mode, size, "navy")
    picture.paste("orange", (0, 0, size[0] // 2, size[1] // 2))
    written = io.BytesIO()
    picture.save(written, kind, **options)
    return written.getvalue()


def with_exif():
    exif = Image.Exif()
    exif[0x010F] = "SecretPhone"
    exif[0x0112] = 6  # lies on its side
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", (39.0, 49.0, 12.0)
    return photo(exif=exif, comment=b"SecretComment")


def opened(raw):
    return Image.open(io.BytesIO(raw))


def test_nothing_but_the_picture_is_kept_and_it_stands_upright():
    raw = with_exif()
    assert b"SecretPhone" in raw
    assert b"SecretComment" in raw
    kept = opened(cleaned(raw))
    assert (kept.format, kept.size) == ("JPEG", (48, 64))
    assert not kept.getexif()
    assert b"Secret" not in cleaned(raw)
    right_top = kept.getpixel((47, 0))
    assert right_top[0] > 200, "the orange quarter has turned with the picture"


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("PNG", "L"), ("WEBP", "RGB")])
def test_other_forms_become_jpeg(kind, mode):
    source = Image.new("RGBA" if mode == "RGBA" else mode, (20, 10))
    written = io.BytesIO()
    source.save(written, kind)
    assert opened(cleaned(written.getvalue())).format == "JPEG"


def test_a_large_photo_is_made_smaller():
    kept = opened(cleaned(photo(size=(4_000, 3_000))))
    assert max(kept.size) == EVIDENCE_SIDE_MAX
    assert kept.size[0] * 3 == kept.size[1] * 4


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "evidence.no_photo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "evidence.no_photo"),
        (b"%PDF-1.7", "evidence.no_photo"),
        (b"GIF89a" + bytes(100), "evidence.no_photo"),
        (photo("BMP"), "evidence.no_photo"),
        (photo(size=(400, 300))[:900], "evidence.damaged"),
        (photo("PNG", size=(400, 300))[:200], "evidence.damaged"),
        (b"\xff" * (EVIDENCE_BYTES_MAX + 1), "evidence.too_large"),
    ],
)
def test_what_is_no_photo_is_refused_by_name(raw, code):
    with pytest.raises(Invalid) as caught:
        cleaned(raw)
    assert caught.value.code == code


def test_a_small_file_that_unfolds_to_a_wall_is_refused_before_it_does(monkeypatch):
    monkeypatch.setattr(images, "EVIDENCE_PIXELS_MAX", 100_000)
    with pytest.raises(Invalid) as caught:
        cleaned(photo("PNG", size=(1_000, 1_000)))
    assert caught.value.code == "evidence.too_many_pixels"


def test_what_was_kept_is_read_back_by_its_digest(tmp_path):
    folder = EvidenceFolder(tmp_path / "evidence")
    digest, media_type, size = folder.keep(photo())
    kept = folder.read(digest)
    assert (hashlib.sha256(kept).hexdigest(), media_type, len(kept)) == (digest, "image/jpeg", size)
    assert folder.keep(photo())[0] == digest, "the same picture is one file"
    assert len([one for one in (tmp_path / "evidence").rglob("*") if one.is_file()]) == 1
    assert (tmp_path / "evidence" / digest[:2]).stat().st_mode & 0o077 == 0


def test_many_at_once_leave_one_whole_file(tmp_path):
    folder = EvidenceFolder(tmp_path)
    threads = [threading.Thread(target=folder.keep, args=(photo(),)) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    (kept,) = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert folder.read(kept.name)


@pytest.mark.parametrize("digest", ["", "../../../etc/passwd", "0" * 63, "A" * 64, "0" * 64])
def test_no_other_name_is_ever_a_path(tmp_path, digest):
    with pytest.raises(NotFound):
        EvidenceFolder(tmp_path).read(digest)


def test_a_photo_that_was_changed_on_the_disk_is_not_given_out(tmp_path):
    folder = EvidenceFolder(tmp_path)
    digest, _, _ = folder.keep(photo())
    (tmp_path / digest[:2] / digest).write_bytes(photo(size=(10, 10)))
    with pytest.raises(Unavailable):
        folder.read(digest)


def test_a_disk_that_takes_nothing_is_said(tmp_path):
    (tmp_path / "evidence").write_text("a file where the folder should be")
    with pytest.raises(Unavailable):
        EvidenceFolder(tmp_path / "evidence").keep(photo())
