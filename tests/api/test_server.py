"""The server as a part of the house: starts on a free port, stops in time, can be had twice."""

import socket
import threading
import time

import httpx
import pytest

from api.app import create_app
from api.server import ApiServer
from domain.errors import Unavailable


def test_port_zero_picks_a_free_one_on_loopback_and_says_which(app):
    server = ApiServer(app)
    try:
        port = server.start()
        assert port == server.port > 0
        assert server.url == f"http://127.0.0.1:{port}"
        assert httpx.get(f"{server.url}/-/healthy").json() == {"healthy": True}
        assert "server" not in httpx.get(f"{server.url}/-/healthy").headers
    finally:
        server.stop()
    assert not server.alive


def test_stopping_lets_go_of_the_port_and_the_thread(app, house):
    server = ApiServer(app)
    port = server.start()
    began = time.perf_counter()
    server.stop()
    assert time.perf_counter() - began < 2
    assert "api" not in {thread.name for thread in threading.enumerate()}
    again = ApiServer(create_app(house.ports()), port=port)
    assert again.start() == port
    again.stop()


def test_an_address_in_use_is_unavailable_and_names_it(app):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        server = ApiServer(app, port=port)
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port}"):
            server.start()
        server.stop()


@pytest.mark.parametrize(
    ("allowed", "seen"), [("127.0.0.1", "203.0.113.7"), ("10.0.0.0/8", "127.0.0.1"), ("127.0.0.0/8", "203.0.113.7")]
)
def test_only_the_named_proxies_are_believed_about_where_a_request_comes_from(house, app, allowed, seen):
    server = ApiServer(app, behind_proxy=True, forwarded_allow_ips=allowed)
    server.start()
    try:
        body = {"name": "nobody", "password": "x"}
        headers = {"X-Forwarded-For": "203.0.113.7"}
        assert httpx.post(f"{server.url}/api/v1/session", json=body, headers=headers).status_code == 401
    finally:
        server.stop()
    assert house.database.journal.rows()[-1].event.origin == seen


def test_stopping_what_never_started_is_harmless(app):
    ApiServer(app).stop()


def test_a_service_that_stops_while_a_client_says_nothing_does_not_wait_for_it(app):
    server = ApiServer(app)
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as silent:
        silent.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        httpx.get(f"{server.url}/-/healthy")
        began = time.perf_counter()
        server.stop()
        assert time.perf_counter() - began < 4
    assert not server.alive
