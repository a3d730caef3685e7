// The table that `fervor predict --format csv` writes: a row a face, pictures without faces and errors included.

const quoted = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? ""));

/** A number as programs of all languages read it: without an exponent. */
function plain(number) {
  if (number < 0) return `-${plain(-number)}`;
  const [digits, exponent] = String(number).split("e-");
  return exponent ? `0.${"0".repeat(Number(exponent) - 1)}${digits.replace(".", "")}` : digits;
}

/** The table of rows `{name, answer, error}`; `labels` are all classes. */
export function csv(rows, labels) {
  const head = ["source", "picture_width", "picture_height", "face", "x", "y", "width", "height", "score", "label", "confidence", "uncertain", ...labels, "flags", "error"];
  const lines = rows.flatMap(({ name, answer, error }) => {
    const picture = [name, answer?.width, answer?.height];
    if (!answer?.faces.length) return [[...picture, ...Array(head.length - 4).fill(""), error ?? ""]];
    return answer.faces.map((face, index) => [
      ...picture, index + 1, ...["x", "y", "width", "height"].map((side) => plain(face.box[side])), plain(face.score ?? ""),
      face.label, plain(face.confidence), face.uncertain, ...labels.map((label) => plain(face.probabilities[label] ?? "")), face.quality.flags.join(" "), "",
    ]);
  });
  return [head, ...lines].map((line) => line.map(quoted).join(",")).join("\n") + "\n";
}
