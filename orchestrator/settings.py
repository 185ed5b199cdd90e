"""What a user can set: by argument, environment (`ORCHESTRATOR_…`) or `orchestrator.toml`, in that order."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

from orchestrator.errors import SettingsError
from orchestrator.settings_renamed import FormerVariables, Renamed
from orchestrator.types import ANONYMOUS, DEFAULT_TENANT, NOBODY, Principal

FILE_NAME = "orchestrator.toml"
PREFIX = "ORCHESTRATOR_"
#: Variables of that prefix that are read elsewhere, and are no settings.
OTHER_VARIABLES = frozenset(
    {"ORCHESTRATOR_DATA", "ORCHESTRATOR_REQUIRE_SERVICES", "ORCHESTRATOR_VLLM_PYTHON"}
)

#: Former names of settings, which go on working, with where they stand now.
RENAMED: Mapping[str, str] = {
    "bm25": "connectors.bm25",
    "splade": "connectors.splade.folder",
    "quantisation": "connectors.qdrant_edge.quantisation",
    "oversampling": "connectors.qdrant_edge.oversampling",
    "retention.verdicts": "retention.feedback",
}
#: The connectors of the embedders that have a short name.
SHORT_NAMES: Mapping[str, str] = {"light": "wordllama", "server": "vllm"}

INDEX_NAME = r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?"
#: Seconds.
DAY = 86_400.0

Days = Annotated[float, Field(gt=0)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PrincipalTable(_Table):
    """A principal as it is written in settings. Without `grants` it may read nothing."""

    tenant: str = Field(default=DEFAULT_TENANT, min_length=1)
    grants: frozenset[str] = frozenset()
    name: str | None = Field(default=None, min_length=1)


class Retention(_Table):
    """How many days things are kept after they were last written."""

    runs: Days = 30
    conversations: Days = 90
    cache: Days = 7
    checkpoints: Days = 7
    feedback: Days = 365
    trainings: Days = 7


class Serve(_Table):
    """Where the endpoint listens and how much it takes on; `deadline` is in seconds a run."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    concurrent: int = Field(default=16, ge=1)
    queued: int = Field(default=64, ge=0)
    deadline: float = Field(default=60.0, gt=0)
    task_requests: bool = True


