"""Pictures: drawn where the extra is installed, refused in one line where it is not."""

import re
import struct
from functools import partial
from importlib.util import find_spec
from typing import Any

import pytest

import kidney_evals.charts.png as module
from charts.drawn import dots
from kidney_evals.charts import standalone
from kidney_evals.charts.drawing import plain
from kidney_evals.charts.png import check_png, png
from kidney_evals.errors import UserError

installed = pytest.mark.skipif(
    find_spec("resvg_py") is None, reason="no picture was drawn: pip install resvg-py"
)
FILE = standalone(dots("Title", ["people", "model"], [0.1, 0.3]))


@installed
def test_a_picture_has_the_figures_size_and_names_its_software() -> None:
    wide, high = (float(one) for one in FILE.split('viewBox="0 0 ')[1].split('"')[0].split())
    picture = png(FILE)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", picture[16:24]) == (2 * wide, 2 * high)
    assert b"tEXtSoftware\0kidney-evals" in picture[:80]


@installed
def test_colours_and_words_are_drawn(monkeypatch: Any) -> None:
    # If the colours were not read, changing them would change nothing: people's, a model's, text's.
    before = png(FILE)
    for colour in ("#0072B2", "#D55E00", "#1f2328"):
        grey = partial(re.sub, colour, "#777777")
        monkeypatch.setattr(module, "plain", lambda svg, grey=grey: grey(plain(svg)))
        assert png(FILE) != before
    monkeypatch.undo()
    assert png(FILE.replace(">model<", ">other<")) != before


@pytest.mark.parametrize(
    ("package", "says"), [(None, r"pip install 'kidney-evals\[png\]'"), ("there", "typeface")]
)
def test_what_is_not_installed_is_said_in_one_line(
    package: str | None, says: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: package)
    monkeypatch.setattr(module, "_drawn", lambda svg: b"no words")
    module._has_typeface.cache_clear()
    for ask in (check_png, lambda: png(FILE)):
        with pytest.raises(UserError, match=says) as raised:
            ask()
        assert "\n" not in str(raised.value)
    module._has_typeface.cache_clear()
