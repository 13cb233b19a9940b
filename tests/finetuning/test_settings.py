"""Settings of a training run and numbers of samples, as a user writes them."""

from __future__ import annotations

from dataclasses import asdict, fields

import pytest

from kidney_evals.errors import UserError
from kidney_evals.finetuning.settings import (
    MOST_PASSES,
    Settings,
    explained,
    read_sizes,
    settings,
)

NAMES = [one.name for one in fields(Settings)]
WHOLE = ["rank", "alpha", "batch", "steps", "patience", "seed"]


def test_every_setting_is_explained_and_has_its_default() -> None:
    assert list(explained()) == NAMES
    assert settings() == Settings(**{name: entry["default"] for name, entry in explained().items()})
    assert all(len(entry["why"]) > 20 for entry in explained().values())
    assert [name for name in NAMES if isinstance(explained()[name]["default"], int)] == WHOLE


def test_what_is_given_replaces_the_default_and_none_leaves_it() -> None:
    found = settings(rank=4, dropout=None, learning_rate=0.001)
    assert asdict(found) == asdict(settings()) | {"rank": 4, "learning_rate": 0.001}


@pytest.mark.parametrize("name", NAMES)
def test_ranges_hold_their_ends_and_nothing_beyond(name: str) -> None:
    low, high = explained()[name]["range"]
    for end in (low, high):
        assert getattr(settings(**{name: end}), name) == end
    for beyond in (low - 1, low - 1e-9, high * 1.001, float("nan"), float("inf")):
        with pytest.raises(UserError, match=rf"^{name} must be from .* to .*, not "):
            settings(**{name: beyond})
    if name in WHOLE:
        assert isinstance(getattr(settings(**{name: 2.0}), name), int)
        with pytest.raises(UserError, match=rf"{name} must be a whole number, not 2.5"):
            settings(**{name: 2.5})


def test_the_line_says_what_is_allowed() -> None:
    with pytest.raises(UserError, match="seed must be from 0 to 2147483647, not -1"):
        settings(seed=-1)
    with pytest.raises(UserError, match=r"unknown setting 'epochs'; allowed: rank, .*, seed"):
        settings(epochs=3)


@pytest.mark.parametrize(
    ("samples", "steps", "batch", "passes"),
    [
        (8, 200, 8, MOST_PASSES),  # 200 passes of a step each would be too many
        (64, 200, 8, 25),  # 200 / 8
        (100, 200, 8, 15),  # 13 steps a pass, the last one short: 200 / 13 = 15.4
        (1000, 200, 8, 1),  # 200 / 125 = 1.6: a second pass would end after 250 steps
        (10_000, 200, 8, 1),  # never less than one
    ],
)
def test_passes_are_whole_and_make_no_more_steps_than_asked(
    samples: int, steps: int, batch: int, passes: int
) -> None:
    assert settings(steps=steps, batch=batch).passes(samples) == passes


def test_sizes_ascend_each_once() -> None:
    assert read_sizes("8", "--samples") == [8]
    assert read_sizes("128, 8,32,8", "--samples") == [8, 32, 128]


@pytest.mark.parametrize(
    ("text", "least", "words"),
    [
        ("", 1, "--samples takes whole numbers with commas between, not ''"),
        ("8,", 1, "not '8,'"),
        ("8;32", 1, "not '8;32'"),
        ("1e3", 1, "not '1e3'"),
        ("8,0", 1, "--samples must be at least 1, not 0"),
        ("32,9", 10, "--samples must be at least 10, not 9"),
    ],
)
def test_other_sizes_are_refused(text: str, least: int, words: str) -> None:
    with pytest.raises(UserError) as error:
        read_sizes(text, "--samples", least=least)
    assert words in str(error.value)
