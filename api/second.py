"""The second person of a decision that one alone may not take: another user, present, who agrees."""

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from alerts.events import SignedIn
from alerts.inputs import Input, Record
from api.auth import Principal, address_of
from api.context import Api
from api.narrow import passes
from api.schemas import SecondBody
from domain.access import Right
from domain.errors import Forbidden

__all__ = ["confirmed"]


async def confirmed(api: Api, request: Request, who: Principal, body: SecondBody, wish: Input) -> str | None:
    """The name of the second person, None where none is given: whether one is needed is judged by the engine.

    Raises `Forbidden` unless it is another user with the right to confirm, within whose scope `wish` is, and who gave
    its own password or token with this request; `TooManyRequests` after repeated failures. Only the name and the
    outcome are kept.
    """
    if body.second is None:
        if body.second_password is not None or body.second_token is not None:
            raise _refused()
        return None
    if body.second.strip().casefold() == who.name.strip().casefold():
        raise _refused()
    address = address_of(request)
    second = await api.door.confirm(body.second, body.second_password, body.second_token, address)
    if second is None or not await run_in_threadpool(_agrees, api, second, wish):
        await api.submit(Record(SignedIn(body.second, False, address, {"by": "second"}), who.name))
        raise _refused()
    return body.second


def _agrees(api: Api, second: Principal, wish: Input) -> bool:
    return Right.SECOND in second.rights and passes(api.views.of(second.scope), wish)


def _refused() -> Forbidden:
    # One answer to all: it must not tell which names exist or what they may do.
    return Forbidden("second.refused", "the second person must be another user who may act and confirms it in person")
