"""The studies of people: attributes, patients and dilemmas, and how dilemmas are drawn."""

from kidney_evals.studies.draw import draw_dilemmas, draw_orders
from kidney_evals.studies.languages import in_language
from kidney_evals.studies.load import (
    DEFAULT_STUDY,
    datasets_dir,
    dilemmas_of,
    load_study,
    study_names,
)
from kidney_evals.studies.model import (
    CHOICES,
    CONDITIONS,
    Attribute,
    Choice,
    Condition,
    Dilemma,
    Kind,
    Level,
    Order,
    Patient,
    Study,
)

__all__ = [
    "CHOICES",
    "CONDITIONS",
    "DEFAULT_STUDY",
    "Attribute",
    "Choice",
    "Condition",
    "Dilemma",
    "Kind",
    "Level",
    "Order",
    "Patient",
    "Study",
    "datasets_dir",
    "dilemmas_of",
    "draw_dilemmas",
    "draw_orders",
    "in_language",
    "load_study",
    "study_names",
]
