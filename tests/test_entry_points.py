"""All that the library ships comes in by entry points, as a stranger's does, and by no other way."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import pytest

from orchestrator import entry_points, plugins
from orchestrator.errors import PluginError
from orchestrator.plugins import COMMANDS, OWN, RANKERS, ROUTES, WORKFLOWS
from tests.plugin.distribution import describe, environment

ROOT = Path(__file__).parents[1]
DECLARED: dict[str, dict[str, str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
    "entry-points"
]
SHIPPED = [(group, name) for group, names in DECLARED.items() for name in names]


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed distributions are read anew at each question."""
    monkeypatch.setattr(plugins, "_scanned", plugins._scanned.__wrapped__)


def ask(*arguments: str, folder: Path, sites: tuple[Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.argv[1:] = {arguments!r}; from orchestrator.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment(*sites),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("group", "some"),
    [
        (COMMANDS, {"ask", "index", "recommend", "serve", "doctor", "restore", "new"}),
        (ROUTES, {"chat", "models", "recommendations", "runs", "health"}),
        (WORKFLOWS, {file.stem for file in (ROOT / "workflows").glob("*.py")}),
        (RANKERS, {"popularity", "itemknn", "ease", "fusion", "pipeline", "sasrec"}),
    ],
)
def test_each_group_lists_the_shipped_ones(group: str, some: set[str]) -> None:
    own = {name for name, found in plugins.plugins(group).items() if any(each.own for each in found)}
    assert own == set(DECLARED[group])
    assert some <= own


@pytest.mark.parametrize(("group", "name"), SHIPPED, ids=[f"{group}:{name}" for group, name in SHIPPED])
def test_every_shipped_one_can_be_loaded(group: str, name: str) -> None:
    found = plugins.plugin(group, name)
    assert found is not None
    assert found.own
    assert found.load() is not None


def test_every_router_and_command_is_declared() -> None:
    """A file of a command or a route that is declared nowhere would be reached by nobody."""
    declared = {value.partition(":")[0] for names in DECLARED.values() for value in names.values()}
    cli = ROOT / "orchestrator/cli"
    routers = set((ROOT / "orchestrator/serving/api").glob("[!_]*.py"))
    commands = {
        file
        for file in cli.glob("[!_]*.py")
        if "@command(" in file.read_text() or "program = typer.Typer" in file.read_text()
    }
    assert len(commands) >= 13
    for file in routers | commands - {
        ROOT / "orchestrator/cli/program.py",
        ROOT / "orchestrator/cli/options.py",
    }:
        assert ".".join(file.relative_to(ROOT).with_suffix("").parts) in declared, file


def test_the_same_is_found_as_by_importlib() -> None:
    expected = {
        (each.group, each.name, each.value)
        for found in distributions()
        for each in found.entry_points
        if each.group.startswith("orchestrator.") and found.name != OWN
    }
    ours = {tuple(each[:3]) for each in entry_points.installed("orchestrator.") if each.distribution != OWN}
    assert ours == expected
    every = {(each.group, each.name) for found in distributions() for each in found.entry_points}
    assert {tuple(each[:2]) for each in entry_points.installed("")} == every


TEXT = "[orchestrator.jobs]\n# A comment.\npets.count = pets.job:count [extra]\n\n[other]\na=b:c\n"


def test_a_distribution_in_an_archive_or_of_an_old_format_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        archive.writestr("zip_pets-1.2.dist-info/METADATA", "Name: zip-pets\nVersion: 1.2\n")
        archive.writestr("zip_pets-1.2.dist-info/entry_points.txt", TEXT)
    old = tmp_path / "site" / "old_pets.egg-info"
    old.mkdir(parents=True)
    (old / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: Old_Pets\nVersion: 0.1\n")
    (old / "entry_points.txt").write_text(TEXT)
    for each in (tmp_path / "pets.zip", tmp_path / "site", tmp_path / "nowhere"):
        monkeypatch.syspath_prepend(str(each))
    found = [each for each in entry_points.installed("orchestrator.") if each.name == "pets.count"]
    point = ("orchestrator.jobs", "pets.count", "pets.job:count")
    assert found == [(*point, "old-pets", "0.1"), (*point, "zip-pets", "1.2")]
    assert EntryPoint("pets.count", "pets.job:count [extra]", "orchestrator.jobs").module == "pets.job"


def test_of_two_installations_the_one_that_is_imported_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, version in (("far", "1"), ("near", "2")):
        describe(tmp_path / folder, "pets", version, {"orchestrator.jobs": {"count": f"pets:{folder}"}})
        monkeypatch.syspath_prepend(str(tmp_path / folder))
    found = [each for each in entry_points.installed("orchestrator.") if each.distribution == "pets"]
    assert [each.object for each in found] == ["pets:near"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ask", "doctor", "serve", "source-weights", "recommend"])
def test_a_command_imports_no_other_command(name: str, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.argv[1:] = [{name!r}, '--help']\nfrom orchestrator.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *(each for each in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = set(done.stdout.rpartition("LOADED ")[2].split())
    commands = {value.partition(":")[0] for value in DECLARED[COMMANDS].values()}
    own = DECLARED[COMMANDS][name].partition(":")[0]
    assert loaded & commands == {own}
    assert "asyncio" not in loaded
    assert "importlib.metadata" not in loaded or "pydantic" in loaded


@pytest.fixture
def taken(tmp_path: Path) -> Path:
    """A distribution that declares names of the library's own."""
    points = {
        COMMANDS: {"trace": "thief:trace"},
        ROUTES: {"chat": "thief:router"},
        WORKFLOWS: {"search": "thief:search"},
        RANKERS: {"ease": "thief:ease"},
    }
    describe(tmp_path / "taken", "orchestrator-thief", "6.6", points)
    return tmp_path / "taken"


@pytest.mark.slow
@pytest.mark.usefixtures("unread")
def test_a_shipped_name_that_a_plug_in_declares_too_is_an_error_that_names_both(
    taken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrator.application.workflow_files import load_workflow

    monkeypatch.chdir(taken)
    monkeypatch.syspath_prepend(str(taken))
    both = rf"is declared twice in orchestrator\.\w+: by {OWN} .* and orchestrator-thief 6\.6"
    with pytest.raises(PluginError, match=f"'trace' {both}"):
        plugins.plugin(COMMANDS, "trace")
    with pytest.raises(PluginError, match=f"'search' {both}"):
        load_workflow("search")
    for group, name in ((ROUTES, "chat"), (RANKERS, "ease")):
        with pytest.raises(PluginError, match=f"'{name}' {both}"):
            list(plugins.usable(group))


@pytest.mark.slow
def test_other_commands_work_where_a_name_is_taken_twice(taken: Path, tmp_path: Path) -> None:
    refused = ask("trace", "5f3b", folder=tmp_path, sites=(taken,))
    assert refused.returncode == 2
    assert "orchestrator-thief 6.6" in refused.stderr
    assert ask("check", "chat", folder=tmp_path, sites=(taken,)).stdout == "chat: no faults.\n"
    helped = ask("--help", folder=tmp_path, sites=(taken,))
    assert helped.returncode == 0
    assert "'trace' is declared twice" in helped.stderr
    said = ask("doctor", folder=tmp_path, sites=(taken,)).stdout
    for name in ("trace", "chat", "search", "ease"):
        assert f"'{name}' is declared twice" in said


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The library's metadata as an older version wrote them: without a command, a route and a ranker."""
    points = {group: dict(names) for group, names in DECLARED.items()}
    del points[COMMANDS]["trace"], points[ROUTES]["runs"], points[RANKERS]["ease"]
    describe(tmp_path / "older", OWN, "0.0.9", points)
    return tmp_path / "older"


@pytest.mark.slow
@pytest.mark.usefixtures("unread")
def test_what_the_metadata_of_an_older_version_lack_is_said(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plugins.uninstalled() == {}
    monkeypatch.syspath_prepend(str(older))
    assert plugins.uninstalled() == {COMMANDS: ("trace",), RANKERS: ("ease",), ROUTES: ("runs",)}
    with pytest.raises(PluginError, match=r"older than its source .*: orchestrator\.commands lacks trace\."):
        plugins.plugin(COMMANDS, "trace")
    assert plugins.plugin(COMMANDS, "no_such") is None
    with pytest.raises(PluginError, match=r"orchestrator\.routes lacks runs\. Install it again: `pip inst"):
        list(plugins.usable(ROUTES))


@pytest.mark.slow
def test_no_command_is_lost_in_silence_where_the_metadata_are_older(older: Path, tmp_path: Path) -> None:
    refused = ask("trace", "5f3b", folder=tmp_path, sites=(older,))
    assert refused.returncode == 2
    assert "orchestrator.commands lacks trace. Install it again: `pip install -e " in refused.stderr
    helped = ask("--help", folder=tmp_path, sites=(older,))
    assert "orchestrator.commands lacks trace." in helped.stderr
    found = ask("doctor", folder=tmp_path, sites=(older,))
    assert found.returncode == 2
    assert found.stdout.count("fault  installation") == 3