class Route(_Table):
    """One of several models, of which each prompt is asked of one; `cost` is in units of score."""

    url: tuple[str, ...] = Field(min_length=1)
    model: str | None = None
    api_key: SecretStr | None = None
    options: dict[str, Any] = Field(default_factory=dict[str, Any])
    cost: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    @field_validator("url", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return _addresses(value)


class Settings(BaseSettings):
    """Everything that can be set. Values that cannot be used raise SettingsError, all in one.

    `config` names the settings file; otherwise it is searched for in the working folder and upward.
    `home` holds the database and the indexes: `.orchestrator` beside that file, or in the working
    folder. `principal` is who the command line is; `api_keys` maps a key of the endpoint to who uses it.
    `ports` names the connector that fills a port, `connectors` holds a table for each, which its owner
    validates when an application is made. Former names of settings are understood; see `RENAMED`.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=True
    )

    config: Path | None = None
    home: Path = Path(".orchestrator")
    database_url: str = Field(default="", repr=False)
    embedder: str = Field(default="auto", min_length=1)
    ports: dict[str, str] = Field(default_factory=dict[str, str])
    connectors: dict[str, dict[str, Any]] = Field(default_factory=dict[str, dict[str, Any]], repr=False)
    late_interaction: bool = False
    index: str = "default"
    principals: dict[str, Principal] = Field(default_factory=dict[str, Principal])
    principal: Annotated[Principal, NoDecode] = ANONYMOUS
    api_keys: dict[str, Principal] = Field(default_factory=dict[str, Principal], repr=False)
    llm_url: Annotated[tuple[str, ...], NoDecode] = ()
    llm_model: str | None = None
    llm_api_key: SecretStr | None = None
    llm_options: dict[str, Any] = Field(default_factory=dict[str, Any])
    llm_cache: bool = False
    llm_timeout: float = Field(default=120.0, gt=0)
    routes: dict[str, Route] = Field(default_factory=dict[str, Route], repr=False)
    routes_exploration: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    score_url: Annotated[tuple[str, ...], NoDecode] = ()
    score_model: str | None = None
    score_api_key: SecretStr | None = None
    embed_url: Annotated[tuple[str, ...], NoDecode] = ()
    embed_model: str | None = None
    embed_api_key: SecretStr | None = None
    embed_query_prefix: str = ""
    retention: Retention = Field(default_factory=Retention)
    serve: Serve = Field(default_factory=Serve)
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    log_format: Literal["text", "json"] = "text"

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**{name: value for name, value in values.items() if value is not None})
        except ValidationError as error:
            raise SettingsError(
                f"{'; '.join(described(error))}.", hint="See docs/configuration.md for all settings."
            ) from None
        except SourceError as error:
            cause = error.__cause__ or error
            raise SettingsError(
                f"{str(error).rstrip('.')}: {cause}.", hint="Tables and lists in the environment are JSON."
            ) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments before the environment before the file; each with the former names it may use."""
        variables = FormerVariables(settings_cls, RENAMED, PREFIX)
        file = _TomlFile(settings_cls, init_settings())
        return (
            Renamed(settings_cls, init_settings, RENAMED),
            Renamed(settings_cls, env_settings, RENAMED),
            Renamed(settings_cls, variables, RENAMED),
            Renamed(settings_cls, file, RENAMED),
        )

    @model_validator(mode="before")
    @classmethod
    def _resolve_principals(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Replace names and tables of principals by principals."""
        known: dict[str, Principal] = {"anonymous": ANONYMOUS, "nobody": NOBODY}
        for name, table in _mapping(values.get("principals"), "principals").items():
            known[name] = _principal(table, f"principals.{name}", {}, name)
        resolved = {**values, "principals": known}
        if "principal" in values:
            resolved["principal"] = _principal(values["principal"], "principal", known, "me")
        keys: dict[str, Principal] = {}
        for key, given in _mapping(values.get("api_keys"), "api_keys").items():
            # Neither a message nor a trace may show a key, and two keys are two readers.
            name = f"key-{sha256(key.encode()).hexdigest()[:8]}"
            if len(key.strip()) < 8:
                raise ValueError("An API key of api_keys is shorter than 8 characters")
            keys[key] = _principal(given, f"api_keys ({name})", known, name)
        return {**resolved, "api_keys": keys}

    @field_validator("llm_url", "score_url", "embed_url", mode="before")
    @classmethod
    def _listed_addresses(cls, value: Any) -> Any:
        return _addresses(value)

    @field_validator("index")
    @classmethod
    def _named_index(cls, value: str) -> str:
        return index_name(value)

    @field_validator("home", mode="after")
    @classmethod
    def _whole_home(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @model_validator(mode="after")
    def _default_database(self) -> Settings:
        if not self.database_url:
            # The model is frozen for everybody else.
            object.__setattr__(self, "database_url", f"sqlite:///{self.home / 'state.db'}")
        return self

    @model_validator(mode="after")
    def _routes_or_one_model(self) -> Settings:
        if self.routes and self.llm_url:
            raise ValueError("Both llm_url and routes are set: name the model of llm_url among routes")
        if len(self.routes) == 1:
            raise ValueError("Only one model is in routes: name it with llm_url")
        return self

    @model_validator(mode="after")
    def _learned_terms(self) -> Settings:
        # A checkpoint alone says that it is to be used, as it did when it was a setting of its own.
        if self.connectors.get("splade", {}).get("folder") and "sparse_encoder" not in self.ports:
            object.__setattr__(self, "ports", {**self.ports, "sparse_encoder": "splade"})
        return self

    def plain(self) -> dict[str, Any]:
        """All values as JSON can hold them, secrets too: for another process, and never for a log."""
        return {name: _plain(getattr(self, name)) for name in type(self).model_fields}

    def reader(self, given: str | None) -> Principal:
        """Who asks: a named principal, one written `tenant:grant,grant`, or by default `principal`."""
        if given is None:
            return self.principal
        try:
            return _written(given, self.principals)
        except ValueError as error:
            raise SettingsError(
                f"The principal is not known: {error}.",
                hint=f"Add [principals.{given}] to {FILE_NAME}, or write tenant:grant,grant.",
            ) from None


class ExactSettings(Settings):
    """Settings that another process hands over: nothing is read from the environment or a file."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments alone."""
        return (init_settings,)


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Principal):
        return {"tenant": value.tenant, "grants": sorted(value.grants), "name": value.name}
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(each) for each in cast("Iterable[Any]", value)]
    return value


