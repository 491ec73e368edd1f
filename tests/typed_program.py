"""A user's program over the public names, for a type checker at its strictest: see test_typing.py. It runs, too."""

from pathlib import Path

import numpy as np

import fastlin
from fastlin import (
    SoftmaxClassifier,
    SVMClassifier,
    cs231n,
    diagnostics,
    features,
    formats,
    load_model,
    plotting,
    reference,
)
from fastlin.linear_model import NotFittedError
from fastlin.training import DivergenceError

data = fastlin.datasets.load_fashion_mnist_small()
X, y = data.X_train, np.asarray(data.y_train)

# Estimators
model = SoftmaxClassifier(alpha=1e-3, solver="sgd", learning_rate="cosine", class_weight="balanced", random_state=0)
accuracy: float = model.fit(X, y).score(X, y)
labels: np.ndarray = model.predict(X[:3])
probabilities: np.ndarray = model.predict_proba(X[:3])
losses: np.ndarray = model.history_["loss"]
model.save("model.npz")
again = load_model("model.npz").set_params(n_threads=1)
margins: np.ndarray = SVMClassifier("squared_hinge", margin=2.0).fit(X, y).decision_function(X)
stopped = SoftmaxClassifier(early_stopping=True, callbacks=[lambda view: view.record.validation_accuracy > 0.86])
try:
    stopped.partial_fit(X, y, classes=range(10)).set_params(alpha=0.1).predict(X)
except (NotFittedError, DivergenceError) as error:
    print(error)
print(accuracy, labels, probabilities, losses[-1], again, margins.shape, stopped.coef_.T, stopped.alpha_ / 2)

# Functions
W, b = np.zeros((10, 784), np.float32), np.zeros(10, np.float32)
loss, dW, db = fastlin.softmax_loss(X, y, W)
squared = fastlin.hinge_loss(X, y, W, b, power=2, kind="max", rows=np.arange(100), l2=1e-4)
epoch = fastlin.sgd_epoch(X, y, W, b, lr=1e-7, momentum=0.9, batch_size=100)
share: float = fastlin.evaluate(X, y, W, b).accuracy
means: np.ndarray = fastlin.moments(X).mean
scores: np.ndarray = fastlin.softmax(fastlin.scores(X, W, b))
path = fastlin.fit_path(X, y, [0.1, 0.01], eval_set=(X, y))
penalty = fastlin.convert_penalty(C=1.0, n_rows=len(X), n_classes=10)
print(loss, dW.shape, db, squared.loss, epoch.accuracy, share, means, scores, path.best, penalty.alpha * 2)

# Their twins in NumPy
one = reference.softmax_loss(X[:100], y[:100], W, b, l2=1e-4)
two = reference.hinge_loss_naive(X[:5], y[:5], W, b)
reference.sgd_step(W, b, one.dW, one.db, lr=1e-7, velocity=(np.zeros_like(W), np.zeros_like(b)), momentum=0.9)
state = ((np.zeros_like(W), np.zeros_like(b)), (np.zeros_like(W), np.zeros_like(b)))
pass_loss, pass_share = reference.adam_epoch(X[:200], y[:200], W, b, loss="hinge", kind="max", lr=1e-9, moments=state)
twin_labels: np.ndarray = reference.predict(X, W, b)
twin_scores: np.ndarray = reference.softmax(reference.scores(X, W, b))
print(one.loss, two.dW.shape, pass_loss / 2, pass_share / 2, twin_labels, twin_scores, reference.moments(X).variance)

# Features, by themselves and in a pipeline
hog: np.ndarray = features.hog(X, pixels_per_cell=(7, 7), cells_per_block=(2, 2))
colors: np.ndarray = features.color_histogram(X, bins=16, space="gray", norm="l1", power=0.5)
both = features.Concat([("hog", features.HOG(12)), ("grays", features.ColorHistogram(16, "gray", grid=(2, 2)))])
words = features.VisualWords(32, random_state=0).fit(X[:500])
columns: np.ndarray = features.Crops(words, 24).fit(X).transform(X)
rows = features.Polynomial2(interaction_only=True).fit_transform(features.Standardize().fit_transform(hog))
plane = features.PolarCoordinates(center=None, angle="raw").fit_transform(X[:, 14, 13:15, 0])
tamed = features.BiasTrick().fit_transform(features.SignedPower(0.5).fit_transform(rows))
chain = fastlin.make_pipeline("hog").fit(X, y)
other = fastlin.ImagePipeline(both, SVMClassifier(), alpha=0.1).fit(X, y).predict(X)
print(hog.shape, colors.shape, columns.shape, rows, plane, tamed, chain.score(X, y), other)

# Checks, files, pictures, the course
ok: bool = diagnostics.check_gradient("hinge", X[:20] / 255.0, y[:20], W, b, margin=2.0).ok
sound: bool = diagnostics.sanity_suite(model, X, y).ok
guess: float = diagnostics.random_search(X, y, 100).loss
formats.to_onnx(model, "model.onnx", input_dtype="uint8")
formats.write_safetensors(Path("head.safetensors"), formats.to_torch(model))
plotting.templates(model, class_names=data.class_names).savefig("templates.png")
plotting.write_report(model, data, "report.html")
svm = cs231n.LinearSVM()
course: list[float] = svm.train(X, y, learning_rate=1e-7, reg=2.5e4, num_iters=1500, verbose=True)
print(ok, sound, guess, diagnostics.explain_losses([3.2, 5.1, -1.7], 0), course[-1], svm.predict(X))
