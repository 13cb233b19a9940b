"""Text layout: how a text that does not fit is shortened."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kidney_evals.charts.words import clean, shorten, shorten_all, text_width, wrap


@pytest.mark.parametrize(
    ("given_words", "kept"),
    [
        ("  two \t\n words\u2028three ", "two words three"),
        ("a\x00b\x1bc\x7fd\x9be", "abcde"),
        ("a\ud800b\ufffec\U0001ffffd", "abcd"),
        ("a\u202eb\u2066c\u200bd\ufeffe", "abcde"),
        ("نام\u200cها", "نام\u200cها"),
        ("e\u0301 → 中文 😀", "e\u0301 → 中文 😀"),
    ],
)
def test_only_what_can_stand_in_a_line_is_kept(given_words: str, kept: str) -> None:
    assert clean(given_words) == kept


def test_widths_are_those_of_the_typeface_rounded_up() -> None:
    # Advance widths of DejaVu Sans, of 2048 units: W 2025, i 569, 0 1303, blank 651.
    for letter, units in (("W", 2025), ("i", 569), ("0", 1303), (" ", 651)):
        assert 0 <= text_width(letter, 1) - units / 2048 < 0.04
    assert text_width("ab", 24) == pytest.approx(2 * text_width("ab", 12))
    assert text_width("e\u0301") == text_width("e") == text_width("é")
    assert text_width("中") > 12


@pytest.mark.parametrize(
    ("words", "letters", "front", "shown"),
    [
        # Ten digits are as wide as any ten; the ellipsis takes the room of two.
        ("0123456789", 10, 0.5, "0123456789"),
        ("0123456789", 8, 0.5, "012…789"),
        ("0123456789", 8, 0.8, "01234…9"),
        ("0123456789", 0, 0.5, "…"),
        ("0" * 10_000, 6, 0.5, "00…00"),
    ],
)
def test_the_middle_is_cut(words: str, letters: int, front: float, shown: str) -> None:
    room = letters * text_width("0") + 0.01
    assert shorten(words, room, front=front) == shown


def test_no_accent_is_left_without_its_letter() -> None:
    word = "abc" + "e\u0301" * 30
    assert all("…\u0301" not in shorten(word, room) for room in range(20, 200, 3))


@given(st.text(max_size=200), st.integers(1, 5))
@settings(max_examples=100, deadline=None)
def test_lines_fit_and_hold_all_words_where_there_are_enough(words: str, most: int) -> None:
    lines = wrap(words, 150, 12, most)
    assert len(lines) <= most and all(text_width(line) <= 150 for line in lines)
    if "…" not in "".join(lines):
        assert " ".join(lines) == clean(words)


@pytest.mark.parametrize(
    "labels",
    [
        # They differ at the end, at the front, in the middle, far inside.
        ["a-model-of-a-long-name-2025-08-07", "a-model-of-a-long-name-2025-09-07"],
        ["one-model-of-a-long-name-2025-08-07", "two-model-of-a-long-name-2025-08-07"],
        ["provider/model-5-mini-2025-08-07", "provider/model-5-nano-2025-08-07"],
        ["a" * 30 + "x" + "a" * 30, "a" * 30 + "y" + "a" * 30],
        # Their last parts are the same.
        ["one-provider/models/a-model-of-a-name", "other-provider/models/a-model-of-a-name"],
    ],
)
def test_labels_that_differ_are_shown_to_differ(labels: list[str]) -> None:
    shown = shorten_all(labels, 120)
    assert len(set(shown)) == len(labels)
    assert all(text_width(one) <= 120 for one in shown)


def test_of_paths_the_last_part_is_kept_where_one_is_too_long() -> None:
    names = ["provider/group/a-model-name", "other/small", "people", "kept / as it is"]
    assert shorten_all(names, 120) == ["a-model-name", "small", "people", "kept / as it is"]
    # Where all fit nothing is changed.
    assert shorten_all(names, 400) == names
    assert shorten_all([], 100) == []
