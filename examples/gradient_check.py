"""Checking a gradient that you derived yourself.

A loss can be evaluated; its gradient has to be derived, and derivations go wrong. But the loss knows its slope: move a
weight a little up and a little down, and see what changes.

    numeric = (loss(w + h) - loss(w - h)) / 2h

    python examples/gradient_check.py
"""

import numpy as np

from fastlin.diagnostics import check_gradient, course_loss, sanity_suite

rng = np.random.default_rng(0)
X, y = rng.normal(size=(40, 15)), rng.integers(0, 4, 40)
W, b = 0.5 * rng.normal(size=(4, 15)), 0.1 * rng.normal(size=4)


def my_softmax(X, y, W, b, l2=0.1):
    """Softmax in plain NumPy, in the signature of fastlin's losses: W has a row a class."""
    s = X @ W.T + b
    s -= s.max(axis=1, keepdims=True)
    p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    n = np.arange(len(y))
    loss = -np.log(p[n, y]).mean() + l2 * np.sum(W**2)
    p[n, y] -= 1
    p /= len(y)
    return loss, p.T @ X + 2 * l2 * W, p.sum(axis=0)


print("A loss of one's own, right:\n")
print(check_gradient(my_softmax, X, y, W, b))


def without_the_mean(X, y, W, b):
    loss, dW, db = my_softmax(X, y, W, b, l2=0.0)
    return loss, dW * len(y), db * len(y)


def half_a_penalty(X, y, W, b):
    loss, dW, db = my_softmax(X, y, W, b)
    return loss, dW - 0.1 * W, db


print("\n\nThe mean is in the loss and not in the gradient: everything is too large, by the number of rows.\n")
print(check_gradient(without_the_mean, X, y, W, b, n_entries=4))
print(
    "\n\nThe gradient of l2 * sum(W**2) is 2 l2 W; here the 2 was forgotten. The biases are right, and "
    "so it shows where.\n"
)
print(check_gradient(half_a_penalty, X, y, W, b, n_entries=4))

print(
    "\n\nHow far to move? Too far, and the curve is no line any more; too little, and the two losses "
    "differ in their last"
)
print("digits only. A slope of softmax, measured with different h:\n")
flat = 3
for h in 10.0 ** -np.arange(1, 15, 2):
    above, below = W.copy(), W.copy()
    above.flat[flat] += h
    below.flat[flat] -= h
    numeric = (my_softmax(X, y, above, b)[0] - my_softmax(X, y, below, b)[0]) / (2 * h)
    analytic = my_softmax(X, y, W, b)[1].flat[flat]
    print(f"  h = {h:.0e}   relative error {abs(numeric - analytic) / abs(analytic):.1e}")
print(
    "\nThe best lies near the cube root of the machine's epsilon, 6e-6, which is what check_gradient "
    "takes, in units of"
)
print("the scores: so it does not matter whether features are pixels of 255 or fractions.")

print(
    "\n\nKinks. A hinge bends where a violation is just zero, and a difference across the bend is the "
    "slope of neither side."
)
print("Such an entry is no error, and not counted. Here one image stands on the bend:\n")
images, labels = np.eye(2), np.array([0, 1])
print(check_gradient("hinge", images, labels, np.array([[0.0, 0.3], [-1.0, 0.1]]), n_entries="all", n_directions=0))


def course_svm(W, X, y, reg):
    """The course's form: W has a column a class, and there is no bias."""
    s = X @ W
    n = np.arange(len(y))
    violation = np.maximum(0, s - s[n, y][:, None] + 1)
    violation[n, y] = 0
    ds = (violation > 0).astype(float)
    ds[n, y] = -ds.sum(axis=1)
    return violation.sum() / len(y) + reg * np.sum(W * W), X.T @ ds / len(y) + 2 * reg * W


print("\n\nA function in the course's form, f(W, X, y, reg), is checked through an adapter:\n")
print(repr(check_gradient(course_loss(course_svm, reg=0.05), X, y, W)))

print("\n\nA right gradient is not yet a right loss. The sanity suite asks what every right one answers alike:\n")
labels = np.arange(500) % 4
rows = rng.normal(size=(500, 15)) + 2 * np.eye(4, 15)[labels]
print(sanity_suite(course_loss(course_svm), rows, labels))
