"""Three families of errors, told apart by what the caller can do about them."""

__all__ = ["AnjuError", "Conflict", "Forbidden", "Invalid", "NotFound", "Rejected", "Unavailable"]


class AnjuError(Exception):
    """Root of everything Anju raises on purpose.

    `code` is a stable machine word (``alert.closed``); `params` fill its translated sentence. The English text of the
    exception is for logs and developers; people see the code translated.
    """

    def __init__(self, code: str, text: str, **params: object) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.params = params


class Rejected(AnjuError):
    """The input is wrong: sending it again can never help."""


class Invalid(Rejected):
    """The input does not have the form or the values the contract asks for."""


class NotFound(Rejected):
    """The input names a thing that does not exist, or that the caller may not know of."""


class Forbidden(Rejected):
    """The caller may not do this."""


class Conflict(AnjuError):
    """The state has moved since the caller looked: look again, then decide. `current` is the state as it is now."""

    def __init__(self, code: str, text: str, current: object = None, **params: object) -> None:
        super().__init__(code, text, **params)
        self.current = current


class Unavailable(AnjuError):
    """A part Anju depends on does not answer: the same input may succeed later."""
