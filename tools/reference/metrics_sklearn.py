"""Writes the values that crates/fervor-lab/tests/it/metrics.rs compares with: scikit-learn and SciPy on made-up predictions.

Usage: python tools/reference/metrics_sklearn.py > crates/fervor-lab/tests/data/metrics.json
Made with scikit-learn 1.9.1, SciPy 1.17.1, NumPy 2.
"""

import json

import numpy as np
from scipy.stats import binom, binomtest
from sklearn import metrics


def case(name, seed, n, classes, sharpness, absent=None, extreme=False):
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, n)
    if absent is not None:
        truth[truth == absent] = (absent + 1) % classes
    logits = random.normal(size=(n, classes)) * sharpness
    logits[np.arange(n), truth] += sharpness
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    stored = (exp / exp.sum(axis=1, keepdims=True)).astype(np.float32)
    if extreme:  # sure, and in part wrong
        stored[:5] = np.arange(classes) * 1e-7  # an exact zero, and no two equal: top-k breaks ties in other ways
        stored[np.arange(5), (truth[:5] + np.arange(5) % 2) % classes] = 1.0
    p = stored.astype(np.float64)  # what the Rust side reads
    predicted = p.argmax(axis=1)
    labels = list(range(classes))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    macro = metrics.precision_recall_fscore_support(truth, predicted, average="macro", labels=np.unique(truth), zero_division=0)
    confidence, right = p.max(axis=1), predicted == truth
    ece, bins = 0.0, []
    for i in range(15):
        low, high = i / 15, (i + 1) / 15
        inside = (confidence > low) & (confidence <= high) if i else confidence <= high
        bins.append(int(inside.sum()))
        if inside.any():
            ece += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    # log_loss would warn and brier_score_loss refuse rows that sum to 1 only in single precision: their definitions, then.
    held = np.clip(p, np.finfo(float).eps, 1 - np.finfo(float).eps)
    log_loss = -np.log(held[np.arange(n), truth]).mean()
    brier = ((p - np.eye(classes)[truth]) ** 2).sum(axis=1).mean()
    exact = p / p.sum(axis=1, keepdims=True)
    assert abs(log_loss - metrics.log_loss(truth, exact, labels=labels)) < 1e-6
    if classes > 2:
        assert abs(brier - metrics.brier_score_loss(truth, exact, labels=labels, scale_by_half=False)) < 1e-6
    interval = binomtest(int(right.sum()), n).proportion_ci(0.95, method="wilson")
    return {
        "name": name,
        "classes": classes,
        "truth": truth.tolist(),
        "probabilities": p.ravel().tolist(),
        "confusion": metrics.confusion_matrix(truth, predicted, labels=labels).tolist(),
        "accuracy": metrics.accuracy_score(truth, predicted),
        "accuracy_ci95": [interval.low, interval.high],
        "balanced_accuracy": float(recall[support > 0].mean()),
        "macro_precision": macro[0],
        "macro_recall": macro[1],
        "macro_f1": macro[2],
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "log_loss": log_loss,
        "brier": brier,
        "ece": ece,
        "bins": bins,
        "top2_accuracy": metrics.top_k_accuracy_score(truth, p, k=2, labels=labels) if classes > 2 else 1.0,
    }


def mcnemar(b, c):
    n = b + c
    exact = binomtest(min(b, c), n, 0.5).pvalue
    f = binom.pmf(min(b, c), n, 0.5)
    return {"only_first": b, "only_second": c, "exact": exact, "mid_p": 1 - f / 2 if b == c else exact - f}


print(json.dumps({
    "cases": [
        case("seven classes", 1, 400, 7, 1.5),
        case("a class without samples that is predicted", 2, 150, 5, 0.7, absent=3),
        case("two classes", 3, 90, 2, 1.0),
        case("sure answers, some of them wrong", 4, 60, 4, 3.0, extreme=True),
        case("one sample", 5, 1, 3, 1.0),
    ],
    "mcnemar": [mcnemar(b, c) for b, c in [(0, 5), (3, 9), (10, 10), (40, 25), (250, 301), (1500, 1400)]],
}))
