"""Three ways to find W: guess, follow the slope, and follow a cheap estimate of the slope.

    python examples/from_random_search_to_sgd.py
"""

import time

import numpy as np

import fastlin
from fastlin.diagnostics import random_search

data = fastlin.datasets.load_fashion_mnist_small()
X, y, X_test, y_test = data.X_train, data.y_train, data.X_test, data.y_test
print(f"{len(X)} photographs of clothes in ten kinds; guessing blindly is right for one in ten.\n")


def accuracy(W, b):
    return np.mean(fastlin.predict(X_test, W, b) == y_test)


print("1. Guess. A thousand random W, each scored on all the images; the one of least loss wins.\n")
began = time.perf_counter()
found = random_search(X, y, 1000, loss="softmax")
seconds = time.perf_counter() - began
print(found)
print(
    f"\nOn new images it is right for {accuracy(found.W, found.b):.1%}, after {seconds:.1f} s. The first "
    "guesses improve"
)
print("fast and the last hundreds hardly at all: in 7850 dimensions nearly all directions are bad.")

print("\n2. Follow the slope. The gradient says which of all directions leads down fastest, for the price of about two")
print("guesses. Rows are standardised on the way (shift and scale are folded into W; the images stay bytes).\n")
mean, variance = fastlin.moments(X)
folding = {"shift": mean, "scale": 1 / np.sqrt(variance + 100.0)}


def raw(W, b):
    """The same classifier, for raw pixels."""
    coef = W * folding["scale"]
    return coef.astype(np.float32), (b - coef @ folding["shift"]).astype(np.float32)


W, b = np.zeros((10, 784), np.float32), np.zeros(10, np.float32)
began = time.perf_counter()
for step in range(101):
    loss, dW, db = fastlin.softmax_loss(X, y, W, b, **folding)
    if step in (0, 1, 2, 5, 10, 20, 50, 100):
        print(f"  step {step:3d}   loss {loss:.4f}   accuracy on new images {accuracy(*raw(W, b)):.1%}")
    fastlin.sgd_step(W, b, dW, db, lr=0.01)
print(f"\nOne step along the gradient is worth more than the thousand guesses. ({time.perf_counter() - began:.1f} s)")

print(
    "\n3. Estimate the slope. Each of those steps read all 6000 images. 100 of them give nearly the same "
    "direction for a"
)
print("sixtieth of the work, so that one pass over the images takes sixty steps instead of one.\n")
_, full, _ = fastlin.softmax_loss(X, y, np.zeros((10, 784), np.float32), **folding)
rng = np.random.default_rng(0)
for size in (10, 100, 1000):
    rows = rng.choice(len(X), size, replace=False)
    _, part, _ = fastlin.softmax_loss(X, y, np.zeros((10, 784), np.float32), rows=rows, **folding)
    cosine = np.sum(full * part) / np.linalg.norm(full) / np.linalg.norm(part)
    print(f"  gradient of {size:4d} images: cosine of the angle to that of all: {cosine:.3f}")
print()
W, b = np.zeros((10, 784), np.float32), np.zeros(10, np.float32)
began = time.perf_counter()
for epoch in range(1, 6):
    loss, _ = fastlin.sgd_epoch(X, y, W, b, order=rng.permutation(len(X)), batch_size=100, lr=0.005, **folding)
    print(f"  pass {epoch}   running loss {loss:.4f}   accuracy on new images {accuracy(*raw(W, b)):.1%}")
print(
    f"\nFive passes, {time.perf_counter() - began:.1f} s, and further than a hundred full steps. An "
    "estimator does the same"
)
model = fastlin.SoftmaxClassifier(random_state=0).fit(X, y)
print(
    f"with momentum and a rate from the data: SoftmaxClassifier().fit(X, y) reaches "
    f"{model.score(X_test, y_test):.1%}."
)
