"""A user's ten lines, for a type checker at its strictest: see test_typing.py."""

import numpy as np

import fastlin
from fastlin import SoftmaxClassifier, SVMClassifier, load_model

data = fastlin.datasets.load_fashion_mnist_small()
X, y = data.X_train, np.asarray(data.y_train)
model = SoftmaxClassifier(alpha=1e-3, solver="sgd", learning_rate="cosine", class_weight="balanced", random_state=0)
accuracy: float = model.fit(X, y).score(X, y)
labels: np.ndarray = model.predict(X[:3])
probabilities: np.ndarray = model.predict_proba(X[:3])
losses: np.ndarray = model.history_["loss"]
model.save("model.npz")
again = load_model("model.npz").set_params(n_threads=1)
margins: np.ndarray = SVMClassifier("squared_hinge", margin=2.0).fit(X, y).decision_function(X)
loss, dW, db = fastlin.softmax_loss(X, y, np.zeros((10, 784), np.float32))
print(accuracy, labels, probabilities, losses[-1], again, margins.shape, loss, dW.shape, db)
