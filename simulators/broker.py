"""Where to publish: a broker's address with credentials, as people write it."""

from urllib.parse import unquote, urlsplit

from msgspec import Struct

from domain.errors import Invalid

__all__ = ["Broker"]


class Broker(Struct, frozen=True):
    """An MQTT 3.1.1 broker."""

    host: str
    port: int = 1883
    user: str = ""
    password: str = ""
    tls: bool = False

    @staticmethod
    def parse(url: str, user: str = "", password: str = "") -> "Broker":
        """Reads ``mqtt://user:pass@host:port`` or ``mqtts://…``; `user` and `password` win over those in the address.

        Raises `Invalid` where it cannot be understood.
        """
        try:
            parts = urlsplit(url if "://" in url else f"mqtt://{url}")
            port = parts.port
        except ValueError as error:
            raise Invalid("broker.address", f"{url!r} is no broker address: {error}", url=url) from error
        if parts.scheme not in {"mqtt", "mqtts", "tcp", "ssl"} or not parts.hostname:
            raise Invalid(
                "broker.address", f"broker address {url!r} must be mqtt://[user:pass@]host[:port] or mqtts://…", url=url
            )
        tls = parts.scheme in {"mqtts", "ssl"}
        return Broker(
            parts.hostname,
            port or (8883 if tls else 1883),
            user or unquote(parts.username or ""),
            password or unquote(parts.password or ""),
            tls,
        )
