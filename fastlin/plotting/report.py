"""One page on a fitted model: data, settings, history, templates, confusion, worst mistakes, checks and speed."""

from __future__ import annotations

import inspect
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastlin import _arrays, _labels, config, training
from fastlin._files import check_writable, write_atomically
from fastlin.diagnostics import check_gradient, sanity_suite
from fastlin.pipeline import ImagePipeline
from fastlin.plotting import _figure, _images, _page
from fastlin.plotting.confusion import count_pairs, draw_counts
from fastlin.plotting.curves import learning_curves, panels_of
from fastlin.plotting.evidence import evidence
from fastlin.plotting.png import encode_png
from fastlin.plotting.regions import decision_regions
from fastlin.plotting.templates import template_images, tiled
from fastlin.plotting.weights import weight_histogram
from fastlin.plotting.words import word_images, words_of
from fastlin.plotting.worst import captions, mistake_pixels, worst_mistakes

if TYPE_CHECKING:
    from fastlin.datasets import Dataset

# More templates than this make a page nobody scrolls through.
_MOST_TEMPLATES = 100
# Features named for each class of a model that is not of images.
_TOP_FEATURES = 5
# Classes that the plane is coloured with.
_MOST_REGIONS = len(_figure.COLOURS)
_GRADIENT_ROWS = 50
# Of a chain the checks see the features of so many images.
_CHECKED_IMAGES = 2000
_WORDS, _WORDS_ACROSS = 12, 4


class _Subject(NamedTuple):
    """What the page is about."""

    model: Any
    data: Dataset
    X: Any
    y: np.ndarray
    split: str
    names: list[str]
    counts: np.ndarray

    @property
    def classifier(self) -> Any:
        return _images.classifier_of(self.model)

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.counts) / self.counts.sum())


def report_html(model: Any, data: Dataset, *, n_worst: int = 12, checks: bool = True, seed: int = 0) -> str:
    """The page of `write_report` as a string."""
    _images.check_fitted(model)
    if not hasattr(data, "X_train"):
        raise TypeError(f"data is {type(data).__name__}; wanted is a fastlin.datasets.Dataset: Dataset('mine', X, y)")
    n_worst = _arrays.as_count(n_worst, "n_worst")
    split = "test" if data.X_test is not None and data.y_test is not None else "all"
    X, y = (data.X_test, data.y_test) if split == "test" else (data.X_train, data.y_train)
    if y is None:
        raise ValueError(f"{data.name} has no labels; wanted is y beside X")
    if len(y) == 0:
        raise ValueError(f"{data.name} has no rows; wanted is at least one")
    y = _images.labels_in(y, data.class_names, model.classes_)
    _, true = _labels.encode(_labels.as_label_array(y, len(y)), None, model.classes_)
    began = time.perf_counter()
    predicted = model.predict(X)
    seconds = time.perf_counter() - began
    index = _labels.encode(predicted, None, model.classes_)[1]
    counts = count_pairs(true, index, len(model.classes_))
    names = [_figure.name_text(name) for name in _images.names_in(data.class_names, model.classes_)]
    subject = _Subject(model, data, X, y, split, names, counts)
    parts = [
        _summary(subject),
        _data(subject),
        _steps(model) if isinstance(model, ImagePipeline) else "",
        _settings(model),
        _settings(subject.classifier, "Settings of the classifier") if isinstance(model, ImagePipeline) else "",
        _history(subject.classifier),
        _templates(subject),
        _confusion(subject),
        _worst(subject, n_worst),
        _checks(subject, seed) if checks else "",
        _speed(subject, seconds),
    ]
    facts = config.info()
    return _page.page(
        f"{type(model).__name__} on {data.name}", parts,
        f"Written by fastlin {facts['version']} (NumPy {facts['numpy']}, Python {facts['python']}).",
    )  # fmt: skip


