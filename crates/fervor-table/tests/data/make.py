"""Tables as others write them, with Zstandard: of each version of pages, with a dictionary and without one.

    pip install pyarrow pillow && python crates/fervor-table/tests/data/make.py
"""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def picture(grain):
    file = io.BytesIO()
    Image.linear_gradient("L").resize((48, 48)).point(lambda v: v // 2 + grain).save(file, "PNG")
    return file.getvalue()


cells = [{"bytes": picture(n), "path": f"{n}.png"} for n in range(6)] + [None, {"bytes": b"words", "path": "words.png"}]
table = pa.table({"image": pa.array(cells), "label": [n % 2 for n in range(8)]})
for version in ("1.0", "2.0"):
    # Small pages, so that there are several.
    path = Path(__file__).with_name(f"zstd-{version[0]}.parquet")
    pq.write_table(table, path, compression="zstd", data_page_version=version, data_page_size=512, write_batch_size=2, use_dictionary=["label"])
