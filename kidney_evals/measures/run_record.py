"""Write a run as plain data for JSON, and read it again with the same value of every measure."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kidney_evals.human.reference import load_reference
from kidney_evals.measures.run import Run
from kidney_evals.studies import Dilemma, Patient, load_study

_CODES: Final = "0123456789abcdefghijklmnopqrstuvwxyz"

_APART: Final = ("study", "reference", "dilemmas", "controls")
"""Fields that are no array, number or text."""


def run_to_dict(run: Run) -> dict[str, Any]:
    """Return a run as plain data for JSON, by field of `Run`.

    The study is given by its name or folder, and the reference by the condition. Arrays of few
    different values are shortened (see `_encoded`).
    """
    data: dict[str, Any] = {
        "study": run.study.source,
        "condition": run.reference.condition,
        "dilemmas": [
            [one.id, one.kind, _short(one.first), _short(one.second)] for one in run.dilemmas
        ],
    }
    for field in fields(run):
        value = getattr(run, field.name)
        if field.init and field.name not in _APART and value is not None:
            data[field.name] = _encoded(value) if isinstance(value, np.ndarray) else value
    if run.controls is not None:
        data["controls"] = run_to_dict(run.controls)
    return data


def run_from_dict(data: Mapping[str, Any]) -> Run:
    """Return the run that `run_to_dict` wrote, with the installed study and human reference.

    Raises:
        UserError: There is no such study, or its files are invalid.
        KeyError, TypeError, ValueError: The data are not as `run_to_dict` writes them.
    """
    study = load_study(data["study"])
    controls = data.get("controls")
    # An array is data["choice"] and the like; other fields are numbers, texts and tuples.
    decoded: dict[str, Any] = {
        name: tuple(value) if name == "levels" else _decoded(value)
        for name, value in data.items()
        if name not in (*_APART, "condition")
    }
    return Run(
        study=study,
        reference=load_reference(study, data["condition"]),
        dilemmas=tuple(
            Dilemma(id, Patient(tuple(map(float, first))), Patient(tuple(map(float, second))), kind)
            for id, kind, first, second in data["dilemmas"]
        ),
        controls=None if controls is None else run_from_dict(controls),
        **decoded,
    )


def _short(candidate: Patient) -> list[float]:
    """Return a candidate's values, whole numbers without decimals."""
    return [int(value) if value.is_integer() else value for value in candidate.values]


def _encoded(array: NDArray[Any]) -> Any:
    """Return an array of numbers as a list, with null for NaN, and of a few other values shorter.

    A character of `codes` is the index of a sample's value in `values` (0-9, a-z).
    """
    if array.dtype.kind == "f":
        plain = array.astype(object)
        plain[np.isnan(array)] = None
        return plain.tolist()
    values = array.tolist()
    distinct = sorted(set(values))
    if len(distinct) == 1:
        return {"all": distinct[0], "samples": len(values)}
    if len(distinct) <= len(_CODES):
        code = dict(zip(distinct, _CODES, strict=False))
        return {"values": distinct, "codes": "".join(code[value] for value in values)}
    return values


def _decoded(value: Any) -> Any:
    if isinstance(value, Mapping) and "all" in value:
        return np.array([value["all"]] * value["samples"])
    if isinstance(value, Mapping):
        return np.array([value["values"][_CODES.index(code)] for code in value["codes"]])
    if isinstance(value, list):
        whole = all(isinstance(one, int) for one in value)
        return np.array(value, dtype=np.int64 if whole else np.float64)
    return value
