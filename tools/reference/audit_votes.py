"""Measures model-based findings on FER-2013 against FER+ votes: suspect labels, and pictures without a face.

    fervor audit fer2013.csv.xz --suspects --faces --format json > audit.json
    python tools/reference/audit_votes.py audit.json ferplus.csv fer2013-names.csv

The third file tells the labels of all rows. A suspect label counts as right where FER+'s annotators gave another class more votes than the label. A picture counts as no face where
`NF` got the most votes. The share of all rows for which this holds is given beside: what a random choice would reach.
"""

import csv
import json
import sys

FERPLUS = {"neutral": "neutral", "happiness": "happy", "surprise": "surprise", "sadness": "sad", "anger": "angry",
           "disgust": "disgust", "fear": "fear", "contempt": "contempt"}


def wrong(votes, label):
    """Whether another class, or `unknown` or `NF`, has more votes than the label."""
    own = sum(count for name, count in votes.items() if FERPLUS.get(name) == label)
    return max(votes.values()) > own


def main():
    report = json.load(open(sys.argv[1]))
    votes, usages = [], []
    for row in csv.DictReader(open(sys.argv[2])):
        votes.append({name: int(row[name]) for name in [*FERPLUS, "unknown", "NF"]})
        usages.append(row["Usage"])
    findings = {finding["kind"]: finding for finding in report["findings"]}
    row_of = lambda item: int(item["id"].split(":")[1])
    labels = {}
    if len(sys.argv) > 3:
        for number, row in enumerate(csv.DictReader(open(sys.argv[3]))):
            labels[number] = row["label"]
    suspects = findings.get("suspect_label")
    if suspects:
        for name, usage in (("all", None), ("Training", "Training"), ("PublicTest", "PublicTest")):
            items = [item for item in suspects["items"] if usage in (None, usages[row_of(item)])]
            right = [wrong(votes[row_of(item)], item["label"]) for item in items]
            same = [max(votes[row_of(item)], key=votes[row_of(item)].get) for item in items]
            agree = [FERPLUS.get(top) == item["suggestion"] for top, item in zip(same, items)]
            rows = [number for number in labels if usage in (None, usages[number])]
            base = sum(wrong(votes[number], labels[number]) for number in rows) / len(rows) if rows else float("nan")
            print(f"suspect labels, {name}: {len(items)}; of all rows {100 * base:.1f} % are wrong by votes")
            for top in (100, 500, 1000, len(items)):
                if top <= len(items):
                    print(f"  first {top:>6}: precision {100 * sum(right[:top]) / top:.1f} %, "
                          f"suggestion is the annotators' first choice {100 * sum(agree[:top]) / top:.1f} %")
    faces = findings.get("not_a_face")
    truth = {number for number, row in enumerate(votes) if max(row.values()) == row["NF"]}
    some = {number for number, row in enumerate(votes) if row["NF"] > 0}
    if faces:
        rows = [(row_of(item), item["value"]) for item in faces["items"]]
        print(f"no face: {len(rows)} found; {len(truth)} by most votes for NF, {len(some)} with any")
        for bound in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6):
            under = {row for row, score in rows if score < bound}
            if under:
                print(f"  score < {bound:.2f}: {len(under):>5}, precision {100 * len(under & truth) / len(under):.1f} % "
                      f"(any NF vote {100 * len(under & some) / len(under):.1f} %), recall {100 * len(under & truth) / len(truth):.1f} %")


if __name__ == "__main__":
    main()
