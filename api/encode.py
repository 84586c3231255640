"""JSON out: msgspec, several times faster than the framework's encoder, which matters for thousands of alerts."""

from enum import Enum
from typing import Any

import msgspec
from starlette.responses import Response

__all__ = ["Json", "plain", "to_json"]

_encoder = msgspec.json.Encoder(enc_hook=str)


def to_json(value: Any) -> bytes:
    """UTF-8 JSON of builtins and msgspec structs; NaN and infinities become null."""
    return _encoder.encode(value)


def plain(value: Any) -> Any:
    """`value` as JSON builtins; what JSON does not know becomes its text."""
    if isinstance(value, Enum):
        return plain(value.value)
    return msgspec.to_builtins(value, str_keys=True, enc_hook=str)


class Json(Response):
    """A JSON answer that is already made of plain values. Never cached: what it says changes all the time."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(content, status_code, {"Cache-Control": "no-store", **(headers or {})})

    def render(self, content: Any) -> bytes:
        """Bytes pass as they are."""
        return content if isinstance(content, bytes) else to_json(content)
