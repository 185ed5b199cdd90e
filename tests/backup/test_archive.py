"""Archives: what was put in comes out, and nothing else is taken for one."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.backup.archive import ArchivedIndex, Manifest, read_archive, write_archive
from orchestrator.errors import BadInput, StoreError


def nothing(done: int, total: int, doing: str) -> None:
    assert 0 <= done <= max(total, done)


def write(path: Path, folder: Path) -> Manifest:
    (folder / "indexes" / "default" / "1-1").mkdir(parents=True)
    (folder / "state.db").write_bytes(b"state" * 1000)
    (folder / "indexes" / "default" / "1-1" / "vectors").write_bytes(bytes(range(256)) * 9000)
    (folder / "indexes" / "default" / "1-1" / "empty").write_bytes(b"")
    index = ArchivedIndex("default", 1, 2, 3, ("1-1",))
    return write_archive(path, folder, release="0.1.0", created=1.5, indexes=(index,), progress=nothing)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "kept.tar"
    write(path, tmp_path / "from")
    return path


def test_what_was_packed_is_unpacked(tmp_path: Path, archive: Path) -> None:
    manifest = read_archive(archive, tmp_path / "to", progress=nothing)
    assert manifest.indexes == (ArchivedIndex("default", 1, 2, 3, ("1-1",)),)
    assert (manifest.release, manifest.created) == ("0.1.0", 1.5)
    for name in manifest.files:
        assert (tmp_path / "to" / name).read_bytes() == (tmp_path / "from" / name).read_bytes()
    assert len(manifest.files) == 3


def test_the_manifest_comes_last_and_no_part_is_left(tmp_path: Path, archive: Path) -> None:
    with tarfile.open(archive) as tar:
        assert tar.getnames()[-1] == "manifest.json"
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["kept.tar"]


def test_an_archive_that_was_cut_short_is_refused_wherever_it_was_cut(tmp_path: Path, archive: Path) -> None:
    whole = archive.read_bytes()
    for part in range(0, len(whole), max(1, len(whole) // 23)):
        archive.write_bytes(whole[:part])
        with pytest.raises(BadInput, match=r"cut short|not a backup|damaged"):
            read_archive(archive, tmp_path / f"to-{part}", progress=nothing)


@pytest.mark.slow
def test_any_damaged_byte_is_noticed(tmp_path: Path, archive: Path) -> None:
    whole = archive.read_bytes()
    for at in range(10, len(whole) - 8, max(1, len(whole) // 41)):
        changed = bytearray(whole)
        changed[at] ^= 255
        archive.write_bytes(changed)
        with pytest.raises((BadInput, StoreError)):
            read_archive(archive, tmp_path / f"to-{at}", progress=nothing)


@pytest.mark.slow
def test_unused_room_in_a_file_takes_none_in_the_archive_nor_after_it(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    with (tmp_path / "from" / "state.db").open("wb") as file:
        file.write(b"begin")
        file.truncate(32 << 20)
        file.seek(20 << 20)
        file.write(b"middle")
    path = tmp_path / "kept.tar"
    write_archive(path, tmp_path / "from", release="0.1.0", created=0, indexes=(), progress=nothing)
    read_archive(path, tmp_path / "to", progress=nothing)
    back = tmp_path / "to" / "state.db"
    assert back.read_bytes() == (tmp_path / "from" / "state.db").read_bytes()
    assert path.stat().st_size < 1 << 20
    assert back.stat().st_blocks * 512 < 4 << 20


def test_a_damaged_file_is_refused_by_name(tmp_path: Path, archive: Path) -> None:
    whole = bytearray(gzip.decompress(archive.read_bytes()))
    whole[whole.index(bytes(range(256))) + 5_000] ^= 1
    archive.write_bytes(gzip.compress(whole))
    with pytest.raises(BadInput, match=r"damaged: indexes/default/1-1/vectors is not what was backed up"):
        read_archive(archive, tmp_path / "to", progress=nothing)


def test_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello " * 1000)
    with pytest.raises(BadInput, match="not a backup"):
        read_archive(tmp_path / "text", tmp_path / "to", progress=nothing)
    with pytest.raises(BadInput, match="There is no backup"):
        read_archive(tmp_path / "nothing", tmp_path / "to", progress=nothing)


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> None:
    with tarfile.open(path, "w") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def plain(name: str) -> tarfile.TarInfo:
    return tarfile.TarInfo(name)


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "member",
    [
        lambda: plain("../outside"),
        lambda: plain("/tmp/outside"),
        lambda: plain("indexes/../../outside"),
        lambda: plain("indexes/a/../../../outside"),
        lambda: plain("indexes/./a"),
        lambda: plain("other.db"),
        lambda: link("indexes/a", "/etc"),
        lambda: link("indexes/a", "/etc/passwd", tarfile.LNKTYPE),
        lambda: link("indexes/a", "", tarfile.FIFOTYPE),
    ],
)
def test_nothing_is_written_outside_of_the_folder(
    tmp_path: Path, member: Callable[[], tarfile.TarInfo]
) -> None:
    path, folder = tmp_path / "evil.tar", tmp_path / "deep" / "to"
    tar_of(path, (member(), b""))
    with pytest.raises(BadInput):
        read_archive(path, folder, progress=nothing)
    assert not [file for file in tmp_path.rglob("*") if "outside" in file.name]


def test_a_file_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.tar"
    tar_of(path, (plain("state.db"), b"one"), (plain("state.db"), b"two"))
    with pytest.raises((BadInput, StoreError)):
        read_archive(path, tmp_path / "to", progress=nothing)


def test_an_archive_of_a_newer_release_names_that_release(tmp_path: Path) -> None:
    path = tmp_path / "newer.tar"
    manifest = {"format": 2, "release": "9.0", "created": 0, "indexes": [], "files": {}}
    tar_of(path, (plain("manifest.json"), json.dumps(manifest).encode()))
    with pytest.raises(BadInput, match=r"format 2.*release 9\.0"):
        read_archive(path, tmp_path / "to", progress=nothing)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="could not be written"):
        write(tmp_path / "missing" / "kept.tar", tmp_path / "from")
