"""The readout on a real transformer behind Inspect's `hf` provider, beside what it samples."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval
from inspect_ai.model import get_model

from kidney_evals.reporting import rows_of
from kidney_evals.tasks import coin_flip
from protocol.local_model import make_local_model

CHANCES = {"A": 0.5, "B": 0.27, "COIN": 0.2, "Hm": 0.03}
"""At the answer's place; the last is no answer."""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("temperature", [None, 0.5])
def test_one_call_says_what_many_samples_say(temperature: float | None, tmp_path: Path) -> None:
    if not os.environ.get("KIDNEY_EVALS_REQUIRE_TORCH"):
        for package in ("torch", "transformers", "accelerate"):
            pytest.importorskip(package)
    path = make_local_model(tmp_path / "model", CHANCES)
    # Named by its folder: under another name Inspect looks for it on the hub.
    model = get_model(f"hf/{path}", device="cpu")
    options: dict[str, Any] = {"model": model, "display": "none", "score_display": False}
    options |= {
        "log_dir": str(tmp_path / "logs"),
        "temperature": temperature,
        "max_connections": 32,
        "max_tokens": 8,
    }
    [read] = eval(coin_flip(dilemmas=10, controls=False, readout="logprobs"), **options)
    [drawn] = eval(coin_flip(dilemmas=10, controls=False), epochs=20, **options)

    once, many = rows_of(read), rows_of(drawn)
    power = 1 / (temperature or 1.0)
    weights = {word: chance**power for word, chance in CHANCES.items()}
    total = sum(weights.values())
    answers = total - weights["Hm"]
    assert once["flip_rate"].value == pytest.approx(weights["COIN"] / answers, abs=2e-4)
    assert once["outside"].value == pytest.approx(weights["Hm"] / total, abs=2e-4)
    decided = weights["A"] + weights["B"]
    assert once["pos_bias"].value == pytest.approx(weights["A"] / decided - 0.5, abs=2e-4)
    # 400 samples: the rate's interval holds what the readout says.
    for name in ("flip_rate", "pos_bias"):
        found = many[name]
        assert found.low - 0.005 < once[name].value < found.high + 0.005
    assert "readout" in once.flags
