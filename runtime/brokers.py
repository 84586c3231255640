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

__all__ = ["BrokerAddress", "broker_address"]

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


def _text(path: object) -> str | None:
    return None if path is None else str(path)


def _address(url: str, options: SessionOptions) -> BrokerAddress:
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise Invalid("broker.url", f"{url!r}: a broker URL is mqtt://host:port or mqtts://host:port")
    host, port = parts.hostname, parts.port or PORTS[parts.scheme]
    user = options.user or (unquote(parts.username) if parts.username else None)
    password = options.password or (unquote(parts.password) if parts.password else None)

    def connect(client: paho.Client) -> None:
        if user is not None:
            client.username_pw_set(user, password)
        if parts.scheme == "mqtts":
            context = ssl.create_default_context(cafile=options.ca)
            if options.cert is not None:
                context.load_cert_chain(options.cert, options.key)
            client.tls_set_context(context)
        client.connect_async(host, port)

    return BrokerAddress(url, options, connect)
