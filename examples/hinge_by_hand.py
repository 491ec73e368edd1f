"""The multiclass hinge loss, worked by hand.

A linear classifier gives every class a score. The hinge loss asks one thing of them: that the score of the right class
be larger than each of the others by at least a margin. For each class that is too near, or ahead, it charges what is
missing; for all others nothing:

    L_i = sum over j != y_i of max(0, s_j - s_{y_i} + margin)

    python examples/hinge_by_hand.py
"""

import numpy as np

import fastlin
from fastlin.diagnostics import explain_losses

classes = ["cat", "car", "frog"]
# Scores of three images, a row each: of a cat, of a car, of a frog.
scores = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
labels = np.array([0, 1, 2])

print("The cat scores 3.2 as a cat, 5.1 as a car and -1.7 as a frog. What does that cost?\n")
total = 0.0
for j, name in enumerate(classes):
    if j == 0:
        print("  cat    the right class: it owes nothing to itself")
        continue
    violation = scores[0, j] - scores[0, 0] + 1.0
    charge = max(0.0, violation)
    total += charge
    print(f"  {name:5}  {scores[0, j]:4.1f} - 3.2 + 1 = {violation:4.1f}, so it costs {charge:.1f}")
print(f"\nThe car costs 2.9, the frog is far enough behind and costs nothing: together {total:.1f}.")
print("The whole table, with the other losses, and what a better score for the cat would change:\n")
print(explain_losses(scores[0], labels[0], class_names=classes))

losses = [explain_losses(row, label).hinge for row, label in zip(scores, labels, strict=True)]
print(f"\nThe three images cost {losses[0]:.1f}, {losses[1]:.1f} and {losses[2]:.1f}; the loss is their mean:", end=" ")
# The library computes scores itself, from rows X and weights W. With X the identity, row n of it picks column n of W:
# the scores are then just the ones above.
loss, dW, _ = fastlin.hinge_loss(np.eye(3), labels, scores.T.copy())
print(f"{loss:.2f}")

print("\nIts gradient with respect to the scores, a row an image, times 3 to undo the mean:\n")
print(np.round(3 * dW.T, 3) + 0.0)
print(
    "\nRow 0: the car is pushed down by one and the cat up by one. Row 1: all is well, nothing moves. Row 2: both"
    "\nothers are pushed down by one, and the frog up by two. A class that keeps its distance is left alone, however"
    "\nfar it is: that is what tells this loss from softmax, which is never content."
)

print("\nThree questions, with the library's answers:")
zero = np.zeros((10, 5))
X, y = np.random.default_rng(0).random((100, 5)), np.arange(100) % 10
print(f"  What do ten classes cost when all weights are zero? {fastlin.hinge_loss(X, y, zero).loss:.1f}, C - 1.")
print(f"  And at a margin of 3? {fastlin.hinge_loss(X, y, zero, margin=3.0).loss:.1f}, (C - 1) times the margin.")
squared = fastlin.hinge_loss(np.eye(3), labels, scores.T.copy(), power=2).loss
print(f"  And if each violation is squared? The images cost {squared:.2f}: the largest one now rules.")
