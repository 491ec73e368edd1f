"""Checks that find what is wrong with a loss, a gradient or a fit before the accuracy does.

`check_gradient` compares a gradient with differences of its loss; `sanity_suite` asks a loss or a model what every
right one answers alike; `random_search` is the baseline any descent must beat; `explain_losses` works an example by
hand. Every report has ``.ok`` where there is something to pass, prints as a table, and shows as one in a notebook.
"""

from fastlin.diagnostics.explain import LossExplanation, explain_losses
from fastlin.diagnostics.gradient import GradientEntry, GradientReport, check_gradient
from fastlin.diagnostics.losses import course_loss
from fastlin.diagnostics.sanity import Check, SanityReport, sanity_suite
from fastlin.diagnostics.search import RandomSearchResult, random_search

__all__ = [
    "Check",
    "GradientEntry",
    "GradientReport",
    "LossExplanation",
    "RandomSearchResult",
    "SanityReport",
    "check_gradient",
    "course_loss",
    "explain_losses",
    "random_search",
    "sanity_suite",
]
