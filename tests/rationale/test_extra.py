"""What the room does without Inspect Scout, and what it does not load."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kidney_evals import rationale as room
from kidney_evals.errors import UserError
from kidney_evals.rationale import extra


@pytest.mark.parametrize("name", ["rationale", "rationale_llm", "scanned"])
def test_without_scout_one_line_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda _: None)
    with pytest.raises(UserError) as error:
        getattr(room, name)
    assert str(error.value) == (
        "scanning transcripts needs inspect_scout, not installed here: "
        "pip install 'kidney-evals[scout]' (in a checkout: pip install '.[scout]')"
    )


def test_a_name_that_is_not_there_is_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = room.nonsense


@pytest.mark.slow
def test_an_evaluation_does_not_load_scout() -> None:
    code = (
        "import sys, kidney_evals._registry, kidney_evals.rationale;"
        "print(sorted({'inspect_scout', 'numpy', 'pandas'} & set(sys.modules)),"
        "'kidney_evals.rationale.scanners' in sys.modules)"
    )
    # -P: the folder of the call is no place of modules.
    run = [sys.executable, "-P", "-c", code]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[] False"