def _addresses(value: Any) -> Any:
    """One address, or several: with blanks or commas between them, or as a list."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def index_name(value: str) -> str:
    """A usable name of an index; ValueError otherwise. It becomes the name of a folder."""
    if not re.fullmatch(INDEX_NAME, value):
        raise ValueError(
            f"The index name {value!r} cannot be used: "
            "take up to 64 of a-z, 0-9, - and _, beginning and ending with a letter or digit"
        )
    return value


def settings_file(start: Path | None = None) -> Path | None:
    """The settings file of a folder: in it, or in the nearest one above that has one."""
    folder = (start or Path.cwd()).absolute()
    return next((found for each in (folder, *folder.parents) if (found := each / FILE_NAME).is_file()), None)


def unknown_variables() -> list[str]:
    """Environment variables that look like settings and are none: most likely misspelt."""
    fields = {name.partition(".")[0].upper() for name in (*Settings.model_fields, *RENAMED)}
    return sorted(
        name
        for name in os.environ
        if name.upper().startswith(PREFIX)
        and name not in OTHER_VARIABLES
        and name.upper().removeprefix(PREFIX).partition("__")[0] not in fields
    )


class _TomlFile(PydanticBaseSettingsSource):
    """The settings file, with its relative paths seen from where it lies."""

    def __init__(self, settings_cls: type[BaseSettings], given: dict[str, Any]) -> None:
        super().__init__(settings_cls)
        named = given.get("config") or os.environ.get(f"{PREFIX}CONFIG")
        self.path = Path(named).expanduser().absolute() if named else settings_file()

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        if self.path is None:
            return {}
        try:
            values = tomllib.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SettingsError(
                f"The settings file {self.path} cannot be read: {reason}.", hint="Name another with --config."
            ) from None
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(
                f"{self.path} is not valid TOML: {error}.", hint="Correct that line."
            ) from None
        folder = self.path.parent
        values.setdefault("home", ".orchestrator")
        if isinstance(values["home"], str):
            values["home"] = folder / Path(values["home"]).expanduser()
        url = values.get("database_url")
        if isinstance(url, str) and url.startswith("sqlite:///") and not url.startswith("sqlite:////"):
            values["database_url"] = f"sqlite:///{folder / url.removeprefix('sqlite:///')}"
        return {**values, "config": self.path}


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} is a table, not {value!r}" if name != "api_keys" else "api_keys is a table")
    return cast("Mapping[str, Any]", value)


def _principal(value: Any, where: str, known: Mapping[str, Principal], name: str) -> Principal:
    if isinstance(value, Principal):
        return value
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        return _written(value, known)
    try:
        if isinstance(value, str):
            table = PrincipalTable.model_validate_json(value)
        else:
            table = PrincipalTable.model_validate(value)
    except ValidationError as error:
        raise ValueError(f"{where}: {'; '.join(described(error))}.") from None
    return Principal(table.tenant, table.grants, table.name or name)


def _written(text: str, known: Mapping[str, Principal]) -> Principal:
    """A principal by its name, or as `tenant:grant,grant`."""
    if text in known:
        return known[text]
    tenant, colon, grants = text.partition(":")
    if colon and tenant:
        labels = (label.strip() for label in grants.split(","))
        return Principal(tenant, frozenset(label for label in labels if label), name=text)
    raise ValueError(f"{text!r} is none of {', '.join(sorted(known))}, nor written tenant:grant,grant")


def described(error: ValidationError) -> list[str]:
    """All faults, a sentence without its end each, without the values: one of them may be a key."""
    faults: list[str] = []
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        where = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = "There is no such setting"
        faults.append((f"{where}: {message}" if where else message).rstrip("."))
    return faults
