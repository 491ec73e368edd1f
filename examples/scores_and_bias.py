"""Scores: a template a class, and the bias as one more column.

    f(x, W, b) = W x + b

    python examples/scores_and_bias.py
"""

import numpy as np

import fastlin

print("A picture of four pixels, stretched into a column, and three classes, each with a row of four weights.\n")
x = np.array([[56.0, 231.0, 24.0, 2.0]])
W = np.array([[0.2, -0.5, 0.1, 2.0], [1.5, 1.3, 2.1, 0.0], [0.0, 0.25, 0.2, -0.3]])
b = np.array([1.1, 3.2, -1.2])
for name, w, bias, score in zip(["cat", "dog", "ship"], W, b, fastlin.scores(x, W, b)[0], strict=True):
    terms = " + ".join(f"{weight:g}*{pixel:g}" for weight, pixel in zip(w, x[0], strict=True))
    print(f"  {name:4}  {terms} + {bias:g} = {score:.2f}")
print(
    "\nEach class has its own row, and the rows do not know of one another: one matrix product does all "
    "of them at once."
)

print(
    "\nA score is an inner product, so a row of W is a picture, too: that which its class gives the most "
    "score for its"
)
print(
    "brightness. It is called the template of the class. Trained on photographs of clothes, each weight "
    "times how much its"
)
print("pixel varies, drawn in letters:\n")
data = fastlin.datasets.load_fashion_mnist_small()
model = fastlin.SoftmaxClassifier(alpha=0.1, random_state=0).fit(data.X_train, data.y_train)
shown = [1, 8]  # trousers and bags
strength = model.coef_ * np.sqrt(fastlin.moments(data.X_train).variance)
templates = [strength[k].reshape(28, 28)[::2] / np.abs(strength[k]).max() for k in shown]


def letter(w):
    return "#" if w > 0.4 else "+" if w > 0.12 else "-" if w < -0.12 else " "


print("   ".join(data.class_names[k].ljust(28) for k in shown))
for rows in zip(*templates, strict=True):
    print("   ".join("".join(map(letter, row)) for row in rows))
print("\n(# and + speak for the class, - against it.)")

print("\nThe bias trick: append a 1 to every row, and b becomes one more column of W.")
rows = data.X_test.reshape(len(data.X_test), -1).astype(np.float32)
joined_rows = np.column_stack([rows, np.ones(len(rows), np.float32)])
joined_W = np.column_stack([model.coef_, model.intercept_])
apart = fastlin.scores(rows, model.coef_, model.intercept_)
joined = fastlin.scores(joined_rows, joined_W)
print(f"  scores with b: {apart[0, :3].round(3)}...   with the column: {joined[0, :3].round(3)}...")
print(f"  largest difference over {len(rows)} images: {np.abs(apart - joined).max():.1e}, rounding of float32")
print("The library takes b by itself all the same: appending a column copies all images, and a penalty on W would then")
print("fall on the bias as well.")

print(
    "\nWithout a bias the score is linear: f(3 x) = 3 f(x). A picture three times as bright has scores "
    "three times as"
)
print("large, and the same largest one.")
s, s3 = fastlin.scores(x, W), fastlin.scores(3 * x, W)
print(f"  f(x) = {s[0].round(2)}, f(3 x) = {s3[0].round(2)}")
print("So a score by itself has no unit. What counts is which is larger, and by how much compared with the margin.")
