"""What a line cannot separate, and what one more feature does about it: XOR, a ring, spirals, bars.

    python examples/xor_and_ring.py [FOLDER]

With a FOLDER, and matplotlib, the pictures are saved there.
"""

import sys

import numpy as np

import fastlin
from fastlin import SoftmaxClassifier, datasets


def product(points):
    """x0, x1 and x0 * x1, which has the same sign in opposite corners."""
    return np.column_stack([points, points[:, 0] * points[:, 1]])


def polar(points):
    """Distance from the middle, and the direction as a sine and a cosine, as an angle would jump from pi to -pi."""
    radius = np.hypot(points[:, 0], points[:, 1])
    angle = np.arctan2(points[:, 1], points[:, 0])
    return np.column_stack([radius, np.sin(angle), np.cos(angle)])


def spiral(points):
    """The direction, turned back by as much as the arms have wound at this distance."""
    radius = np.hypot(points[:, 0], points[:, 1])
    angle = np.arctan2(points[:, 1], points[:, 0]) - 2 * np.pi * 0.65 * radius
    return np.column_stack([np.sin(angle), np.cos(angle)])


def map_of(model, transform, size=19):
    """The square from -1 to 1, a letter for what is predicted there."""
    axis = np.linspace(-1, 1, size)
    x, y = np.meshgrid(axis, -axis)
    points = np.column_stack([x.ravel(), y.ravel()])
    classes = model.predict(transform(points)).reshape(size, size)
    return ["".join(".#o"[label] * 2 for label in row) for row in classes]


def as_they_are(points):
    return points


pictures = []
for title, maker, transform, name in (
    ("XOR: opposite corners are of one class", datasets.make_xor, product, "x0 * x1 added"),
    ("A disc in a ring", datasets.make_ring, polar, "polar coordinates"),
    ("Three spirals", datasets.make_spirals, spiral, "angle less the winding"),
):
    print(f"{title}.\n")
    X, y = maker(1000)
    X_new, y_new = maker(1000, seed=1)
    maps = []
    for features in (as_they_are, transform):
        model = SoftmaxClassifier(random_state=0).fit(features(X), y)
        accuracy = model.score(features(X_new), y_new)
        maps.append([f"{'raw' if features is as_they_are else name}: {accuracy:.1%}", *map_of(model, features)])
        pictures.append((maker.__name__.removeprefix("make_"), features, model, X, y))
    for left, right in zip(*maps, strict=True):
        print(f"  {left:42}{right}")
    print()

print("A bar that lies or stands, anywhere in an image of 8 x 8 pixels: a picture's own XOR.\n")
X, y = datasets.make_bars(1000)
X_new, y_new = datasets.make_bars(1000, seed=1)


def spread(images):
    """How much the rows' sums vary, and how much the columns' do."""
    grey = images[..., 0].astype(np.float64)
    return np.column_stack([grey.sum(axis=2).std(axis=1), grey.sum(axis=1).std(axis=1)])


raw = SoftmaxClassifier(random_state=0).fit(X, y).score(X_new, y_new)
better = SoftmaxClassifier(random_state=0).fit(spread(X), y).score(spread(X_new), y_new)
print(f"  pixels: {raw:.1%}, a guess: on average every pixel is as bright in one class as in the other.")
print(f"  two numbers of each image, the spread of its rows' and of its columns' sums: {better:.1%}.")
print("\nThe classifier is the same each time. What changed is the question put to it.")

if len(sys.argv) > 1:
    from fastlin.plotting import decision_regions

    for name, features, model, X, y in pictures:
        which = "raw" if features is as_they_are else features.__name__
        decision_regions(model, X, y, transform=features).savefig(f"{sys.argv[1]}/{name}_{which}.png", dpi=160)
    print(f"{len(pictures)} pictures saved in {sys.argv[1]}; fastlin {fastlin.__version__}")
