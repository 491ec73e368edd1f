"""A linear classifier compares every image with one picture a class, its template; this shows the templates.

    python examples/templates.py [DATA]

DATA is a name or a path, as of `fastlin train --data`; by default small images of clothes that come with fastlin.
Two files are written to the folder it runs in, templates.png and evidence.png, the second if there is matplotlib.
"""

import importlib.util
import sys

import numpy as np

from fastlin import SoftmaxClassifier, datasets
from fastlin.plotting import save_templates_png, template_images

data = datasets.load(sys.argv[1] if len(sys.argv) > 1 else "fashion-mnist-small")
model = SoftmaxClassifier(alpha=0.01, random_state=0).fit(data.X_train, data.y_train)
print(f"{data.name}: {model.score(data.X_test, data.y_test):.1%} of the test images are classified rightly.\n")

print("A score is W x + b: a sum of products, pixel by pixel. A row of W has as many numbers as an image has,")
print("so it can be looked at as one. Where it is bright, a bright pixel speaks for the class; where it is dark,")
print("against it; mid grey does not care.\n")

save_templates_png(model, "templates.png", columns=5)
print("The templates are in templates.png. In letters, of the first two classes:\n")
shown = template_images(model).pixels.astype(float).mean(axis=3)
letters = " .:-=+*#%@"
pair = []
for template in shown[:2]:
    # Two rows make one line, as letters are twice as high as wide.
    lines = (template[: len(template) // 2 * 2 : 2] + template[1::2]) / 2
    pair.append(["".join(letters[int(v * len(letters) / 256)] for v in line) for line in lines])
for left, right in zip(*pair, strict=True):
    print(f"    {left}      {right}")

names = data.class_names or [str(label) for label in model.classes_]
mean = [data.X_train[data.y_train == label].mean(axis=(0, 3)) for label in model.classes_]
print("\nA template is not the mean image of its class, as it holds what tells the class from the others:")
for name, template, average in zip(names, shown, mean, strict=True):
    alike = np.corrcoef(template.ravel(), average.ravel())[0, 1]
    print(f"    {name:12}  correlation with the class's mean image {alike:+.2f}")

if importlib.util.find_spec("matplotlib"):
    from fastlin.plotting import evidence

    evidence(model, data.X_test[0], class_names=names).savefig("evidence.png", dpi=160)
    print("\nWhat in the first test image spoke for and against its three best classes is in evidence.png.")
else:
    print("\nFor a picture of the evidence in one image: pip install 'fastlin[plot]'")
