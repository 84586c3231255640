"""The console's files: pages that are never cached, and everything else under an address that changes with it.

A static file server would send only validators, which lets browsers keep a module for a while: after an upgrade an old
module could meet a new API (console.md §1).
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import FileResponse, RedirectResponse, Response

from domain.errors import NotFound

__all__ = ["Pages"]

CONSOLE: Final = Path(__file__).parent / "console"
TYPES: Final = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
"""What may be served, with its type; operating systems disagree on the types of modules."""
PAGES: Final = ("/", "/login", "/a/{id}", "/orders", "/c", "/c/{id}", "/sup", "/rules", "/drill")
"""Addresses of the one-page console: F5 and shared links must work for each."""
OWN_PAGES: Final = {"/wall": "wall.html", "/m": "m.html", "/m/o/{id}": "m.html"}
"""Addresses with a page of their own where there is one; the console's page otherwise."""


class Pages:
    """Serves the files of one console folder."""

    def __init__(self, folder: Path = CONSOLE) -> None:
        self._folder = folder.resolve()
        self.router = APIRouter(include_in_schema=False)
        for path in PAGES:
            self._page(path, "index.html")
        for path, file in OWN_PAGES.items():
            self._page(path, file if (self._folder / file).is_file() else "index.html")
        self.router.add_api_route("/assets/{version}/{path:path}", self.asset, methods=["GET", "HEAD"])
        self.router.add_api_route("/favicon.ico", self.favicon, methods=["GET", "HEAD"])

    @property
    def version(self) -> str:
        """Changes whenever any file does, also while the service runs: an edited module is seen on reload."""
        files = sorted(path for path in self._folder.rglob("*") if path.suffix in TYPES and path.is_file())
        return _digest(tuple((path, stat.st_mtime_ns, stat.st_size) for path in files for stat in (path.stat(),)))

    def asset(self, version: str, path: str) -> Response:
        """One file for ever: another version has another address."""
        kind = TYPES.get(Path(path).suffix)
        file = (self._folder / path.replace("\0", "")).resolve()
        if kind is None or not file.is_relative_to(self._folder) or not file.is_file() or version != self.version:
            raise NotFound("asset.unknown", f"there is no {path!r} in version {version}")
        return FileResponse(file, media_type=kind, headers={"Cache-Control": "public, max-age=31536000, immutable"})

    def favicon(self) -> Response:
        """Browsers ask for it before the page has named its own."""
        for name in ("icons/favicon.svg", "icons/level-0.svg"):
            if (self._folder / name).is_file():
                return RedirectResponse(f"/assets/{self.version}/{name}", 302, {"Cache-Control": "no-store"})
        raise NotFound("asset.unknown", "there is no icon")

    def _page(self, address: str, file: str) -> None:
        def page() -> Response:
            try:
                text = (self._folder / file).read_text(encoding="utf-8")
            except FileNotFoundError as error:
                raise NotFound("page.unknown", "the console is not installed") from error
            text = text.replace("{{assets}}", f"/assets/{self.version}")
            return Response(text, headers={"Cache-Control": "no-store"}, media_type="text/html")

        self.router.add_api_route(address, page, methods=["GET", "HEAD"], name=f"page {address}")


@lru_cache(maxsize=4)
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    """Of the contents, so that the same files have the same address after every start and on every machine."""
    digest = hashlib.blake2b(digest_size=6)
    for path, _, _ in files:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