def write_report(
    model: Any, data: Dataset, path: str | os.PathLike[str], *, n_worst: int = 12, checks: bool = True, seed: int = 0
) -> None:
    """Write one page of HTML on a fitted model and how it does on data.

    The page stands alone: pictures lie inside it, it has no script and asks for nothing over the network. It shows the
    data, the settings, the learning curves, the templates (or the largest weights, where rows are no images), the
    confusion of classes, the worst mistakes with what in the first of them spoke for either class, the gradient check
    and the sanity suite on the training rows, and how fast training was and prediction is.

    Parameters
    ----------
    model : LinearClassifier
        Fitted.
    data : Dataset
        Its test rows are predicted, where it has some, else all rows.
    path : path
        Written atomically.
    n_worst : int
        Mistakes shown at most.
    checks : bool
        Whether to run the checks, which fit copies of the model to some rows.
    seed : int
        Of the checks.

    Raises
    ------
    ValueError, TypeError
        For a model that is not fitted, or data without labels or with labels that the model does not know.

    Examples
    --------
    >>> import fastlin, pathlib, tempfile
    >>> from fastlin.plotting import write_report
    >>> data = fastlin.datasets.load("blobs")
    >>> model = fastlin.SoftmaxClassifier(random_state=0).fit(data.X_train, data.y_train)
    >>> with tempfile.TemporaryDirectory() as folder:  # doctest: +SKIP
    ...     write_report(model, data, f"{folder}/report.html")
    """
    check_writable(path)
    page = report_html(model, data, n_worst=n_worst, checks=checks, seed=seed)
    write_atomically(path, lambda file: file.write(page.encode(errors="replace")))


def _summary(s: _Subject) -> str:
    n_wrong = int(s.counts.sum() - np.trace(s.counts))
    chance = s.counts.sum(axis=1).max() / s.counts.sum()
    pairs = [
        ("accuracy", f"{s.accuracy:.2%}"),
        ("mistakes", f"{n_wrong:,} of {s.counts.sum():,}"),
        ("share of the largest class", f"{chance:.1%}"),
        ("loss", str(s.classifier.loss)),
        ("epochs", f"{s.classifier.n_iter_:,}"),
    ]
    return _page.facts(pairs)


def _data(s: _Subject) -> str:
    shape = np.shape(s.data.X_train)
    rows = s.X if isinstance(s.X, np.ndarray) else np.asarray(s.X)
    which = "its test split" if s.split == "test" else "all its rows, those trained on perhaps among them"
    lines = [
        ("name", s.data.name),
        ("rows", f"{len(s.data.X_train):,}" + (f" to train on, {len(rows):,} to test" if s.split == "test" else "")),
        ("a row", f"{' x '.join(map(str, shape[1:]))} of {rows.dtype}"),
        ("classes", f"{len(s.names):,}"),
        ("measured on", which),
    ]
    return _page.section("Data", _page.table("", (), lines, words=True))


def _steps(model: Any) -> str:
    columns = f"{model.classifier_.n_features_in_:,} columns"
    made = "pixels" if model.features_ is None else type(model.features_).__name__
    seconds = [(f"seconds of {step}", f"{value:.3g}") for step, value in model.seconds_.items()]
    parts = [_page.table("", (), [("features", f"{made}, {columns}"), *seconds], words=True)]
    if len(model.alphas_):
        lines = [
            (f"{alpha:.3g}", f"{share:.2%}", "taken" if alpha == model.alpha_ else "")
            for alpha, share in zip(model.alphas_, model.validation_scores_, strict=True)
        ]
        parts.append(_page.table("penalties tried", ("alpha", "right, of the images held out", ""), lines))
    return _page.section("From images to columns", *parts)


def _settings(model: Any, heading: str = "Settings") -> str:
    defaults = inspect.signature(type(model)).parameters
    params = model.get_params(deep=False)
    lines = [(name, repr(value), repr(defaults[name].default)) for name, value in params.items()]
    changed = [line for line in lines if line[1] != line[2]]
    header = ("parameter", "value", "default")
    shown = _page.paragraph("All by default.")
    if changed:
        shown = _page.table("other than by default", header, changed, words=True)
    everything = _page.details(f"all {len(lines)} parameters", _page.table("", header, lines, words=True))
    return _page.section(heading, shown, everything)


def _history(model: Any) -> str:
    history = model.history_
    if history.n_epochs == 0:
        return _page.section("Training", _page.paragraph("The model keeps no record of its training."))
    drawn = []
    for name in panels_of(history, ("loss", "accuracy", "update_ratio")):
        column = history[name]
        alt = f"Curve of the {name.replace('_', ' ')} over {history.n_epochs} epochs, from {column[0]:.3g} to "
        figure = learning_curves(history, panels=(name,))
        drawn.append(_page.picture(_figure.png_of(figure, _page.DPI), f"{alt}{column[-1]:.3g}", dpi=_page.DPI))
    columns = [name for name in history if np.isfinite(history[name]).any()]
    lines = [[f"{history[name][k]:.4g}" for name in columns] for k in range(history.n_epochs)]
    stopped = f"It ended by {model.stop_reason_}." if model.stop_reason_ else ""
    return _page.section(
        "Training", _page.paragraph(f"{history.n_epochs:,} epochs, {model.t_:,} steps. {stopped}"),
        _page.figures(drawn),
        _page.details("all epochs", _page.table("", [name.replace("_", " ") for name in columns], lines)),
    )  # fmt: skip


