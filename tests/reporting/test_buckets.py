"""Logs in a bucket: found, read and reported as those of a folder, by a store of this machine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pandas as pd
import pytest
from click.testing import Result

from kidney_evals.errors import UserError
from kidney_evals.reporting.frames import load
from kidney_evals.reporting.logs import find_logs
from reporting.conftest import Made
from reporting.making_logs import edited, killed, of_another_run

moto_server = pytest.importorskip("moto.server", reason="moto[server] is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished log of each condition, and one of a run that was killed."""
    place = tmp_path_factory.mktemp("logs")
    (place / "1-coin.eval").write_bytes(made.coin.read_bytes())
    (place / "2-forced.eval").write_bytes(made.forced.read_bytes())
    whole = edited(made.coin, tmp_path_factory.mktemp("whole") / "whole.eval", of_another_run)
    killed(whole, place / "3-killed.eval")
    return place


@pytest.fixture(scope="module")
def bucket(folder: Path) -> Iterator[str]:
    import boto3  # type: ignore[import-untyped, unused-ignore]

    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    values = dict.fromkeys(keys, "none") | {"AWS_DEFAULT_REGION": "us-east-1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"AWS_ENDPOINT_URL": f"http://{host}:{port}", **values}.items():
            patch.setenv(name, value)
        store = boto3.client("s3")
        store.create_bucket(Bucket="logs")
        for path in folder.iterdir():
            store.upload_file(str(path), "logs", f"runs/{path.name}")
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        yield "s3://logs/runs"
        fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stop()


@pytest.mark.parametrize(
    ("name", "count"), [("", 3), ("/", 3), ("/*", 3), ("/*coin*.eval", 1), ("/1-coin.eval", 1)]
)
def test_folders_patterns_and_files(name: str, count: int, bucket: str) -> None:
    found = find_logs([bucket + name])
    assert len(found) == count
    assert all(one.location.startswith(f"{bucket}/") for one in found)
    assert {one.state for one in found} <= {"finished", "partial"}


@pytest.mark.parametrize("name", ["s3://logs/none", "s3://logs/runs/*x*", "s3://nobody/x.eval"])
def test_what_is_not_there_is_one_line(name: str, bucket: str) -> None:
    with pytest.raises(UserError, match=r"^no log at [^\n]*$"):
        find_logs([name])


def test_commands_and_frames_are_those_of_the_folder(
    bucket: str, folder: Path, tmp_path: Path, kidney_evals: Callable[..., Result]
) -> None:
    assert kidney_evals("report", bucket, "-o", tmp_path / "report.html").exit_code == 0
    assert kidney_evals("bundle", bucket, "-o", tmp_path / "site").exit_code == 0
    assert len(list((tmp_path / "site" / "viewer" / "logs").glob("*.eval"))) == 3
    there, here = kidney_evals("table", bucket), kidney_evals("table", folder)
    assert there.exit_code == 0 and there.stdout == here.stdout
    pytest.importorskip("pyarrow")
    frames, expected = load(bucket), load(folder)
    pd.testing.assert_frame_equal(frames.decisions, expected.decisions)
    pd.testing.assert_frame_equal(frames.quantities, expected.quantities)


def test_a_store_out_of_reach_is_one_line(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(UserError, match=r"^cannot look for logs at [^\n]*$"):
        find_logs([f"{bucket}/1-coin.eval"])
    fsspec.get_filesystem_class("s3").clear_instance_cache()
