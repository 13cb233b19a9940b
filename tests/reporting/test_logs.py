"""Which logs were named and the state of each: none is passed over in silence."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import fsspec
import pytest
from inspect_ai import eval_retry
from inspect_ai.log import EvalError, EvalLog, read_eval_log, write_eval_log

from cli.calling import inspect, kidney_evals, line_of
from kidney_evals.reporting.logs import LogFile, find_logs
from killing import killed_run
from reporting.making_logs import Made, cancelled, edited, killed, of_another_run, quick, unscored

NAMES = ("a b.eval", "a[1].eval", "a#1.eval", "a%20b.eval", "é.eval")


def by_name(*places: object) -> dict[str, LogFile]:
    return {Path(one.location).name: one for one in find_logs([str(place) for place in places])}


@pytest.fixture
def folder(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two logs, beside another with a log, whose name is no pattern."""
    (tmp_path / "logs [1]").mkdir()
    (tmp_path / "logs").mkdir()
    for place in ("logs/coin.eval", "logs [1]/coin.eval"):
        shutil.copy(made.coin, tmp_path / place)
    shutil.copy(made.forced, tmp_path / "logs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("logs", 2),
        ("file://{here}/logs", 2),
        ("local://{here}/logs/coin.eval", 1),
        ("logs/*coin*.eval", 1),
        ("**/coin.eval", 2),
        ("file://{here}/logs/*", 2),
        ("logs [1]", 1),
        ("logs [1]/coin.eval", 1),
        ("logs [[]1]/*", 1),
    ],
)
def test_files_folders_patterns_and_urls(name: str, count: int, folder: Path) -> None:
    found = find_logs([name.format(here=folder)])
    assert len(found) == count
    assert all("://" not in one.location and Path(one.location).is_file() for one in found)


def test_a_log_has_one_name_however_it_is_spelled_and_progress_is_told(folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    ways = ["logs/coin.eval", f"{folder}/logs/coin.eval", f"file://{folder}/logs", "logs/c*"]
    ways += ["logs//coin.eval", f"{folder}//logs/coin.eval", "logs/./*.eval"]
    found = find_logs(ways, lambda *said: told.append(said))
    assert [one.state for one in found] == ["finished", "finished"]
    assert told == [("logs", 1, 2), ("logs", 2, 2)]


def test_names_that_look_like_patterns_and_urls(made: Made, tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        edited(made.forced, tmp_path / name, partial(of_another_run, number=number))
    assert {name: one.state for name, one in by_name(tmp_path).items()} == dict.fromkeys(
        NAMES, "finished"
    )
    assert all(list(by_name(tmp_path / name)) == [name] for name in NAMES)


def test_another_file_system(made: Made) -> None:
    files = fsspec.filesystem("memory")
    files.pipe("/seen/a.eval", made.forced.read_bytes())
    try:
        for name in ("memory://seen", "memory://seen/a.eval", "memory://seen/*.eval"):
            (found,) = find_logs([name, "memory:///seen/a.eval"])
            assert found.state == "finished" and found.location.startswith("memory://")
            assert len(found.samples) == 8
    finally:
        files.rm("/seen", recursive=True)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.eval", "no log at 'missing.eval'"),
        ("", "no log at ''"),
        ("miss*.eval", "no log at 'miss*.eval'"),
        ("empty", "no log at 'empty'"),
        ("nothing://x/y.eval", "cannot look for logs at 'nothing://x/y.eval'"),
    ],
)
def test_a_name_without_a_log_is_one_line(name: str, says: str, folder: Path) -> None:
    (folder / "empty").mkdir()
    assert says in line_of(find_logs, ["logs", name])


def _failed(log: EvalLog) -> None:
    log.status, log.results = "error", None
    log.error = EvalError(message="no credit\nleft", traceback="", traceback_ansi="")


def _nothing(log: EvalLog) -> None:
    log.samples = []
    assert log.results is not None
    log.results.completed_samples = 0


Make = Callable[[Path, Path], object]


def _edit(change: Callable[[EvalLog], object]) -> Make:
    return lambda source, target: edited(source, target, change)


