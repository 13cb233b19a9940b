"""What `-o` may replace: files of this package, and regular files with --overwrite."""

import os
import resource
import shutil
import socket
import stat
from collections.abc import Callable
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import fsspec
import pytest
from click.testing import Result

from charts.test_png import FILE
from cli.calling import kidney_evals, printed, refused
from kidney_evals.charts import png as png_module
from kidney_evals.errors import UserError
from kidney_evals.output_files import write_output
from reporting.making_logs import Made

COMMANDS = {
    "report": ("report", "-o", "out.html"),
    "table": ("table", "-o", "out.md"),
    "csv": ("table", "--format", "csv", "-o", "out.csv"),
    "rescore": ("rescore", "-o", "out.eval"),
}
"""A call of each command that writes one file, the name of the file last."""

BOTH = pytest.mark.parametrize("name", ["table", "rescore"])
"""A command that writes text, and one that writes a log."""


@pytest.fixture
def here(tmp_path: Path, made: Made, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with one log in it."""
    shutil.copy(made.forced, tmp_path / "run.eval")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(name: str, *options: str, out: str | None = None) -> Result:
    command, *arguments, usual = COMMANDS[name]
    return kidney_evals(command, "run.eval", *arguments, out or usual, *options)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)


KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "link.md": (lambda path: path.symlink_to("run.eval"), "is a symbolic link"),
    "dangling.md": (lambda path: path.symlink_to("nowhere"), "is a symbolic link"),
    "pipe.md": (os.mkfifo, "is a device, a pipe or a socket"),
    "socket.md": (_socket, "is a device, a pipe or a socket"),
    "folder.md": (Path.mkdir, "is a directory"),
    "hard_link_to_an_input.md": (lambda path: os.link("run.eval", path), "is read here"),
}


def test_only_regular_files_are_replaced(here: Path) -> None:
    log = (here / "run.eval").read_bytes()
    for name, (make, says) in KINDS.items():
        make(here / name)
        before = (here / name).lstat()
        for options in ([], ["--overwrite"]):
            line = refused(call("table", *options, out=name))
            assert name in line and says in line
            assert (here / name).lstat()[:6] == before[:6]
            assert (here / "run.eval").read_bytes() == log


@BOTH
def test_the_log_that_is_read_is_never_replaced(name: str, here: Path) -> None:
    (here / "x").mkdir()
    log = (here / "run.eval").read_bytes()
    for out in ("run.eval", "./run.eval", "x/../run.eval", f"file://{here}/run.eval"):
        assert "is read here" in refused(call(name, "--overwrite", out=out))
        assert (here / "run.eval").read_bytes() == log


@pytest.mark.parametrize("scheme", ["", "file://", "local://"])
def test_an_input_is_known_by_any_address(scheme: str, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_bytes(b"{}")
    with pytest.raises(UserError, match="is read here"):
        write_output(path, b"new", overwrite=True, inputs=[f"{scheme}{path}"])
    assert path.read_bytes() == b"{}"


@BOTH
def test_another_file_is_replaced_on_request(name: str, here: Path) -> None:
    path = here / COMMANDS[name][-1]
    for content in (b"precious", b"", b"a,b\n1,2\n", b'{"a": 1}\n', b"\xff\x00"):
        path.write_bytes(content)
        line = refused(call(name))
        assert path.name in line and "--overwrite" in line
        assert path.read_bytes() == content
    path.chmod(0o640)
    assert call(name, "--overwrite").exit_code == 0
    assert path.read_bytes() != content and stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(one.name for one in here.iterdir()) == sorted([path.name, "run.eval"])


def test_a_file_of_this_package_is_replaced(here: Path, made: Made) -> None:
    names = [name for name in COMMANDS if name != "rescore"]
    contents = []
    for source in (made.forced, made.coin):
        shutil.copy(source, here / "run.eval")
        assert all(call(name).exit_code == 0 for name in names)
        contents.append([(here / COMMANDS[name][-1]).read_bytes() for name in names])
    assert all(first != second for first, second in zip(*contents, strict=True))


def test_a_chart_of_this_package_is_replaced(tmp_path: Path) -> None:
    contents = [FILE.encode(), FILE.encode() + b" "]
    if find_spec("resvg_py") is not None:
        contents += [png_module.png(one) for one in (FILE, FILE.replace(">model<", ">other<"))]
    for number, content in enumerate(contents):
        path = tmp_path / f"chart{number // 2}"
        write_output(path, content)
        assert path.read_bytes() == content


def test_figures_are_replaced_all_or_none(here: Path) -> None:
    assets = here / "figures"
    arguments = ("report", "run.eval", "-o", "out.html", "--assets", assets)
    for _ in range(2):
        printed(*arguments)
    *others, last = sorted(assets.iterdir())
    for one in others:
        one.unlink()
    last.write_text("precious")
    page = (here / "out.html").stat().st_mtime_ns
    assert f"{last.name} exists and was not written by" in refused(kidney_evals(*arguments))
    assert [one.read_text() for one in assets.iterdir()] == ["precious"]
    assert (here / "out.html").stat().st_mtime_ns == page
    printed(*arguments, "--overwrite")
    assert len(list(assets.iterdir())) == len(others) + 1


def test_nothing_is_written_if_a_folder_is_a_file(here: Path) -> None:
    (here / "notes").write_text("precious")
    for assets, says in (
        ("notes", "notes is a file, not a folder"),
        ("notes/figures", "notes is a file, not a folder"),
        ("out.html", f"{here}/out.html is to be a file"),
        ("out.html/figures", f"{here}/out.html is to be a file"),
    ):
        assert says in refused(call("report", "--assets", assets))
        assert sorted(one.name for one in here.iterdir()) == ["notes", "run.eval"]


def test_dash_is_standard_output(here: Path) -> None:
    page = call("report", out="-")
    assert page.exit_code == 0 and page.stdout.startswith("<!doctype html>")
    assert page.stdout.rstrip().endswith("</html>") and "1 model, 1 run\n" in page.stderr
    assert call("table", out="-").stdout == printed("table", "run.eval")
    for command in ("bundle run.eval -o", "report . --assets"):
        assert "standard output" in refused(kidney_evals(*command.split(), "-"))
    assert "must end in .eval or .json" in refused(kidney_evals("rescore", "run.eval", "-o", "-"))
    assert [one.name for one in here.iterdir()] == ["run.eval"]


@pytest.fixture
def store() -> fsspec.AbstractFileSystem:
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    return files


@BOTH
def test_a_file_is_written_to_an_address(
    name: str, here: Path, store: fsspec.AbstractFileSystem
) -> None:
    out, log = f"memory://bucket/{COMMANDS[name][-1]}", (here / "run.eval").read_bytes()
    made = call(name, out=out)
    assert made.exit_code == 0, made.output
    assert len(store.cat_file(out)) > 500
    store.pipe_file(out, b"precious")
    assert "--overwrite" in refused(call(name, out=out))
    assert call(name, "--overwrite", out=out).exit_code == 0
    assert len(store.cat_file(out)) > 500
    store.pipe_file("/bucket/run.eval", log)
    command, *arguments, _ = COMMANDS[name]
    place = "memory://bucket/run.eval"
    line = refused(kidney_evals(command, place, *arguments, place, "--overwrite"))
    assert "is read here" in line and store.cat_file("/bucket/run.eval") == log
    assert [one.name for one in here.iterdir()] == ["run.eval"]


def test_a_site_is_written_to_an_address(here: Path, store: fsspec.AbstractFileSystem) -> None:
    arguments = ("bundle", "run.eval", "-o", "memory://bucket/site")
    printed(*arguments)
    files = set(store.find("/bucket/site"))
    assert {"/bucket/site/index.html", "/bucket/site/viewer/index.html"} <= files
    assert "--overwrite" in refused(kidney_evals(*arguments))
    store.pipe_file("/bucket/site/figures/old.csv", b"a")
    printed(*arguments, "--overwrite")
    assert set(store.find("/bucket/site")) == files
    store.pipe_file("/bucket/site/notes.md", b"precious")
    assert "name another folder" in refused(kidney_evals(*arguments, "--overwrite"))
    assert store.cat_file("/bucket/site/notes.md") == b"precious"
    assert [one.name for one in here.iterdir()] == ["run.eval"]


def test_no_address_becomes_a_local_folder(here: Path) -> None:
    commands = ("table run.eval -o", "bundle run.eval -o", "sft export --out")
    addresses = ("s3:/bucket/out", "nonsense://bucket", "memory:/bucket", "http://127.0.0.1:9/")
    for command, out in product((*commands, "report run.eval --assets"), addresses):
        refused(kidney_evals(*command.split(), out))
        assert [one.name for one in here.iterdir()] == ["run.eval"]


def test_a_site_with_other_files_or_its_own_logs_is_unchanged(here: Path) -> None:
    site = here / "site"
    printed("bundle", "run.eval", "-o", site)
    (log,) = (site / "viewer" / "logs").glob("*.eval")
    line = refused(kidney_evals("bundle", log, "-o", site, "--overwrite"))
    assert "is read" in line and log.exists()
    (site / "CNAME").write_text("kidneys.example")
    line = refused(kidney_evals("bundle", "run.eval", "-o", site, "--overwrite"))
    assert "CNAME" in line and (site / "CNAME").exists()
    (here / "link").symlink_to(site)
    assert "symbolic link" in refused(kidney_evals("bundle", "run.eval", "-o", here / "link"))


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "out.md"
    write_output(path, old := b"<!-- Written by kidney-evals -->\nold")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(UserError, match=r"cannot write .*out\.md \(File too large\)"):
            write_output(path, b"x" * 2000, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == old and list(tmp_path.iterdir()) == [path]


def test_a_file_that_appears_meanwhile_is_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.md"
    write = Path.write_bytes

    def slow(place: Path, content: bytes) -> int:
        write(path, b"precious")
        return write(place, content)

    monkeypatch.setattr(Path, "write_bytes", slow)
    with pytest.raises(UserError, match="exists"):
        write_output(path, b"new")
    assert path.read_bytes() == b"precious"
