"""Regularisation: which of many weights that do the same, and what a margin has to do with it.

    python examples/regularisation.py
"""

import numpy as np

import fastlin
from fastlin import LinearClassifier

print("1. Two sets of weights, one row: x = [1, 1, 1, 1].\n")
x = np.ones((1, 4))
for w in ([1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]):
    W = np.array([w])
    score = fastlin.scores(x, W)[0, 0]
    # One class has no data loss, so what the loss function returns is the penalty alone.
    l2, l1 = (fastlin.softmax_loss(x, [0], W, **{name: 1.0}).loss for name in ("l2", "l1"))
    print(f"  w = {w!s:26}  score {score:.2f}   sum of squares {l2:.2f}   sum of absolute values {l1:.2f}")
print(
    "\nThe scores are the same, so the data cannot choose. L2 prefers the second: it spreads the weight "
    "over all inputs,"
)
print(
    "and no single one decides. L1 is indifferent here; where inputs differ in use it keeps the best and "
    "drops the rest."
)

print("\n2. L1 makes zeros. Twenty inputs, of which three matter.\n")
rng = np.random.default_rng(0)
X = rng.normal(size=(600, 20))
y = (X[:, :3].sum(axis=1) + 0.5 * rng.normal(size=600) > 0).astype(int)
for penalty, name in (("l2", "L2"), ("l1", "L1")):
    model = LinearClassifier("softmax", alpha=0.1, penalty=penalty, max_iter=100, random_state=0).fit(X, y)
    w = model.coef_[0]
    print(f"  {name}: {np.count_nonzero(w):2d} of 20 weights are not zero, accuracy {model.score(X, y):.1%}")
    print(f"      {np.array2string(w.round(2) + 0.0, max_line_width=110, prefix='      ')}")
print(
    "\nThe zeros are exact: L1 takes the same from a small weight as from a large one, until nothing is "
    "left; L2 takes a"
)
print("share of what there is, so a small weight loses little, and none is ever used up.")

print("\n3. Does the margin matter? Margin 0 and margin 100.\n")
centre = np.array([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
y = np.arange(300) % 3
X = np.column_stack([centre[y] + rng.normal(size=(300, 2)), np.ones(300)])  # the last column is the bias


def descend(margin, l2=0.0, steps=2000, start=None):
    """Plain gradient descent on the hinge loss; the rate falls, as the hinge has kinks at its lowest points."""
    W = np.zeros((3, 3)) if start is None else start.copy()
    for step in range(steps):
        _, dW, _ = fastlin.hinge_loss(X, y, W, margin=margin, l2=l2)
        W -= 0.5 * max(margin, 1.0) / (1 + 0.05 * step) / (1 + 2 * l2 * margin) * dW
    return W


print("Margin 0 asks only that the right score not be smaller. All weights zero do that: every score is 0, every term")
print("max(0, 0 - 0 + 0) = 0, the loss is at its least, and nothing has been learned. So the library refuses it:")
try:
    fastlin.hinge_loss(X, y, np.zeros((3, 3)), margin=0.0)
except ValueError as error:
    print(f"  ValueError: {error}")
tiny = fastlin.hinge_loss(X, y, np.zeros((3, 3)), margin=1e-6).loss
print(
    f"Just above it, at a margin of 0.000001, zero weights cost {tiny:g}: any rounding is as large as "
    "what is to be won.\n"
)

print("Margin 1 and margin 100, without a penalty:")
W1, W100 = descend(1.0), descend(100.0)
for margin, W in ((1.0, W1), (100.0, W100)):
    loss = fastlin.hinge_loss(X, y, W, margin=margin).loss
    accuracy = np.mean(fastlin.predict(X, W) == y)
    print(f"  margin {margin:5g}   loss {loss:8.4f}   |W| {np.linalg.norm(W):8.2f}   accuracy {accuracy:.1%}")
same = np.mean(fastlin.predict(X, W1) == fastlin.predict(X, W100))
print(
    f"The weights grew a hundred times larger with the margin, and the decisions are the same on "
    f"{same:.1%} of the rows."
)
exact = fastlin.hinge_loss(X, y, 100 * W1, margin=100.0).loss / fastlin.hinge_loss(X, y, W1, margin=1.0).loss
print(f"Indeed loss(100 W, margin 100) = {exact:.6g} loss(W, margin 1): scaling W scales every score difference, so a")
print("margin by itself says nothing. It only sets the unit that scores are measured in.\n")

print("What gives it a meaning is the penalty, which makes large weights cost something. With l2 = 0.1 in both:")
for margin in (1.0, 100.0):
    W = descend(margin, l2=0.1)
    loss = fastlin.hinge_loss(X, y, W, margin=margin)
    data = loss.loss / margin
    penalty = 0.1 * np.sum(W**2)
    accuracy = np.mean(fastlin.predict(X, W) == y)
    print(
        f"  margin {margin:5g}   data loss / margin {data:7.4f}   penalty {penalty:9.3f}   |W| "
        f"{np.linalg.norm(W):7.3f}   accuracy {accuracy:.1%}"
    )
print(
    "Now the two differ: to keep a margin of 100 against the penalty, the data loss is traded for small "
    "weights. It is"
)
print("the ratio that counts: margin 100 with l2 = 0.001 is margin 1 with l2 = 0.1, a hundred times larger.")
W = descend(100.0, l2=0.001)
again = descend(1.0, l2=0.1)
print(f"  |W| / 100 at (100, 0.001): {np.linalg.norm(W) / 100:.4f}      |W| at (1, 0.1): {np.linalg.norm(again):.4f}")
print("So fix the margin at 1, and tune the penalty alone.")
