// Which files are pictures: by what they hold, as the service tells it, and not by their names.

/** A file's first bytes, as text of one byte a character. */
async function head(file) {
  const bytes = new Uint8Array(await file.slice(0, 16).arrayBuffer());
  return String.fromCharCode(...bytes);
}

const STARTS = ["\xff\xd8\xff", "\x89PNG", "GIF8", "BM", "II*\0", "MM\0*"];

/** Whether the service may read it. What calls itself a picture is sent in any case, so that the answer says what is wrong with it. */
export async function isPicture(file) {
  if (file.type.startsWith("image/") || /\.(jpe?g|png|webp|gif|bmp|tiff?|heic|heif|avif)$/i.test(file.name)) return true;
  try {
    const text = await head(file);
    return STARTS.some((start) => text.startsWith(start)) || (text.startsWith("RIFF") && text.slice(8, 12) === "WEBP");
  } catch {
    // A folder that was dropped, or a file that is gone.
    return false;
  }
}

/** All files of what was dropped, those in folders, too, each with the path that it has there. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const files = [];
  const walk = async (entry) => {
    if (entry.isFile) {
      const file = await new Promise((done, fail) => entry.file(done, fail)).catch(() => new File([], entry.name));
      files.push(Object.defineProperty(file, "path", { value: entry.fullPath.replace(/^\//, "") }));
      return;
    }
    const reader = entry.createReader();
    // A reader gives a hundred at a time, and nothing at the end.
    for (;;) {
      const some = await new Promise((done, fail) => reader.readEntries(done, fail)).catch(() => []);
      if (!some.length) return;
      for (const inner of some) await walk(inner);
    }
  };
  for (const entry of entries) await walk(entry);
  return files;
}

/** The name by which a file is told. */
export const nameOf = (file) => file.path || file.webkitRelativePath || file.name || "pasted picture";

/** A small likeness of a picture for a table, or nothing where the browser cannot read it. */
export async function thumbnail(file, side) {
  try {
    const whole = await createImageBitmap(file);
    const scale = Math.min(1, side / Math.min(whole.width, whole.height));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [side, side];
    const [width, height] = [whole.width * scale, whole.height * scale];
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(whole, (side - width) / 2, (side - height) / 2, width, height);
    whole.close();
    return canvas;
  } catch {
    return null;
  }
}
