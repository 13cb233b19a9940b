"""What is checked and printed before a fine-tuning job is requested."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.calling import refused
from finetuning.submitting import call, example, folder, record_of, submitted
from kidney_evals.cli.sft_submit import status
from kidney_evals.finetuning.hosted_submission import tokens_of


@pytest.fixture(autouse=True)
def _nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    # Whatever is sent all the same fails with the line that there was no answer.
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return folder(tmp_path / "data")


def test_what_will_be_sent_is_said_first(tmp_path: Path) -> None:
    data = folder(tmp_path / "d", shuffled=True, source={"kind": "rows"})
    dry = submitted(data, "--epochs", 3, "--price", 5, "--dry-run")
    assert not record_of(data).exists()
    # A question of 43 letters and an answer of 9: 52 / 4 + 2 frames of 4 = 21 tokens, at most
    # 52 / 3 + 2 × 10 = 37.33; of 12 samples 252 and 448; in three epochs 756 and 1,344.
    assert dry.output.splitlines() == [
        "CONTROL    the answers were shuffled: it should teach nothing",
        "Base       gpt-4.1-mini, seed 1",
        "Samples    12 of 12 (mcelfresh_2021, from rows)",
        "Held out   4, for the service's own curve; not trained on",
        "Tokens     about 252 an epoch, at most 448",
        "People     answers of single survey participants are among what is sent",
        "Trained    3 epochs: about 756 tokens, at most 1,344",
        "Price      at most 0.01 USD",
        "Nothing was sent.",
    ]
    assert "Price      not known here" in submitted(data, "--dry-run").output


def test_letters_of_other_scripts_are_not_counted_too_low() -> None:
    # Three letters of three bytes each, beside an answer of 9 letters and two frames.
    low, expected, high = tokens_of(example(1, text="选病人"))
    assert (expected, high) == (3 + 9 / 4 + 2 * 4, 9 + 9 / 3 + 2 * 10)
    assert low < expected


def test_nothing_is_sent_without_a_key_but_everything_checked(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = refused(call(status, "ftjob-1"))
    assert line.startswith("Error: http://127.0.0.1:9/v1 did not answer the request for job")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert "OPENAI_API_KEY is not set" in refused(submitted(data))
    assert "OPENAI_API_KEY is not set" in refused(call(status, "ftjob-1"))
    assert submitted(data, "--dry-run").exit_code == 0
    monkeypatch.setenv("OPENAI_API_KEY", "kéy")
    assert "letters that no key has" in refused(submitted(data))
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    monkeypatch.setenv("OPENAI_BASE_URL", "localhost:80/v1")
    assert "OPENAI_BASE_URL must begin with http" in refused(call(status, "ftjob-1"))
    assert not record_of(data).exists()


BAD: dict[str, tuple[Callable[[Path], Path], Sequence[Any], str]] = {
    "no folder": (lambda place: place, (), "holds no card.json"),
    "few": (lambda place: folder(place, 9), (), "no fewer than 10 training samples"),
    "first few": (lambda place: folder(place), ("--samples", 9), "and these are 9"),
    "many": (lambda place: folder(place), ("--samples", 13), "more than the 12 training samples"),
    "suffix": (lambda place: folder(place), ("--suffix", "x" * 65), "1 to 64 letters, not 65"),
    "base": (lambda place: folder(place), ("--base", "hf/gpt2"), "an OpenAI model"),
    "epochs": (lambda place: folder(place), ("--epochs", 51), "it is auto or 1 to 50, not 51"),
    "overlap": (
        lambda place: folder(place, excluded={"overlap": 2}),
        (),
        "says that 2 samples overlap the evaluation's dilemmas",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_would_be_refused_is_found_before_anything_is_sent(case: str, tmp_path: Path) -> None:
    make, arguments, line = BAD[case]
    result = submitted(make(tmp_path / "data"), *arguments)
    assert result.exit_code == 2 and line in result.stderr
    assert not list(tmp_path.glob("*.json"))
