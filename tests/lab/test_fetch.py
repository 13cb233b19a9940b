"""Fetching the raw files: complete and checked, or not at all and with advice."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kidney_evals.errors import UserError
from kidney_evals.human.raw import SHA256, find_raw, sha256
from kidney_evals.lab.fetch import fetch_raw

FILES = {name: f"content of {name}\n".encode() for name in SHA256}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A local server of stand-in files with checksums of their own, in `tmp_path / "published"`."""
    folder = tmp_path / "published"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
        monkeypatch.setitem(SHA256, name, sha256(content))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_files_are_fetched_once_and_another_file_is_replaced_on_request(
    source: str, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(UserError, match=r"study_1\.csv is missing; run `kidney-evals reference f"):
        find_raw(cache)
    folder = fetch_raw(cache, source=source)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert find_raw(cache) == find_raw(folder) == folder
    (folder / "study_1.csv").write_bytes(b"half of it")
    with pytest.raises(UserError, match=r"study_1\.csv is not the published file"):
        find_raw(folder)
    with pytest.raises(UserError, match=r"study_1\.csv is not the published file.*--overwrite"):
        fetch_raw(cache, source=source)
    assert (folder / "study_1.csv").read_bytes() == b"half of it"
    fetch_raw(cache, source=source, overwrite=True)
    for name in FILES:
        (tmp_path / "published" / name).unlink()
    assert fetch_raw(cache, source=source) == find_raw(folder)


def test_a_file_that_cannot_be_fetched_leaves_nothing_and_advice(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tmp_path / "published" / "study_1.csv"

    def refused(address: str, reason: str) -> None:
        cache = tmp_path / "cache"
        with pytest.raises(UserError, match=reason) as error:
            fetch_raw(cache, source=address)
        assert "\n" not in str(error.value)
        if "SHA" not in reason:
            assert "offline, copy study_1.csv" in str(error.value) and str(cache) in str(
                error.value
            )
        assert list((cache / "mcelfresh_2021").iterdir()) == []

    first.write_bytes(b"something else")
    refused(source, "SHA-256")
    first.unlink()
    refused(source, "HTTP Error 404")
    refused("http://127.0.0.1:9", "refused")
    first.write_bytes(FILES["study_1.csv"])
    monkeypatch.setattr(_Quiet, "copyfile", lambda self, source, output: output.write(b"cont"))
    refused(source, "SHA-256")
