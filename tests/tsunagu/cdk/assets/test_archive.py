from pathlib import Path

import pytest

from tsunagu.cdk.assets.archive import read_archive, write_archive

FILES = {"b/two.txt": b"two" * 20, "a.txt": b"one", "empty": b""}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "archives" / "x.zip"
    write_archive(path, FILES)
    return path


def test_what_was_written_is_read(archive: Path) -> None:
    assert read_archive(archive) == FILES


def test_nothing_is_read_where_nothing_is(tmp_path: Path) -> None:
    assert read_archive(tmp_path / "x.zip") is None


def test_no_damage_to_any_byte_gets_other_contents_through(archive: Path) -> None:
    whole = archive.read_bytes()

    for position in range(len(whole)):
        for mask in (0x01, 0x80, 0xFF):
            damaged = bytearray(whole)
            damaged[position] ^= mask
            archive.write_bytes(damaged)
            assert read_archive(archive) in (None, FILES), f"byte {position} with {mask:#x}"


def test_no_truncation_gets_other_contents_through(archive: Path) -> None:
    whole = archive.read_bytes()

    for size in range(len(whole)):
        archive.write_bytes(whole[:size])
        assert read_archive(archive) is None, f"{size} of {len(whole)} bytes"


def test_a_write_that_fails_leaves_the_old_archive_and_nothing_else(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, content: bytes) -> int:
        raise OSError(28, "no space left on device", str(path), len(content))

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="no space left"):
        write_archive(archive, {"a.txt": b"new"})

    assert read_archive(archive) == FILES
    assert list(archive.parent.iterdir()) == [archive]
