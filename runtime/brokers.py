"""Where the broker is and how to sign in there, for both clients of the service: ingest and the alert channel."""

import ssl
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from msgspec import Struct

from domain.errors import Invalid
from ingest.session import SessionOptions
from runtime.broker import EmbeddedBroker
from runtime.settings import Settings

__all__ = ["BrokerAddress", "broker_address", "redacted"]

PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


class BrokerAddress(Struct, frozen=True):
    """An address with its credentials."""

    url: str
    options: SessionOptions
    connect: Callable[[paho.Client], None]
    """Gives a fresh paho client address, credentials and TLS, and lets it connect when its loop starts."""


def broker_address(settings: Settings, embedded: EmbeddedBroker | None) -> BrokerAddress:
    """The embedded broker's address, or that of the settings. Raises `Invalid` for a URL that cannot be used."""
    if embedded is not None:
        options = SessionOptions(user=embedded.service.user, password=embedded.service.password)
        return _address(f"mqtt://127.0.0.1:{embedded.port}", options)
    if settings.broker is None:
        raise Invalid("broker.url", "neither an embedded nor an external broker")
    options = SessionOptions(
        ca=_text(settings.broker_ca),
        cert=_text(settings.broker_cert),
        key=_text(settings.broker_key),
        user=settings.broker_user,
        password=settings.broker_secret(),
    )
    return _address(settings.broker, options)


def redacted(url: str) -> str:
    """The URL without user and password, fit to be printed."""
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"


def _tls(options: SessionOptions) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.ca)
        if options.cert is not None:
            context.load_cert_chain(options.cert, options.key)
    except (OSError, ssl.SSLError) as error:
        raise Invalid("broker.tls", f"the certificates for the broker cannot be used: {error}") from error
    return context


def _text(path: object) -> str | None:
    return None if path is None else str(path)


def _address(url: str, options: SessionOptions) -> BrokerAddress:
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise Invalid("broker.url", f"{redacted(url)!r}: a broker URL is mqtt://host:port or mqtts://host:port")
    host, port = parts.hostname, parts.port or PORTS[parts.scheme]
    user = options.user or (unquote(parts.username) if parts.username else None)
    password = options.password or (unquote(parts.password) if parts.password else None)

    context = _tls(options) if parts.scheme == "mqtts" else None

    def connect(client: paho.Client) -> None:
        if user is not None:
            client.username_pw_set(user, password)
        if context is not None:
            client.tls_set_context(context)
        client.connect_async(host, port)

    return BrokerAddress(url, options, connect)
