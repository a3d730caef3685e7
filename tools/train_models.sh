#!/usr/bin/env bash
# Trains every built-in model from nothing: about eleven hours on two cores, half of them for the wide teacher. Interrupted, the same command goes on.
#   tools/train_models.sh fer2013.csv.xz ferplus.csv [FOLDER FOR RUNS]
set -euo pipefail
data=$(realpath "$1") votes=$(realpath "$2") recipes=$(realpath "$(dirname "$0")/../recipes")
mkdir -p "${3:-.}" && cd "${3:-.}"

# step NAME RECIPE [OPTIONS]: the run's folder becomes runs/NAME.
step() {
  local name=$1 recipe=$2 run= state
  shift 2
  if [ -e "runs/$name" ]; then return; fi
  for state in "runs/$name.parts"/*/{checkpoint,.checkpoint.old}/state.json; do
    if [ -e "$state" ]; then run=$(dirname "$(dirname "$state")"); break; fi
  done
  if [ -n "$run" ]; then
    fervor train --resume "$run" --data "$data" --votes "$votes"
  else
    # A run that was stopped before its first checkpoint starts again in its folder.
    fervor train "$recipes/$recipe.toml" --data "$data" --votes "$votes" --out "runs/$name.parts" "$@"
    run=$(find "runs/$name.parts" -mindepth 1 -maxdepth 1 -type d)
  fi
  mv "$run" "runs/$name"
  rmdir "runs/$name.parts"
}

step teacher fervor-48

# It settles twice: the first time briefly, to be one of the teachers of the second.
step distilled fervor-48-distilled --set 'distill.teachers=["runs/teacher"]'
step settled-once fervor-48-settled --from runs/distilled --set 'distill.teachers=["runs/teacher"]' --set distill.weight=0.3 \
  --set epochs=3 --set optimizer.learning_rate=0.004 --set seed=5
step labels fervor-48-settled --from runs/distilled --set 'distill.teachers=["runs/settled-once", "runs/teacher"]'

step fervor-48-votes fervor-48-votes --from runs/distilled

step two-heads fervor-48-two-heads --from runs/labels --set 'distill.teachers=["runs/labels"]'
step heads-settled fervor-48-settled-heads --from runs/two-heads --set 'distill.teachers=["runs/labels"]'

# A network four times as large, which is not shipped: what it and the steps before say of changed pictures is what the last step learns from.
step teacher-wide teacher-wide
step teacher-wide-settled teacher-wide-settled --from runs/teacher-wide
step fervor-48 fervor-48-fixed-chips --from runs/heads-settled \
  --set 'distill.teachers=["runs/teacher-wide-settled", "runs/two-heads", "runs/heads-settled"]'

step nano-labels fervor-nano --set 'distill.teachers=["runs/labels"]'
step nano-two-heads fervor-nano-two-heads --from runs/nano-labels --set 'distill.teachers=["runs/heads-settled"]'
step nano-fixed-chips fervor-nano-fixed-chips --from runs/nano-two-heads --set 'distill.teachers=["runs/heads-settled"]'
step fervor-nano fervor-nano-fixed-chips --from runs/nano-fixed-chips --set 'distill.teachers=["runs/fervor-48"]' \
  --set seed=74 --set epochs=50 --set optimizer.learning_rate=0.04 --set distill.augmentations=6

# ship MODEL [OPTIONS]: the calibrated bundle.
ship() {
  local model=$1
  shift
  fervor calibrate "runs/$model/best.onnx" "$data" --split validation --output "$model.onnx" "$@"
}

ship fervor-48-votes --half --votes "$votes"

# How two heads become one answer is fitted on photographs, a folder with a folder a class: PHOTOGRAPHS=FOLDER tools/train_models.sh ...
for model in fervor-48 fervor-nano; do
  if [ $model = fervor-48 ]; then bits=--eight-bits; else bits=; fi
  if [ -n "${PHOTOGRAPHS:-}" ]; then
    fervor calibrate "runs/$model/best.onnx" "$PHOTOGRAPHS" --faces detect --eyes 0.37,0.33 $bits --blend --quarter --output "$model.onnx"
  else
    ship "$model" --quarter
  fi
done