def _is_of_images(model: Any) -> bool:
    if not _images.on_pixels(model) and model.image_shape_ is None:
        return False
    try:
        _images.image_shape(model.n_features_in_, model.image_shape_, None, "auto")
    except ValueError:
        return False
    return True


def _templates(s: _Subject) -> str:
    spread = _page.picture(
        _figure.png_of(weight_histogram(s.model), _page.DPI),
        f"Histogram of the {s.classifier.coef_.size:,} weights", dpi=_page.DPI,
    )  # fmt: skip
    if not _images.on_pixels(s.model):
        return _page.section("Weights", _page.figures([spread]), _words(s), _largest_weights(s))
    if not _is_of_images(s.model):
        return _page.section("Weights", _page.figures([spread, *_plane(s)]), _largest_weights(s))
    shown = template_images(s.model, classes=s.model.classes_.tolist()[:_MOST_TEMPLATES])
    pictures = [
        _page.picture(encode_png(pixels), f"Template of class {name}", name)
        for pixels, name in zip(shown.pixels, s.names, strict=False)
    ]
    unit = "a standard deviation of the pixel" if s.classifier.scale_ is not None else "a grey level"
    white = shown.limits[0, 1]
    said = f"Mid grey is a weight of zero. White adds {white:.3g} or more to the score for {unit}, black takes as much."
    if len(s.names) > len(pictures):
        said += f" The first {len(pictures)} of {len(s.names)} classes are shown."
    return _page.section("Templates", _page.paragraph(said), _page.gallery(pictures), _page.figures([spread]))


def _words(s: _Subject) -> str:
    try:
        words, _ = words_of(s.model)
    except TypeError:
        return ""
    if words.n_channels_ not in (1, 3):
        return ""
    shown = word_images(s.model, n=_WORDS, classes=s.model.classes_.tolist()[:_MOST_TEMPLATES])
    pictures = [
        _page.picture(
            encode_png(tiled(pixels, _WORDS_ACROSS, 4)), f"The {len(pixels)} visual words most for {name}", name
        )
        for pixels, name in zip(shown.pixels, s.names, strict=False)
    ]
    said = "The visual words that add most to the score of each class, the most first."
    return _page.paragraph(said) + _page.gallery(pictures)


def _plane(s: _Subject) -> list[str]:
    if s.model.n_features_in_ != 2 or len(s.names) > _MOST_REGIONS:
        return []
    figure = decision_regions(s.model, s.X, s.y, class_names=s.names)
    alt = "The plane of both features, coloured by the class that is predicted there, with the points"
    return [_page.picture(_figure.png_of(figure, _page.DPI), alt, dpi=_page.DPI)]


def _largest_weights(s: _Subject) -> str:
    W = _images.class_weights(s.model, "standardized")[:_MOST_TEMPLATES]
    if _images.on_pixels(s.model):
        features = getattr(s.classifier, "feature_names_in_", np.arange(W.shape[1]))
    else:
        features = _column_names(s.model.features_, W.shape[1])
    lines = []
    for name, w in zip(s.names, W, strict=False):
        top = np.argsort(-np.abs(w), kind="stable")[:_TOP_FEATURES]
        lines.append((name, ", ".join(f"{features[place]} ({w[place]:+.3g})" for place in top)))
    return _page.table("largest weights, by a standard deviation of the feature", ("class", "feature (weight)"), lines)


def _column_names(features: Any, n: int) -> Any:
    names = getattr(features, "get_feature_names_out", None)
    return np.arange(n) if names is None else names()


def _confusion(s: _Subject) -> str:
    rows = s.counts.sum(axis=1)
    wrong = s.counts - np.diag(np.diag(s.counts))
    lines = []
    for k, name in enumerate(s.names):
        other = int(wrong[k].argmax())
        taken = f"{s.names[other]} ({wrong[k, other] / rows[k]:.1%})" if wrong[k, other] else ""
        right = f"{s.counts[k, k] / rows[k]:.1%}" if rows[k] else "no rows"
        lines.append((name, f"{rows[k]:,}", right, taken))
    i, j = divmod(int(wrong.argmax()), len(s.names))
    alt = f"Confusion matrix of {len(s.names)} classes, accuracy {s.accuracy:.1%}"
    if wrong[i, j]:
        alt += f"; most often {s.names[i]} is taken for {s.names[j]}, {wrong[i, j]:,} times"
    png = _figure.png_of(draw_counts(s.counts, s.names, True), _page.DPI)
    table = _page.table("", ("class", "rows", "right", "most often taken for"), lines)
    return _page.section("Confusion", _page.figures([_page.picture(png, alt, dpi=_page.DPI), table]))


