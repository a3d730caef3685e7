// What the types promise, as a program uses them: `tsc --noEmit` must accept it.

import { FervorError, load, type Face, type LiveAnswer, type Row } from "fervor-web";
import { Client, ServiceError, type Answer } from "fervor-web/client";

async function here(file: File, video: HTMLVideoElement): Promise<string[]> {
  const fervor = await load({ model: "fervor-48", worker: "auto" });
  const row: Row = await fervor.analyze(file, { longSide: 320, turns: false });
  await fervor.analyze(video, { near: row });
  const words = row.faces.map((face: Face) => `${face.label} ${face.probabilities[face.label]} ${face.box.x} ${face.words}`);
  for await (const { source, error } of fervor.analyzeAll([file, video, new Uint8Array(3)])) words.push(`${source} ${error?.hint}`);
  const live = fervor.live({ smoothing: 1, look: 0.5, onAnswer: ({ faces, dropped }: LiveAnswer) => words.push(`${faces[0]?.track} ${dropped}`) });
  live.watch(video).smoothing = 0;
  live.stop();
  const tracker = await fervor.tracker();
  const [first] = await tracker.update(row, 0.04);
  await fervor.close();
  return [...words, `${first?.age}`];
}

async function there(file: File): Promise<void> {
  const client = new Client({ address: "http://127.0.0.1:8080/", key: "secret", askKey: async () => null });
  try {
    const answer: Answer = await client.predict(file, { top: 3, minFace: 24 });
    console.log(answer.words, answer.faces.length, (await client.about()).models[0]?.name);
    const live = await client.live({ onAnswer: ({ delay, faces }) => console.log(delay, faces[0]?.words) });
    live.push(file);
    live.stop();
  } catch (error) {
    if (error instanceof ServiceError) console.log(error.status, error.hint);
    if (error instanceof FervorError) console.log(error.row?.source);
  }
  // @ts-expect-error there is no such option
  await client.predict(file, { minface: 24 });
}

export { here, there };
