"""What fills a port, what is made of it, and what is closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from orchestrator import plugins
from orchestrator.application.container import NODE_PORTS, Container
from orchestrator.errors import PluginError, SettingsError
from orchestrator.plugins import CONNECTORS, Plugin
from orchestrator.ports import (
    Build,
    Cache,
    Clock,
    Conversations,
    Embedder,
    IndexRegistry,
    LanguageModel,
    Provider,
    Runs,
    SparseEncoder,
    VectorStore,
    needs,
)
from orchestrator.settings import Settings

ENDED: list[str] = []


class Part:
    """Something that is made of others, and says when it ends."""

    def __init__(self, name: str, *parts: object) -> None:
        self.name, self.parts = name, parts

    async def close(self) -> None:
        ENDED.append(self.name)


class Size(BaseModel):
    size: int = 1
    colour: str = "red"


def made(port: type, name: str, *parts: type, **options: Any) -> Provider:
    def make(build: Build) -> Part:
        label = f"{port.__name__}{'/' + build.index if options.get('scope') == 'index' else ''}"
        return Part(label, build.table, *(build.get(each) for each in parts))

    return Provider(port=port, name=name, make=make, **options)


def fails(build: Build) -> object:
    raise ZeroDivisionError("a fault of the vendor")


toys = (
    made(Cache, "toys", settings=Size),
    made(Runs, "toys", Cache),
    made(VectorStore, "toys", Cache, scope="index"),
)
# Each needs the other.
circle = (made(Cache, "circle", Runs), made(Runs, "circle", Cache))
broken = Provider(port=Cache, name="broken", make=fails)
nothing = ()


def imports(build: Build) -> object:
    import no_such_package  # pyright: ignore

    return no_such_package


bare = Provider(port=Cache, name="bare", make=imports, missing=needs("server", "json", "no_such_package"))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Plugin, ...]]:
    """The connectors of this file beside those that are there."""
    groups = {group: dict(plugins.plugins(group)) for group in plugins.GROUPS}
    for name in ("toys", "circle", "broken", "nothing", "bare"):
        groups[CONNECTORS][name] = (Plugin(CONNECTORS, name, f"{__name__}:{name}", "toys", "1.0"),)
    lost = Plugin(CONNECTORS, "lost", "no_such_module:providers", "lost", "2.0")
    groups[CONNECTORS]["lost"] = (lost,)
    groups[CONNECTORS]["twice"] = (lost, Plugin(CONNECTORS, "twice", "a:b", "other", "3.0"))
    monkeypatch.setattr(plugins, "_scanned", lambda: groups)
    ENDED.clear()
    return groups[CONNECTORS]


def container(tmp_path: Path, **settings: Any) -> Container:
    return Container(Settings(home=tmp_path / "home", **settings))


TOYS = {"cache": "toys", "runs": "toys", "vector_store": "toys"}


@pytest.mark.usefixtures("installed")
async def test_what_is_made_is_shared_and_closed_in_reverse_order(tmp_path: Path) -> None:
    here = container(tmp_path, ports=TOYS)
    runs: Any = here.get(Runs)
    assert runs.parts[1] is here.get(Cache) is here.get(Cache)
    papers, mails = here.get(VectorStore, "papers"), here.get(VectorStore, "mails")
    assert papers is not mails
    assert papers is here.get(VectorStore, "papers")
    assert [each.port for each in here.made] == [Cache, Runs, VectorStore, VectorStore]
    await here.close()
    assert ENDED == ["VectorStore/mails", "VectorStore/papers", "Runs", "Cache"]
    assert here.made == ()
    assert here.get(Runs) is not runs, "what is used again is made again"


@pytest.mark.usefixtures("installed")
async def test_one_that_does_not_end_keeps_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = container(tmp_path, ports=TOYS)
    runs: Any = here.get(Runs)

    async def stuck() -> None:
        raise OSError("stuck")

    monkeypatch.setattr(runs, "close", stuck)
    with pytest.raises(OSError, match="stuck"):
        await here.close()
    assert ENDED == ["Cache"]


@pytest.mark.usefixtures("installed")
def test_providers_that_need_each_other_are_named(tmp_path: Path) -> None:
    here = container(tmp_path, ports={"cache": "circle", "runs": "circle"})
    with pytest.raises(SettingsError, match=r"cache \(circle\) → runs \(circle\) → cache \(circle\)"):
        here.get(Cache)
    with pytest.raises(SettingsError, match="need each other"):
        here.get(Runs)


@pytest.mark.usefixtures("installed")
def test_a_connector_gets_its_own_table(tmp_path: Path) -> None:
    here = container(tmp_path, ports=TOYS, connectors={"toys": {"size": "3"}})
    cache: Any = here.get(Cache)
    assert cache.parts == (Size(size=3),)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"connectors": {"toys": {"sise": 1}}}, r"connectors.toys.sise: .*there are size, colour"),
        ({"connectors": {"toys": {"size": "big"}}}, r"connectors\.toys\.size: .*valid integer"),
        ({"connectors": {"tois": {}}}, "connectors.tois: There is no connector 'tois'; installed are .*toys"),
        ({"connectors": {"sql": {"a": 1}}}, "connectors.sql: this connector has no settings"),
        ({"ports": {"cache": "tois"}}, "ports.cache: There is no connector 'tois'"),
        ({"ports": {"cachet": "toys"}}, "ports.cachet: there is no such port; there are .*, cache, "),
        ({"ports": {"embedder": "toys"}}, "ports.embedder: it is chosen by the setting 'embedder'"),
        ({"embedder": "huge"}, "embedder: There is no connector 'huge'"),
        (
            {"ports": {"runs": "none"}, "connectors": {"toys": {"size": "big", "hue": 1}}},
            r"ports\.runs.*connectors\.toys\.hue.*connectors\.toys\.size",
        ),
    ],
)
def test_all_that_cannot_be_used_is_refused_at_once(
    tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        container(tmp_path, **settings)
    assert refused.value.hint


@pytest.mark.usefixtures("installed")
def test_a_value_that_may_be_a_key_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        container(tmp_path, connectors={"toys": {"size": "tulip"}})
    assert "tulip" not in str(refused.value)


@pytest.mark.usefixtures("installed")
def test_a_connector_that_is_broken_breaks_who_uses_it_alone(tmp_path: Path) -> None:
    here = container(tmp_path, ports={"cache": "broken", "runs": "lost", "conversations": "nothing"})
    with pytest.raises(PluginError, match=r"'broken' of toys 1\.0 cannot make the cache: ZeroDivisionError"):
        here.get(Cache)
    with pytest.raises(PluginError, match=r"'lost' .* of lost 2\.0 cannot be used: ModuleNotFoundError"):
        here.get(Runs)
    with pytest.raises(PluginError, match="neither a Provider nor a list"):
        here.get(Conversations)
    assert here.get(SparseEncoder).name
    assert set(here.ports()) == set(NODE_PORTS), "which ports there are is known without making them"


@pytest.mark.usefixtures("installed")
def test_a_connector_whose_packages_are_not_installed_says_what_installs_them(tmp_path: Path) -> None:
    here = container(tmp_path, ports={"cache": "bare"})
    said = r"'bare' cannot make the cache: no_such_package is not installed: pip install '.*\[server\]'\."
    with pytest.raises(SettingsError, match=said):
        here.get(Cache)


@pytest.mark.usefixtures("installed")
def test_two_of_one_name_are_an_error_that_names_both(tmp_path: Path) -> None:
    here = container(tmp_path, ports={"cache": "twice"})
    with pytest.raises(PluginError, match=r"by lost 2\.0 and other 3\.0"):
        here.get(Cache)


@pytest.mark.usefixtures("installed")
def test_a_connector_that_does_not_fill_a_port_says_what_it_fills(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="'toys' does not fill the port 'clock'; it fills cache, runs"):
        container(tmp_path, ports={"clock": "toys"}).get(Clock)


def test_ports_are_made_when_they_are_read(tmp_path: Path) -> None:
    here = container(tmp_path)
    ports = here.ports("notes")
    assert VectorStore in ports
    assert len(ports) == len(NODE_PORTS)
    assert here.made == ()
    assert not (tmp_path / "home").exists()
    assert ports[Clock] is here.get(Clock)
    assert str not in ports
    with pytest.raises(KeyError):
        ports[str]


def test_every_port_of_the_library_is_filled(tmp_path: Path) -> None:
    here = container(tmp_path, embedder="light")
    for port in NODE_PORTS:
        assert isinstance(here.get(port), port), port
    assert here.get(IndexRegistry).indexes() == []


def test_the_names_of_embedders_are_those_that_their_providers_tell(tmp_path: Path) -> None:
    from connectors.minilm import MiniLmEmbedder
    from connectors.wordllama import WordLlamaEmbedder

    connectors = container(tmp_path).connectors
    assert connectors.provider(Embedder, "minilm").model == MiniLmEmbedder.name
    assert connectors.provider(Embedder, "wordllama").model == WordLlamaEmbedder.name


async def test_what_is_given_takes_the_place_of_what_would_be_made(tmp_path: Path) -> None:
    model = Part("model")
    here = Container(Settings(home=tmp_path), given={LanguageModel: model})
    assert here.get(LanguageModel) is model
    assert here.base(LanguageModel) is model
    ENDED.clear()
    await here.close()
    assert ENDED == ["model"]