def _worst(s: _Subject, n_worst: int) -> str:
    heading = "Worst mistakes"
    found = worst_mistakes(s.model, s.X, s.y, n_worst)
    if len(found.rows) == 0:
        return _page.section(heading, _page.paragraph("There are none: all rows are predicted rightly."))
    said = "Predicted wrongly by the largest difference of scores, the worst first"
    said += "." if found.probability is None else "; with the probability of what was predicted."
    texts = [caption.replace("\n", " ") for caption in captions(found, s.names)]
    if not _is_of_images(s.model):
        lines = [(str(row), text, f"{gap:.3g}") for row, text, gap in zip(found.rows, texts, found.gap, strict=True)]
        table = _page.table("", ("row", "what it is, and is not", "difference of scores"), lines)
        return _page.section(heading, _page.paragraph(said), table)
    shape = None if np.ndim(s.X) == 4 else s.model.image_shape_
    pixels = mistake_pixels(s.model, s.X, found, shape)
    pictures = [
        _page.picture(encode_png(image), f"Row {row}: {text}", text)
        for image, row, text in zip(pixels, found.rows, texts, strict=True)
    ]
    if not _images.on_pixels(s.model):
        return _page.section(heading, _page.paragraph(said), _page.gallery(pictures))
    labels = [s.model.classes_.tolist()[place] for place in (found.predicted[0], found.true[0])]
    figure = evidence(s.model, np.asarray(s.X)[found.rows[0]], shape=shape, classes=labels, class_names=s.names)
    alt = f"Evidence in row {found.rows[0]} for {s.names[found.predicted[0]]} and for {s.names[found.true[0]]}"
    why = _page.picture(
        _figure.png_of(figure, _page.DPI), alt,
        "What in the first spoke for either class: for in blue, against in red. Above each its score.", dpi=_page.DPI,
    )  # fmt: skip
    return _page.section(heading, _page.paragraph(said), _page.gallery(pictures), _page.figures([why]))


def _checks(s: _Subject, seed: int) -> str:
    model = s.classifier
    images = s.data.X_train
    if not _images.on_pixels(s.model):
        kept = np.random.Generator(np.random.PCG64(seed)).permutation(len(images))[:_CHECKED_IMAGES]
        images = np.asarray(s.model.features_.transform(np.asarray(images)[np.sort(kept)]))
    else:
        kept = np.arange(len(images))
    rows = _arrays.as_rows(images)
    try:
        y = _labels.as_label_array(s.data.y_train, len(s.data.X_train))[np.sort(kept)]
        classes, labels = _labels.encode(y)
        picked = np.sort(np.random.Generator(np.random.PCG64(seed)).permutation(len(rows))[:_GRADIENT_ROWS])
        shift, scale = training.survey(rows, None, None).standardization()
        rng = np.random.Generator(np.random.PCG64(seed + 1))
        W = rng.standard_normal((len(classes), rows.shape[1])) / np.sqrt(rows.shape[1])
        options = {} if model.loss == "softmax" else {"margin": model.margin}
        reports: list[Any] = [
            check_gradient(
                model.loss, rows[picked], labels[picked], W, np.zeros(len(classes)), seed=seed, shift=shift,
                scale=scale, **options,
            ),
            sanity_suite(model, rows, labels, seed=seed),
        ]  # fmt: skip
    except ValueError as error:
        return _page.section("Checks", _page.paragraph(f"They could not be asked of this data: {error}"))
    verdict = "All passed." if all(report.ok for report in reports) else "SOME FAILED."
    tables = [_page.scrolling(report._repr_html_()) for report in reports]
    return _page.section("Checks", _page.paragraph(verdict), *tables)


def _speed(s: _Subject, seconds: float) -> str:
    facts = config.info()
    lines = []
    history = s.classifier.history_
    trained = history["seconds"].sum()
    if trained > 0:
        n_rows = float((history["rows_per_second"] * history["seconds"]).sum())
        lines.append(("training, as it was", f"{trained:.3g} s", f"{n_rows / trained:,.0f} rows/s"))
    lines.append(("prediction, here and now", f"{seconds:.3g} s", f"{s.counts.sum() / seconds:,.0f} rows/s"))
    threads = "1 thread" if facts["threads"] == 1 else f"up to {facts['threads']} threads"
    machine = f"Here: SIMD level {facts['simd']['in_use']}, {threads}, {s.counts.sum():,} rows predicted."
    return _page.section("Speed", _page.table("", ("", "time", "rate"), lines), _page.paragraph(machine))
