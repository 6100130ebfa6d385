"""Every option there is, in one frozen class; read from LATENTWALK_* variables when asked, never on import."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from latentwalk.errors import Invalid

PREFIX = "LATENTWALK_"
# An origin or scheme as a Content-Security-Policy lists it; nothing that could end the directive.
FRAME_SOURCE = re.compile(r"[a-z][a-z0-9+.-]*:(//(\*\.)?[a-zA-Z0-9.-]+(:(\d+|\*))?)?")


def _home() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "latentwalk"


class Settings(BaseSettings):
    """What a running Latentwalk was told; arguments win over the environment, which wins over the defaults."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    home: Path = Field(default_factory=_home, description="folder for learned directions, exports and pulled models")
    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 picks a free one")
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, mps or cuda:N")
    max_batch: int = Field(16, ge=1, le=64, description="most previews computed in one forward pass")
    generators_kept: int = Field(3, ge=1, le=16, description="most generators held in memory at once")
    people: int = Field(64, ge=1, le=1024, description="most live connections at once")
    first: str = Field("", description="generator the page opens with; the first installed one unless set")
    unlocked: bool = Field(False, description="open uploaded models even where this system cannot lock them in")
    database: str = Field("", repr=False, description="database to remember jobs and the library in; a file in home")
    ray: str = Field("", description="Ray cluster that draws and learns: its address, or “local” to start one here")
    workers: int = Field(2, ge=1, le=256, description="workers of a Ray cluster that draw")
    learners: int = Field(1, ge=1, le=64, description="workers of a Ray cluster that learn")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="further host names the page may be reached under, separated by commas"
    )
    frame_ancestors: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="origins whose pages may show the page in a frame, separated by commas; none unless set"
    )

    token: SecretStr | None = Field(
        None, description="what people need to come in, 16 characters or more; made and printed where one is needed"
    )
    drain: float = Field(5.0, ge=0, le=600, description="most seconds a stopping server finishes what is in hand")
    log_json: bool = Field(False, description="every log line as JSON, as the audit lines always are")
    sign: bool = Field(True, description="put content credentials into pictures and films")
    signing_key: Path | None = Field(None, description="an operator's own P-256 key, PEM")
    signing_chain: Path | None = Field(None, description="the certificates of that key, PEM, leaf first")

    @field_validator("allowed_hosts", "frame_ancestors", mode="before")
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

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @model_validator(mode="before")
    @classmethod
    def _no_typos(cls, values: Any) -> Any:
        # pydantic-settings ignores a variable it does not know, so a mistyped one would be lost in silence.
        known = {f"{PREFIX}{name}".upper() for name in cls.model_fields}
        unknown = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
        if unknown:
            raise ValueError(f"There is no setting {unknown[0]}; there are {', '.join(sorted(known))}")
        return values

    @model_validator(mode="after")
    def _key_and_chain(self) -> Self:
        if (self.signing_key is None) != (self.signing_chain is None):
            raise ValueError("Signing with a key of your own needs both signing_key and signing_chain")
        return self

    @classmethod
    def read(cls, **given: Any) -> Self:
        """Settings from arguments and environment; Invalid, with one sentence, where they make no sense."""
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            reason = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
            place = ".".join(str(part) for part in first["loc"])
            sentence = f"The setting {place} is wrong: {reason[0].lower()}{reason[1:]}." if place else f"{reason}."
            raise Invalid(sentence, f"Settings are {PREFIX}NAME variables or options of the command.") from None
