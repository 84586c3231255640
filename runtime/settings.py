"""One typed tree of settings: command line over environment (``ANJU_…``) over file over default. Unknown keys fail."""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from domain.errors import Invalid
from domain.limits import CHECKPOINT_EVERY_MS

__all__ = ["Settings", "load_settings"]

Port = Annotated[int, Field(ge=0, le=65_535)]


class Settings(BaseSettings):
    """Everything that can be set. Secrets come from the environment or from files, never from the command line."""

    model_config = SettingsConfigDict(env_prefix="ANJU_", extra="forbid", frozen=True)

    data: Path = Field(default=Path("data"), description="Folder that holds the stores; made if missing.")
    http_host: str = Field(default="127.0.0.1", description="Address the console and API listen on.")
    http_port: Port = Field(default=8080, description="Port of the console and API; 0 picks a free one.")
    https: bool = Field(default=False, description="A TLS proxy stands in front: cookies are marked Secure.")
    forwarded_allow_ips: str = Field(default="127.0.0.1", description="Proxies whose X-Forwarded headers are believed.")
    metrics_open: bool = Field(default=False, description="Serve /metrics without a token.")

    broker: str | None = Field(
        default=None,
        description="URL of an external broker, mqtt://host:port or mqtts://…; none starts the embedded one.",
    )
    broker_user: str | None = Field(default=None, description="User name at the external broker.")
    broker_password: SecretStr | None = Field(default=None, description="Password at the external broker.")
    broker_password_file: Path | None = Field(default=None, description="File that holds that password.")
    broker_ca: Path | None = Field(default=None, description="CA certificates to trust for mqtts.")
    broker_cert: Path | None = Field(default=None, description="Client certificate for mqtts.")
    broker_key: Path | None = Field(default=None, description="Key of the client certificate.")
    client_id: str = Field(default="anju", description="MQTT client id of the persistent session; one per deployment.")
    mqtt_port: Port = Field(default=1883, description="Port of the embedded broker; 0 picks a free one.")

    rules: list[Path] = Field(default_factory=list, description="Rule packs; none means the shipped ones.")
    calendar: Path | None = Field(default=None, description="Working calendar; none means the shipped one of China.")
    forms: list[Path] = Field(default_factory=list, description="Mapping files of vendors' forms, beside the shipped.")
    telemetry_memory_mb: int = Field(default=96, ge=32, description="Memory the time series may use.")
    telemetry_days: int = Field(default=400, ge=1, description="Days readings are kept; standards ask for a year.")
    checkpoint_s: float = Field(
        default=CHECKPOINT_EVERY_MS / 1_000, ge=0.1, description="Seconds between checkpoints of the working memory."
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        level = value.upper()
        if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            msg = f"log_level {value!r} must be DEBUG, INFO, WARNING or ERROR"
            raise ValueError(msg)
        return level

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line and file come merged through the constructor; the environment stands between them."""
        del settings_cls, dotenv_settings, file_secret_settings
        return init_settings, env_settings

    def broker_secret(self) -> str | None:
        """The broker password from wherever it is kept. Raises `Invalid` if its file cannot be read."""
        if self.broker_password is not None:
            return self.broker_password.get_secret_value()
        if self.broker_password_file is None:
            return None
        try:
            return self.broker_password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Invalid("settings.password_file", f"broker_password_file: {error}") from error


def load_settings(file: Path | None = None, **given: Any) -> Settings:
    """Settings from `file` (YAML), the environment and `given` (command line; None means not given), later ones win.

    Raises `Invalid` naming the file, the key and what is wrong with it.
    """
    chosen = {key: value for key, value in given.items() if value is not None}
    written = _read(file) if file is not None else {}
    try:
        environment = Settings().model_fields_set if not written else Settings.model_validate({}).model_fields_set
        return Settings(**{**{k: v for k, v in written.items() if k not in environment}, **chosen})
    except ValueError as error:
        raise Invalid("settings.invalid", f"{file or 'settings'}: {error}") from error


def _read(file: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Invalid("settings.file", f"{file}: {error}") from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise Invalid("settings.file", f"{file}: a settings file is a mapping of names to values")
    return tree
