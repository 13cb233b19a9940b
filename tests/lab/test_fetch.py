"""Fetching the raw files: whole and checked, or not at all and with advice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kidney_evals.errors import UserError
from kidney_evals.human.raw import SHA256, find_raw, sha256
from kidney_evals.lab import fetch

FILES = {name: f"content of {name}\n".encode() for name in SHA256}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def published(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A local server in the place of the public home: its folder and its address."""
    folder = tmp_path / "published"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def stand_in_checksums(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in files have checksums of their own."""
    for name, content in FILES.items():
        monkeypatch.setitem(SHA256, name, sha256(content))


def test_files_arrive_whole_and_are_found(published: tuple[Path, str], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    folder = fetch.fetch_raw(cache, source=published[1])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert find_raw(cache) == find_raw(folder) == folder


def test_what_is_there_is_not_fetched_again(published: tuple[Path, str], tmp_path: Path) -> None:
    fetch.fetch_raw(tmp_path / "cache", source=published[1])
    for name in FILES:
        (published[0] / name).unlink()
    fetch.fetch_raw(tmp_path / "cache", source=published[1])


def test_another_file_is_replaced_when_told(published: tuple[Path, str], tmp_path: Path) -> None:
    folder = fetch.fetch_raw(tmp_path / "cache", source=published[1])
    (folder / "study_1.csv").write_bytes(b"half of it")
    with pytest.raises(UserError, match=r"study_1\.csv is not the published file"):
        find_raw(folder)
    with pytest.raises(UserError, match=r"study_1\.csv is not the published file.*--overwrite"):
        fetch.fetch_raw(tmp_path / "cache", source=published[1])
    assert (folder / "study_1.csv").read_bytes() == b"half of it"
    fetch.fetch_raw(tmp_path / "cache", source=published[1], overwrite=True)
    assert find_raw(folder) == folder


def test_another_file_under_the_same_name_is_refused(
    published: tuple[Path, str], tmp_path: Path
) -> None:
    (published[0] / "study_1.csv").write_bytes(b"something else")
    with pytest.raises(UserError, match="SHA-256") as error:
        fetch.fetch_raw(tmp_path / "cache", source=published[1])
    assert "\n" not in str(error.value)
    assert list((tmp_path / "cache" / "mcelfresh_2021").iterdir()) == []


def test_a_missing_file_and_no_server_say_what_to_do(
    published: tuple[Path, str], tmp_path: Path
) -> None:
    (published[0] / "study_2_strict.csv").unlink()
    cases = {published[1]: "HTTP status 404", "http://127.0.0.1:9": "refused"}
    for number, (source, reason) in enumerate(cases.items()):
        cache = tmp_path / f"cache{number}"
        with pytest.raises(UserError, match=reason) as error:
            fetch.fetch_raw(cache, source=source)
        line = str(error.value)
        assert "\n" not in line
        assert "KIDNEY_EVALS_DATA_DIR" in line and str(cache) in line
        assert not any(path.name.startswith(".") for path in cache.rglob("*"))


def test_a_connection_cut_short_leaves_nothing(
    published: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy_half(self: _Quiet, source: object, output: object) -> None:
        output.write(b"cont")  # type: ignore[attr-defined]

    monkeypatch.setattr(_Quiet, "copyfile", copy_half)
    with pytest.raises(UserError):
        fetch.fetch_raw(tmp_path / "cache", source=published[1])
    assert list((tmp_path / "cache" / "mcelfresh_2021").iterdir()) == []


def test_missing_files_are_named_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="kidney-evals reference fetch"):
        find_raw(tmp_path)
