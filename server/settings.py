"""All settings in one frozen class, read from LATENTWALK_* variables on request and never on import."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from latentwalk.errors import Invalid
from models.errors import first_problem

PREFIX = "LATENTWALK_"
# An origin or scheme as a Content-Security-Policy lists it; nothing that could end the directive.
FRAME_SOURCE = re.compile(r"[a-z][a-z0-9+.-]*:(//(\*\.)?[a-zA-Z0-9.-]+(:(\d+|\*))?)?")


def _home() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "latentwalk"


class Settings(BaseSettings):
    """The settings of one run: arguments override environment variables, which override the defaults."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    home: Path = Field(
        default_factory=_home,
        description="Folder for the database, learned directions, films, models and keys. By default it is the folder "
        "latentwalk in XDG_DATA_HOME or in ~/.local/share.",
    )
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address to listen on. On any address other than a loopback address, the server requires a token.",
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="Device to compute on: cpu, mps or cuda:N; auto picks a GPU if there is one.",
    )
    max_batch: int = Field(16, ge=1, le=64, description="Largest number of previews computed in one forward pass.")
    generators_kept: int = Field(3, ge=1, le=16, description="Largest number of generators held in memory at once.")
    people: int = Field(64, ge=1, le=1024, description="Largest number of live connections at once.")
    first: str = Field("toys", description="Generator that the page opens with; the first installed one if it is not.")
    unlocked: bool = Field(
        False, description="Open uploaded models even if this system cannot confine them in a sandbox."
    )
    database: str = Field(
        "",
        repr=False,
        description="URL of a PostgreSQL database for jobs, the library and the ledger; if empty, an SQLite file in "
        "the home folder.",
    )
    ray: str = Field(
        "",
        description="Address of a Ray cluster that renders and learns, or “local” to start one on this machine; if "
        "empty, the server process does both.",
    )
    workers: int = Field(2, ge=1, le=256, description="Number of Ray workers that render.")
    learners: int = Field(1, ge=1, le=64, description="Number of Ray workers that learn.")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Further host names under which browsers may reach the server, separated by commas. If one is not "
        "a loopback name, the server requires a token.",
    )
    root_path: str = Field(
        "",
        pattern=r"^(/[A-Za-z0-9._~-]+)*/?$",
        description="URL prefix under which a reverse proxy serves the page, such as /lw. The proxy may remove the "
        "prefix or pass it on.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="IP addresses or networks of reverse proxies, separated by commas, whose X-Forwarded-For and "
        "X-Forwarded-Proto headers are used; by default these headers are ignored.",
    )
    frame_ancestors: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins whose pages may show this page in a frame, separated by commas; by default none."
    )

    token: SecretStr | None = Field(
        None,
        description="Administrator's token, at least 16 characters. If it is unset and one is needed, the server "
        "generates one and prints a link with it.",
    )
    drain: float = Field(5.0, ge=0, le=600, description="Shutdown grace period, in seconds.")
    log_json: bool = Field(False, description="Write every log line as JSON; audit lines always are.")
    sign: bool = Field(True, description="Sign pictures and films with content credentials (C2PA).")
    signing_key: Path | None = Field(
        None, description="P-256 private key to sign with, a PEM file; if unset, the installation generates its own."
    )
    signing_chain: Path | None = Field(
        None, description="Certificates of the signing key, a PEM file, leaf certificate first."
    )

    @field_validator("allowed_hosts", "frame_ancestors", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value

    @field_validator("frame_ancestors")
    @classmethod
    def _sources(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for source in value:
            if not FRAME_SOURCE.fullmatch(source):
                raise ValueError(f"“{source[:60]}” is not an origin such as https://notebooks.example.org")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ipaddress.ip_network(network)
            except ValueError:
                raise ValueError(f"“{network[:60]}” is not an IP address or a network such as 10.0.0.0/8") from None
        return value

    @field_validator("root_path")
    @classmethod
    def _without_last_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @model_validator(mode="before")
    @classmethod
    def _no_typos(cls, values: Any) -> Any:
        # pydantic-settings ignores unknown variables, so a misspelt one would have no effect and no error.
        known = {f"{PREFIX}{name}".upper() for name in cls.model_fields}
        unknown = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
        if unknown:
            raise ValueError(f"There is no setting {unknown[0]}; the settings are {', '.join(sorted(known))}")
        return values

    @model_validator(mode="after")
    def _key_and_chain(self) -> Self:
        if (self.signing_key is None) != (self.signing_chain is None):
            raise ValueError("Signing with your own key needs both signing_key and signing_chain")
        return self

    @classmethod
    def read(cls, **arguments: Any) -> Self:
        """Settings from arguments and the environment. Raises Invalid, naming the setting, for an invalid value."""
        try:
            return cls(**arguments)
        except ValidationError as error:
            place, reason = first_problem(error.errors(include_url=False))
            message = f"The setting {place} is wrong: {reason}." if place else f"{reason[0].upper()}{reason[1:]}."
            raise Invalid(message, f"Settings are {PREFIX}NAME variables or options of the command.") from None
