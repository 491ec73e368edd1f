"""Pictures of models and of their fits: templates, evidence, curves, confusions, regions, surfaces, and a report.

They want matplotlib (``pip install 'fastlin[plot]'``), all but the PNG files of templates. Every function draws on the
axes ``ax=`` or the ``figure=`` it is given, or on a new figure, and returns the figure: ``figure.savefig("it.png")``. A
new figure is made without pyplot, so no window opens and no setting is touched; nothing is ever shown.
"""

from fastlin.plotting.confusion import confusion, confusion_counts
from fastlin.plotting.curves import learning_curves
from fastlin.plotting.evidence import Evidence, evidence, evidence_of
from fastlin.plotting.png import encode_png, write_png
from fastlin.plotting.regions import decision_regions
from fastlin.plotting.report import report_html, write_report
from fastlin.plotting.shapes import loss_shapes, penalty_shapes
from fastlin.plotting.surface import Surface, WeightPath, loss_surface, surface_of
from fastlin.plotting.templates import TemplateImages, save_templates_png, template_images, templates
from fastlin.plotting.weights import weight_histogram
from fastlin.plotting.words import WordImages, word_images, words
from fastlin.plotting.worst import Mistakes, worst, worst_mistakes

__all__ = [
    "Evidence",
    "Mistakes",
    "Surface",
    "TemplateImages",
    "WeightPath",
    "WordImages",
    "confusion",
    "confusion_counts",
    "decision_regions",
    "encode_png",
    "evidence",
    "evidence_of",
    "learning_curves",
    "loss_shapes",
    "loss_surface",
    "penalty_shapes",
    "report_html",
    "save_templates_png",
    "surface_of",
    "template_images",
    "templates",
    "weight_histogram",
    "word_images",
    "words",
    "worst",
    "worst_mistakes",
    "write_png",
    "write_report",
]
