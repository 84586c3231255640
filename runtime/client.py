"""A small client of the API, for the commands of a terminal."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Final

from domain.errors import Rejected, Unavailable

__all__ = ["Client", "segment"]

TIMEOUT_S: Final = 15


class Client:
    """A small HTTP client for one service, with a personal token."""

    def __init__(self, url: str, token: str | None) -> None:
        if not url.startswith(("http://", "https://")):
            raise Rejected("cli.url", f"--url {url!r} must begin with http:// or https://")
        self._url = url.rstrip("/")
        self._token = token

    def call(self, method: str, path: str, body: dict[str, Any] | bytes | None = None) -> Any:
        """Sends one request; `body` goes out as JSON, bytes as they are.

        Raises `Rejected` with the server's own words, `Unavailable` if it does not answer.
        """
        if not self._token:
            raise Rejected(
                "cli.token", "no token: export ANJU_TOKEN=$(anju users token NAME --label me), or name one by --token"
            )
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked above
            f"{self._url}/api/v1{path}",
            data=json.dumps(body).encode() if isinstance(body, dict) else body,
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": kind},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - likewise
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Rejected("cli.refused", f"{error.code}: {_words(error)}") from error
        except (urllib.error.URLError, TimeoutError) as error:
            raise Unavailable("cli.unreachable", f"{self._url} does not answer: {error}") from error


def _words(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.load(error)
    except ValueError:
        return str(error.reason)
    return str(problem.get("detail") or problem.get("title") or error.reason)


def segment(text: str) -> str:
    """`text` as one part of a path."""
    return urllib.parse.quote(text, safe="")
