"""Writes the Parquet file that crates/fervor-lab/tests/it/dataset/parquet.rs reads: pictures as Hugging Face's `datasets` stores them.

Usage: python tools/reference/faces_parquet.py > crates/fervor-lab/tests/data/faces.parquet
Made with PyArrow 26.0 and Pillow 13.
"""

import io
import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def picture(number):
    image = Image.new("L", (8, 8))
    image.putdata([(37 * number + 11 * i * (number + 1)) % 256 for i in range(64)])
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


images = [{"bytes": picture(i), "path": f"{i}.png"} for i in range(6)] + [{"bytes": b"no picture", "path": "6.png"}]
table = pa.table({
    "image": pa.array(images, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
    "label": pa.array([0, 1, 0, 1, 0, 1, 0], pa.int64()),
    "person": ["anna", "bea", None, "anna", "bea", "anna", "bea"],
    "age": pa.array([31, 5, 60, None, 22, 23, 24], pa.int32()),
})
features = {"image": {"_type": "Image"}, "label": {"names": ["happy", "sad"], "_type": "ClassLabel"}}
table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
out = io.BytesIO()
pq.write_table(table, out, row_group_size=4)
sys.stdout.buffer.write(out.getvalue())
