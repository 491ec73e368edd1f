"""Image features: a linear classifier is as good as the space its rows lie in.

Raw pixels make one template a class, and a template matches a garment only where it lies just so. Features keep what
tells classes apart and drop where exactly it was: a histogram of oriented gradients counts the directions of edges in
each cell; visual words count small patches that occur again and again. The classifier on top stays the same.

Run: python examples/features.py (a few seconds, on the bundled subset of Fashion-MNIST)
"""

from __future__ import annotations

import time

from fastlin import SoftmaxClassifier, datasets, features

data = datasets.load_fashion_mnist_small()
X_train, X_test = data.X_train, data.X_test
y_train, y_test = data.y_train, data.y_test


def report(name, train, test):
    # Many features can learn six thousand images by heart: the penalty is stronger than it is by default.
    model = SoftmaxClassifier(alpha=1e-2, random_state=0).fit(train, y_train)
    n_features = train[0].size
    print(f"  {name:<34}{n_features:>6} numbers an image, test accuracy {model.score(test, y_test):.1%}")


print(f"{len(X_train)} images of clothes to train on, {len(X_test)} to test:\n")
report("pixels", X_train, X_test)

print("\n1. Histograms of oriented gradients: which way edges run, in cells of 7 x 7 pixels.\n")
settings = {"pixels_per_cell": (7, 7), "cells_per_block": (2, 2)}
began = time.perf_counter()
train, test = features.hog(X_train, **settings), features.hog(X_test, **settings)
microseconds = (time.perf_counter() - began) / (len(X_train) + len(X_test)) * 1e6
report("edges, blind to their sign", train, test)
signed = {**settings, "signed": True, "orientations": 18, "interpolate": True}
report("edges with sign, votes shared", features.hog(X_train, **signed), features.hog(X_test, **signed))
print(f"\n  ({microseconds:.0f} microseconds an image. Dalal and Triggs 2005; blocks make it blind to contrast.)")

print("\n2. Visual words: patches of 6 x 6 pixels, compared with a dictionary learned from the images themselves.\n")
for n_words in (8, 32, 128):
    words = features.VisualWords(n_words, random_state=0).fit(X_train)
    report(f"{n_words} words", words.transform(X_train), words.transform(X_test))
print("\n  More words, finer vocabulary. (Coates, Lee and Ng 2011.) Nobody told the dictionary what a sleeve is.")

print("\n3. Side by side: what one misses the other may see.\n")
both = features.Concat([("edges", features.HOG(**signed)), ("words", features.VisualWords(64, random_state=0))])
report("edges and 64 words", both.fit_transform(X_train), both.transform(X_test))