def _torn(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes()[: source.stat().st_size // 2])


def _rescored(source: Path, target: Path) -> None:
    def cut(log: EvalLog) -> None:
        cancelled(log)
        log.samples = (log.samples or [])[-5:]

    short = edited(source, target.with_name("short.eval"), cut)
    assert kidney_evals("rescore", short, "-o", target).exit_code == 0


LEFT: dict[str, tuple[Make, str, str]] = {
    "torn.eval": (_torn, "unreadable", "half written"),
    "empty.eval": (lambda _, to: to.write_bytes(b""), "unreadable", "cannot be read"),
    "killed.eval": (lambda of, to: killed(of, to, 5), "partial", "running, after 5 of 22 samples"),
    "early.eval": (lambda of, to: killed(of, to, 0), "empty", "running, after 0 of 22 samples"),
    "cancelled.eval": (_edit(cancelled), "partial", "cancelled after 22 of 22 samples"),
    "rescored.eval": (_rescored, "partial", "cancelled after 5 of 22 samples"),
    "failed.eval": (_edit(_failed), "partial", "failed (no credit left) after 22 of 22 samples"),
    "failed.json": (_edit(_failed), "partial", "failed (no credit left)"),
    "unscored.eval": (_edit(unscored), "partial", "without scores"),
    "nothing.eval": (_edit(_nothing), "empty", "holds no answer"),
    "whole.json": (_edit(lambda log: None), "finished", "finished"),
}


@pytest.mark.parametrize(
    "name", quick(LEFT, "torn.eval", "killed.eval", "early.eval", "rescored.eval", "failed.eval")
)
def test_the_state_of_a_run(name: str, made: Made, tmp_path: Path) -> None:
    make, state, says = LEFT[name]
    make(made.coin, tmp_path / name)
    (found,) = find_logs([str(tmp_path / name)])
    assert (found.state, says in found.says) == (state, True), found.line
    assert found.line.startswith(str(tmp_path / name)) and "\n" not in found.line
    if state in ("finished", "partial"):
        assert found.planned == 22 and len(found.samples) == found.completed


def test_of_a_retried_run_the_furthest_counts(made: Made, tmp_path: Path) -> None:
    first = killed(made.coin, tmp_path / "2020-first.eval", 5)
    log = eval_retry(str(first), log_dir=str(tmp_path / "again"))[0]
    assert log.status == "success", log.error
    (again,) = (tmp_path / "again").glob("*.eval")
    found = by_name(tmp_path)
    assert found[again.name].state == "finished"
    assert found[first.name].state == "replaced"
    assert found[first.name].says == f"run again in {again}"


def test_of_a_rescored_log_the_new_one_counts(made: Made, tmp_path: Path) -> None:
    for old, new in (("a.eval", "b-scored.eval"), ("b.eval", "a-scored.eval")):
        found = by_name(
            shutil.copy(made.forced, tmp_path / old), shutil.copy(made.forced, tmp_path / new)
        )
        assert [found[name].state for name in (old, new)] == ["replaced", "finished"]
        assert "scored again" in found[old].says


def test_an_empty_retry_does_not_replace_what_was_answered(made: Made, tmp_path: Path) -> None:
    killed(made.coin, tmp_path / "a.eval", 5)
    log = read_eval_log(str(killed(made.coin, tmp_path / "b.eval", 0)))
    log.eval.eval_id, log.samples = "another", []
    write_eval_log(log, str(tmp_path / "b.eval"))
    found = by_name(tmp_path)
    assert (found["a.eval"].state, found["b.eval"].state) == ("partial", "replaced")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_that_was_really_killed(tmp_path: Path) -> None:
    path, safe = killed_run(tmp_path, "--model", "kidney/human", "-T", "dilemmas=60")
    (found,) = find_logs([str(path)])
    assert found.state == "partial" and found.completed == len(safe) and found.planned == 130
    assert found.says.startswith("not ended: killed, or still running,")
    done = inspect("eval-retry", path, "--log-dir", "logs", "--display", "plain", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(one.state for one in find_logs([str(path.parent)])) == ["finished", "replaced"]


# --- Logs in a bucket, by a store of this machine ---


@pytest.fixture(scope="module")
def bucket(mixed: Path) -> Iterator[str]:
    moto_server = pytest.importorskip("moto.server", reason="moto[server] is not installed")
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
        for path in mixed.iterdir():
            store.upload_file(str(path), "logs", f"runs/{path.name}")
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        yield "s3://logs/runs"
        fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stop()


@pytest.mark.slow
def test_folders_patterns_and_files_in_a_bucket(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {"": 4, "/": 4, "/*": 4, "/*coin*.eval": 1, "/1-coin.eval": 1}
    for name, count in counts.items():
        found = find_logs([bucket + name])
        assert len(found) == count
        assert all(one.location.startswith(f"{bucket}/") for one in found)
        assert {one.state for one in found} <= {"finished", "partial", "other"}
    for name in ("s3://logs/none", "s3://logs/runs/*x*", "s3://nobody/x.eval"):
        assert line_of(find_logs, [name]).startswith("no log at ")
    # A store out of reach.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    line = line_of(find_logs, [f"{bucket}/1-coin.eval"])
    assert line.startswith("cannot look for logs at ")
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.mark.slow
def test_commands_on_a_bucket_print_what_they_print_on_the_folder(
    bucket: str, mixed: Path, tmp_path: Path
) -> None:
    assert kidney_evals("bundle", bucket, "-o", tmp_path / "site").exit_code == 0
    assert len(list((tmp_path / "site" / "viewer" / "logs").glob("*.eval"))) == 3
    there, here = kidney_evals("table", bucket), kidney_evals("table", mixed)
    assert there.exit_code == 0 and there.stdout == here.stdout
