"""Settings: where they come from, which one wins, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.errors import SettingsError
from orchestrator.settings import RENAMED, ExactSettings, Settings, settings_file, unknown_variables
from orchestrator.types import ANONYMOUS, NOBODY, Principal


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORCHESTRATOR_EMBEDDER")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    file = folder / "orchestrator.toml"
    file.write_text(text)
    return file


def test_without_anything_the_home_is_in_the_working_folder(folder: Path) -> None:
    settings = Settings()
    assert settings.home == folder / ".orchestrator"
    assert settings.database_url == f"sqlite:///{folder}/.orchestrator/state.db"
    assert (settings.embedder, settings.index, settings.principal) == ("auto", "default", ANONYMOUS)
    assert settings.api_keys == {}
    assert not (folder / ".orchestrator").exists()


def test_a_file_above_the_working_folder_is_found_and_its_paths_are_seen_from_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(folder, 'home = "kept"\ndatabase_url = "sqlite:///kept/other.db"')
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert settings_file() == file
    settings = Settings()
    assert settings.config == file
    assert settings.home == folder / "kept"
    assert settings.database_url == f"sqlite:///{folder}/kept/other.db"


def test_arguments_come_before_the_environment_before_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, 'index = "of-file"\n[serve]\nport = 1\ndeadline = 2')
    assert Settings().index == "of-file"
    monkeypatch.setenv("ORCHESTRATOR_INDEX", "of-environment")
    monkeypatch.setenv("ORCHESTRATOR_SERVE__PORT", "3")
    assert Settings().index == "of-environment"
    assert (Settings().serve.port, Settings().serve.deadline) == (3, 2)
    assert Settings(index="of-argument").index == "of-argument"
    assert Settings(index=None).index == "of-environment"


def test_principals_are_named_or_written_out(folder: Path) -> None:
    write(
        folder,
        """
        principal = "alice"
        [principals.alice]
        tenant = "acme"
        grants = ["public", "hr"]
        [api_keys]
        "key-of-alice" = "alice"
        "key-of-bob" = { tenant = "acme", grants = ["public"], name = "bob" }
        "key-of-nobody" = {}
        """,
    )
    settings = Settings()
    alice = Principal("acme", frozenset({"public", "hr"}), "alice")
    assert settings.principal == alice
    assert settings.reader(None) == alice
    assert settings.reader("anonymous") == ANONYMOUS
    assert settings.reader("nobody") == NOBODY
    assert settings.reader("other:a,b") == Principal("other", frozenset({"a", "b"}), "other:a,b")
    assert settings.api_keys["key-of-alice"] == alice
    assert settings.api_keys["key-of-bob"] == Principal("acme", frozenset({"public"}), "bob")
    assert settings.api_keys["key-of-nobody"].grants == frozenset()


def test_two_keys_without_a_name_are_two_readers(folder: Path) -> None:
    write(folder, '[api_keys]\n"first-key" = { grants = ["a"] }\n"second-key" = { grants = ["a"] }')
    first, second = Settings().api_keys.values()
    assert first.name != second.name
    assert "first-key" not in first.name


def test_the_environment_takes_a_principal_by_name_or_as_json(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRATOR_PRINCIPAL", "nobody")
    assert Settings().principal == NOBODY
    monkeypatch.setenv("ORCHESTRATOR_PRINCIPAL", '{"tenant": "acme", "grants": ["x"]}')
    assert Settings().principal == Principal("acme", frozenset({"x"}), "me")
    monkeypatch.setenv("ORCHESTRATOR_API_KEYS", '{"a-good-key": {"grants": ["public"]}}')
    assert Settings().api_keys["a-good-key"].grants == {"public"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("embedder = ''", "embedder: String should have at least 1 character"),
        ("colour = 1", "colour: There is no such setting"),
        ("[serve]\nprot = 1", "serve.prot: There is no such setting"),
        ("[serve]\nport = 70000", "serve.port"),
        ("index = '../up'", "The index name '../up' cannot be used"),
        ("[retention]\nruns = -1", "retention.runs"),
        ("principal = 'eve'", "'eve' is none of anonymous, nobody"),
        ("[principals.a]\ntennant = 'x'", "principals.a: tennant: There is no such setting"),
        ("[api_keys]\n'a-good-key' = 'eve'", "'eve' is none of"),
        ("[api_keys]\n'short' = {}", "shorter than 8 characters"),
        ("api_keys = 1", "api_keys is a table"),
        ("index = ", "is not valid TOML"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(folder: Path, text: str, said: str) -> None:
    write(folder, text)
    with pytest.raises(SettingsError) as error:
        Settings()
    assert said in str(error.value)
    assert error.value.hint


def test_all_faults_are_listed_at_once(folder: Path) -> None:
    write(folder, "embedder = ''\nlog_level = 'loud'\ncolour = 1")
    with pytest.raises(SettingsError, match=r"embedder.*log_level.*colour"):
        Settings()


def test_a_message_never_shows_a_key_or_a_password(folder: Path) -> None:
    write(
        folder,
        "database_url = 'postgresql://me:tulip@host/db'\n"
        "[api_keys]\n'the-secret-key' = { tenant = 'a', grnts = ['x'] }",
    )
    with pytest.raises(SettingsError) as error:
        Settings()
    assert "the-secret-key" not in str(error.value)
    write(folder, "database_url = 'postgresql://me:tulip@host/db'\n[api_keys]\n'the-secret-key' = {}")
    assert "the-secret-key" not in repr(Settings())
    assert "tulip" not in repr(Settings())


@pytest.mark.parametrize("value", ["not json", "[1"])
def test_a_table_in_the_environment_that_is_no_json_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ORCHESTRATOR_API_KEYS", value)
    with pytest.raises(SettingsError, match="api_keys"):
        Settings()


def test_a_named_file_must_be_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_CONFIG", str(folder / "none.toml"))
    with pytest.raises(SettingsError, match=r"none\.toml cannot be read"):
        Settings()
    with pytest.raises(SettingsError, match=r"other\.toml cannot be read"):
        Settings(config=folder / "other.toml")


def test_an_unknown_principal_says_how_to_make_one(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"'eve'.*\[principals\.eve\]"):
        Settings().reader("eve")


def test_misspelt_variables_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_INDX", "x")
    monkeypatch.setenv("ORCHESTRATOR_SERVE__PORT", "1")
    monkeypatch.setenv("ORCHESTRATOR_DATA", "/data")
    assert unknown_variables() == ["ORCHESTRATOR_INDX"]


FORMER = """
quantisation = "binary"
oversampling = 3
splade = "models/splade"
[bm25]
k = 0.9
[retention]
verdicts = 30
"""


def test_a_file_with_the_former_names_is_understood(folder: Path) -> None:
    write(folder, FORMER)
    settings = Settings()
    assert settings.connectors == {
        "bm25": {"k": 0.9},
        "splade": {"folder": "models/splade"},
        "qdrant_edge": {"quantisation": "binary", "oversampling": 3},
    }
    assert settings.ports == {"sparse_encoder": "splade"}
    assert settings.retention.feedback == 30


def test_variables_with_the_former_names_are_understood(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "[connectors.qdrant_edge]\nquantisation = 'none'\noversampling = 2.0")
    monkeypatch.setenv("ORCHESTRATOR_QUANTISATION", "binary")
    monkeypatch.setenv("ORCHESTRATOR_BM25__K", "0.9")
    monkeypatch.setenv("ORCHESTRATOR_RETENTION__VERDICTS", "30")
    settings = Settings()
    assert settings.connectors["qdrant_edge"] == {"quantisation": "binary", "oversampling": 2.0}
    assert settings.connectors["bm25"] == {"k": "0.9"}
    assert settings.retention.feedback == 30
    assert unknown_variables() == []
    monkeypatch.setenv("ORCHESTRATOR_BM25", '{"b": 0.5}')
    monkeypatch.setenv("ORCHESTRATOR_CONNECTORS__QDRANT_EDGE__QUANTISATION", "int8")
    assert Settings().connectors["qdrant_edge"]["quantisation"] == "int8", "the name of now comes first"


def test_the_page_lists_every_former_name() -> None:
    page = (Path(__file__).parents[1] / "docs" / "configuration.md").read_text()
    for former, now in RENAMED.items():
        assert f"| `{former}` | `{now}` |" in page


def test_another_process_gets_the_same_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        folder,
        """
        llm_api_key = "tulip"
        llm_options = { temperature = 0 }
        principal = "alice"
        [principals.alice]
        tenant = "acme"
        grants = ["public", "hr"]
        [api_keys]
        "key-of-alice" = "alice"
        [routes.a]
        url = "http://h:1"
        api_key = "rose"
        [routes.b]
        url = ["http://h:2", "http://h:3"]
        [connectors.qdrant_edge]
        oversampling = 2
        """,
    )
    settings = Settings()
    sent = json.loads(json.dumps(settings.plain()))
    monkeypatch.setenv("ORCHESTRATOR_INDEX", "elsewhere")
    (folder / "orchestrator.toml").unlink()
    got = ExactSettings(**sent)
    assert got.model_dump() == settings.model_dump()
    assert got.llm_api_key is not None
    assert got.llm_api_key.get_secret_value() == "tulip"
    assert "tulip" not in repr(got)
