from collections.abc import AsyncIterator

import httpx
import pytest

from api.app import create_app
from tests.support.ports import PASSWORD, START_MS, House


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    house.database.users.create("wxy", PASSWORD, ["operator"], START_MS)
    yield house
    house.close()


@pytest.fixture
def app(house):
    return create_app(house.ports())


@pytest.fixture
def token(house):
    return house.database.users.create_token("wxy", "tests", START_MS)


@pytest.fixture
async def anonymous(app) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://anju.test") as client:
        yield client


@pytest.fixture
async def client(app, token) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://anju.test", headers=headers) as client:
        yield client
