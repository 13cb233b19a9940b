"""Every command in the README and the documentation: parsed always, run in the slow tests.

Commands stand in fenced blocks marked `bash`, one a line. They run in the order of a page, in a
folder with small logs, with simulated respondents in place of models. `NOT_RUN` says which are not
run, and why.
"""

import inspect
import re
import shlex
import shutil
import sys
import tomllib
from importlib.metadata import entry_points
from itertools import pairwise
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from inspect_ai.log import list_eval_logs, read_eval_log
from inspect_ai.model import get_model

from docs.test_pages import PAGES, ROOT
from kidney_evals import tasks
from kidney_evals.cli import main
from kidney_evals.cli.survey import SurveyGroup
from tasks.running import run as run_task

INSTEAD = {
    # Nobody was asked in a study of one's own, so that simulated people have no answers to it.
    "openai/gpt-4.1-mini -T study=my_study": "kidney/uniform -T study=my_study",
    **dict.fromkeys(
        (
            *("anthropic/claude-sonnet-4-5", "hf/Qwen/Qwen3-0.6B"),
            *(f"hf/{one} -M model_path=models/{one}" for one in ("smollm2", "gemma3-270m")),
            *("hf/mine -M model_path=FOLDER", "openai/gpt-4.1-mini", "PROVIDER/MODEL"),
        ),
        "kidney/human",
    ),
    "LOG": "old.eval",
    "known --dilemmas 50": "known --dilemmas 4",
    # Its questions are answered with the defaults.
    "study new my_study": "study new my_study --yes",
}
"""Parts of a command that are replaced before it is run."""

NOT_RUN = {
    r"make ": "the targets are what CI runs, or take minutes",
    r"pip install ": "needs a package index; CI installs the extras",
    r"inspect view": "serves until it is stopped; see tests/viewer",
    r"scout ": "needs the extra scout; see tests/reasons",
    r"kidney-evals report .*--scans": "needs a scan; see tests/reporting",
    r"kidney-evals models fetch": "needs torch; see tests/finetuning/test_smollm2.py",
    r"kidney-evals reference ": "needs the published answers; see tests/lab",
    r"kidney-evals results ": "its logs are of a model; see tests/lab/test_results.py",
    r"kidney-evals sft (train|evaluate)": "needs torch; see tests/finetuning/test_tiny_model.py",
    r"kidney-evals sft (submit (?!.*--dry-run)|status)": "costs money; see tests/finetuning",
    r"kidney-evals survey (?!export|.*--here)": "serves until it is stopped; see tests/survey",
    r"kidney-evals validate": "takes a minute; see tests/lab",
}
"""Commands that are parsed and not run, by how they begin, with the reason."""


def blocks(page: Path, language: str) -> list[tuple[str, str]]:
    """Return the fenced blocks in a language: the text behind its name, and the content."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\b([^\n]*)\n(.*?)^```$", text, flags=re.M | re.S)


def commands(page: Path) -> list[str]:
    """Return the commands of a page, without comments."""
    lines = [line for _, block in blocks(page, "bash") for line in block.splitlines()]
    return list(filter(None, (re.sub(r"(^|\s)#.*", "", line).strip() for line in lines)))


SHOWN = {page.relative_to(ROOT).as_posix(): found for page in PAGES if (found := commands(page))}
"""The commands of each page that has any."""


@pytest.mark.parametrize("page", SHOWN)
def test_each_command_names_what_exists(page: str) -> None:
    for command in SHOWN[page]:
        program, *arguments = shlex.split(expanded(command))
        if program == "kidney-evals":
            assert_accepted(main, "kidney-evals", arguments)
        elif program == "inspect":
            for name in [one for one in arguments if one.startswith("kidney_evals/")]:
                takes = inspect.signature(getattr(tasks, name.split("/")[1])).parameters
                passed = [one.split("=")[0] for flag, one in pairwise(arguments) if flag == "-T"]
                assert set(passed) <= set(takes) - {"unexpected"}, command
        elif program == "make":
            targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.M)
            assert set(arguments) <= set(targets), command
        elif program == "pip":
            project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
            extras = re.findall(r"^\.\[(.*)\]$", arguments[-1])
            assert set(extras) <= set(project["optional-dependencies"]), command
        else:
            assert program == "scout" and arguments[1].startswith("kidney_evals/rationale")


def assert_accepted(command: click.Command, name: str, arguments: list[str]) -> None:
    """Fail if a command, or a command of its group, does not take the arguments."""
    if isinstance(command, SurveyGroup):
        arguments = command.spelled(arguments)
    parser = command.make_parser(click.Context(command, info_name=name))
    _, rest, _ = parser.parse_args(args=list(arguments))
    if isinstance(command, click.Group):
        assert rest and rest[0] in command.commands, f"{name} has no command {rest[:1]}"
        below = arguments[arguments.index(rest[0]) + 1 :]
        assert_accepted(command.commands[rest[0]], rest[0], below)


def expanded(command: str) -> str:
    """Replace `$(kidney-evals suite NAME)` by what it prints."""
    found = re.search(r"\$\(kidney-evals (.*?)\)", command)
    if found is None:
        return command
    printed = CliRunner().invoke(main, shlex.split(found[1]))
    assert printed.exit_code == 0, printed.output
    return command.replace(found[0], printed.stdout.strip())


def test_every_exception_is_of_a_command_that_is_shown() -> None:
    every = [one for found in SHOWN.values() for one in found]
    assert [begins for begins in NOT_RUN if not any(re.match(begins, one) for one in every)] == []


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the commands read: logs, and the files that the pages show."""
    folder = tmp_path_factory.mktemp("prepared")
    for seed, name in enumerate(("old", "new"), start=1):
        model = get_model("kidney/human", seed=seed)
        log = run_task(tasks.coin_flip(dilemmas=40), folder / "made", model)
        shutil.move(log.location, folder / f"{name}.eval")
    (folder / "logs").mkdir()
    shutil.copy(folder / "old.eval", folder / "logs")
    for page in PAGES:
        for head, content in blocks(page, "yaml"):
            if title := re.search(r'title="(.*?)"', head):
                (folder / title[1]).write_text(content, encoding="utf-8")
    (folder / "tasks").symlink_to(ROOT / "tasks")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", SHOWN)
def test_the_commands_of_a_page_run(
    page: str, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "work"
    shutil.copytree(prepared, folder, symlinks=True)
    monkeypatch.chdir(folder)
    for name in ("EVAL", "EVAL_SET"):
        monkeypatch.setenv(f"INSPECT_{name}_LIMIT", "4")
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    for command in SHOWN[page]:
        if not any(re.match(begins, command) for begins in NOT_RUN):
            for old, new in INSTEAD.items():
                command = re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", new, command)
            run(shlex.split(expanded(command)), monkeypatch)
    for info in list_eval_logs("logs"):
        log = read_eval_log(info, header_only=True)
        assert log.status == "success", (info.name, log.error)


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command in this process, that of another package as its script does."""
    if arguments[0] == "kidney-evals":
        done = CliRunner().invoke(main, arguments[1:], input="yes\n" + "a\n" * 20)
        # A rule of `compare` may apply.
        allowed = (0, 1) if "--fail-if" in arguments else (0,)
        assert done.exit_code in allowed, (arguments, done.output, done.exception)
        return
    (script,) = entry_points(group="console_scripts", name=arguments[0])
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        script.load()()
    assert not ended.value.code, arguments
