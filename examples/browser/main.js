import { load } from "fervor-web";

const element = (id) => document.getElementById(id);
const [picture, video, boxes, answer] = ["picture", "video", "boxes", "answer"].map(element);

/** Draws the boxes, and says in words what the faces show. */
function show({ width, height, faces }) {
  Object.assign(boxes, { width, height });
  const pen = boxes.getContext("2d");
  pen.lineWidth = Math.max(2, width / 200);
  pen.strokeStyle = "#ffc642";
  for (const { box } of faces) pen.strokeRect(box.x, box.y, box.width, box.height);
  answer.textContent = faces.length ? faces.map(({ words }) => words).join("; ") : "no face found";
}

const fervor = await load();
await picture.decode();
show(await fervor.analyze(picture));

element("choose").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  picture.src = URL.createObjectURL(file);
  try {
    show(await fervor.analyze(file));
  } catch (error) {
    answer.textContent = [error.message, error.hint].filter(Boolean).join("; ");
  }
});

element("camera").addEventListener("click", async () => {
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
  await video.play();
  video.hidden = false;
  picture.replaceWith(video);
  fervor.live({ onAnswer: show }).watch(video);
});
