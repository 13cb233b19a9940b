"""A handful of dilemmas for one person at a terminal, and their answers beside people's."""

from kidney_evals.trying.answered import Answered, Own
from kidney_evals.trying.pick import Round, pick_round
from kidney_evals.trying.text import result_lines

__all__ = ["Answered", "Own", "Round", "pick_round", "result_lines"]
