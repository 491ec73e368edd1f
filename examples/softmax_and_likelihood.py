"""Softmax: scores as probabilities, and the loss as the likelihood of the labels.

    p_j = exp(s_j) / sum_k exp(s_k)        loss = -log p_y

    python examples/softmax_and_likelihood.py
"""

import numpy as np

import fastlin
from fastlin.diagnostics import explain_losses

print("Scores are log-probabilities up to a constant: exponentiate, and divide by the sum.\n")
scores = np.array([3.2, 5.1, -1.7])
e = np.exp(scores)
print(f"  scores         {scores}")
print(f"  exp(scores)    {e.round(2)}")
print(f"  probabilities  {fastlin.softmax(scores).round(3)}")
print(f"  -log p(cat)    {explain_losses(scores, 0).softmax:.4f}")

print("\nA constant added to all scores changes nothing, which is what keeps large ones computable: with scores around")
print("a thousand exp() overflows, and the largest one is subtracted first.")
print(f"  softmax([1003.2, 1005.1, 998.3]) = {fastlin.softmax(scores + 1000).round(3)}")

print("\nMaximum likelihood. A model says how probable each label is, and labels that are drawn independently have the")
print(
    "product of those as their probability. Its logarithm is a sum, and with a minus and divided by N it "
    "is the loss."
)
print("A coin shows it: 70 heads in 100 throws. The model has one number, the score of heads; tails has 0.\n")
y = np.repeat([1, 0], [70, 30])
ones = np.ones((100, 1))
for p in (0.5, 0.6, 0.7, 0.8, 0.9):
    W = np.array([[0.0], [np.log(p / (1 - p))]])
    loss = fastlin.softmax_loss(ones, y, W).loss
    print(
        f"  p(heads) = {p:.1f}   loss {loss:.4f}   probability of the 100 throws: exp(-100 * loss) = "
        f"{np.exp(-100 * loss):.2e}"
    )
W = np.zeros((2, 1))
for _ in range(200):
    loss, dW, _ = fastlin.softmax_loss(ones, y, W)
    W -= 2.0 * dW
p = fastlin.softmax(W[:, 0])[1]
print(
    f"\nThe loss is least at the share that was seen. Gradient descent finds it: p(heads) = {p:.4f}, loss "
    f"{loss:.4f}."
)
print("That least loss is the entropy of the coin: no model that knows only the coin can do better.")

print("\nThe gradient with respect to the scores is p - 1[y]: what is predicted less what happened.")
W = np.array([[3.2], [5.1], [-1.7]])
_, dW, _ = fastlin.softmax_loss(np.ones((1, 1)), [0], W)
print(f"  of the example above: {dW[:, 0].round(3)}: the cat is pushed up by just what was taken from it.")

print("\nOn photographs of clothes. Before training every class is as probable as any other:")
data = fastlin.datasets.load_fashion_mnist_small()
model = fastlin.SoftmaxClassifier(random_state=0).fit(data.X_train, data.y_train)
W0 = np.zeros((10, 784), np.float32)
print(
    f"  loss with zero weights {fastlin.softmax_loss(data.X_train, data.y_train, W0).loss:.4f}, log 10 = "
    f"{np.log(10):.4f}"
)
proba = model.predict_proba(data.X_test)
sure, right = proba.max(axis=1), model.predict(data.X_test) == data.y_test
print(f"  after training, on new images: accuracy {right.mean():.1%}, and how sure it is means something:")
for low, high in ((0.2, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01)):
    chosen = (sure >= low) & (sure < high)
    print(
        f"    where it says {low:.0%} to {min(high, 1):.0%}: {chosen.sum():4d} images, "
        f"{right[chosen].mean():.0%} right"
    )
print("\nA probability depends on how large the weights are, too. The same scores, halved by a stronger penalty:")
print(f"  softmax([1, -2, 0])    = {fastlin.softmax([1.0, -2.0, 0.0]).round(2)}")
print(f"  softmax([0.5, -1, 0])  = {fastlin.softmax([0.5, -1.0, 0.0]).round(2)}: the same order, less sure.")
