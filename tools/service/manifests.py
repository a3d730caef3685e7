"""Checks deploy/ against the schemas of Kubernetes' API: objects of its own whole, of others (KServe, KubeRay) the pods inside.

    pip install kubernetes-validate
    python tools/service/manifests.py [1.34 1.37]
"""

import pathlib
import sys

import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2] / "deploy"
# Kinds of others, and where their pods are: a path of keys to a pod's spec, or to a template of one.
PODS = {
    "InferenceService": [("spec", "predictor")],
    "RayJob": [
        ("spec", "rayClusterSpec", "headGroupSpec", "template", "spec"),
        ("spec", "rayClusterSpec", "workerGroupSpecs", 0, "template", "spec"),
    ],
}
# What an InferenceService adds to a pod's spec.
OF_KSERVE = {"minReplicas", "maxReplicas", "scaleMetric", "scaleTarget"}


def pods(manifest):
    for path in PODS.get(manifest["kind"], []):
        spec = manifest
        for key in path:
            spec = spec[key]
        spec = {key: value for key, value in spec.items() if key not in OF_KSERVE}
        assert spec.get("enableServiceLinks") is False, f"{manifest['kind']}: enableServiceLinks"
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "inside"}, "spec": spec}


def main():
    versions = sys.argv[1:] or [kubernetes_validate.latest_version()]
    count = 0
    for path in sorted(ROOT.glob("*.yaml")):
        for manifest in yaml.safe_load_all(path.read_text()):
            if "kind" not in manifest:
                continue  # values of a chart
            checked = list(pods(manifest)) or [manifest]
            for version in versions:
                for each in checked:
                    kubernetes_validate.validate(each, version, strict=True)
                    count += 1
            print(f"{path.name}: {manifest['kind']} {manifest['metadata']['name']}")
    print(f"{count} checks against {', '.join(versions)}")


if __name__ == "__main__":
    main()
