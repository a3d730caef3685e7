#!/usr/bin/env bash
# Trains the networks of the two reference systems by their own recipes, as models/system-a and models/system-b hold them, and scores
# both on PublicTest, which neither has seen. Interrupted, the same command goes on.
#   tools/train_references.sh TRAIN fer2013.csv.xz [FOLDER FOR RUNS]
# TRAIN is the folder train/ of FER-2013's folder form, with a folder a class: System B draws its 22,968 pictures from file names.
set -euo pipefail
train=$(realpath "$1") table=$(realpath "$2") recipes=$(realpath "$(dirname "$0")/../recipes")
mkdir -p "${3:-.}" && cd "${3:-.}"

# reference NAME MAP DESCRIPTION [OPTIONS]: its run in runs/NAME, its bundle and report in NAME. MAP leaves out classes that it lacks.
reference() {
  local name=$1 map=$2 description=$3 run
  shift 3
  # A run that was stopped before its first checkpoint starts again in its folder.
  run=$(find "runs/$name" -path '*checkpoint*/state.json' 2> /dev/null | head -n 1) || true
  if [ -n "$run" ]; then
    fervor train --resume "$(dirname "$(dirname "$run")")" --data "$train"
  else
    fervor train "$recipes/$name.toml" --data "$train" --set precision=bf16 --out "runs/$name" "$@"
  fi
  run=$(find "runs/$name" -mindepth 1 -maxdepth 1 -type d)
  mkdir -p "$name"
  # On what of TRAIN the run did not learn from.
  fervor calibrate "$run/best.onnx" "$train" --map "$map" --half --anyway --output "$name/$name.onnx" \
    --description "$description" --licence "MIT OR Apache-2.0"
  fervor evaluate "$name/$name.onnx" "$table" --split validation --map "$map" --report "$name/report"
  cp "$run"/{recipe.toml,log.csv,accuracy.png,loss.png} "$name/"
}

reference system-b "" "Seven expressions from 48x48 grey faces: the reference network of System B, trained by its own recipe on its own 22,968 pictures of FER-2013." \
  --set data.split=keras --set early_stopping.patience=15
reference system-a "disgust=-,fear=-,surprise=-,neutral=-" "Happy, sad or angry from 128x128 colour pictures: the reference network of System A, trained by its own recipe on those three classes of FER-2013's Training rows."
