"""What `fervor serve` is measured against: System A's web application as people write it, Flask before TensorFlow.

    pip install flask gunicorn tensorflow-cpu pillow
    gunicorn -w 2 --threads 4 -b 127.0.0.1:8300 --chdir tools/reference flask_app:app

The network is System A's (three convolutions, two dense layers, 128 x 128 colour), its weights drawn at random: speed does not
depend on them. `MODEL_CALL=predict` calls `model.predict`, as most such applications do; without it a compiled function is
called, the fastest that TensorFlow offers here.
"""

import io
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from flask import Flask, jsonify, request
from PIL import Image, UnidentifiedImageError

LABELS = ["Happy", "Sad", "Angry"]
SIDE = 128

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 10 << 20

layers = tf.keras.layers
model = tf.keras.Sequential([
    layers.Input((SIDE, SIDE, 3)),
    layers.Rescaling(1 / 255),
    layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
    layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(),
    layers.Conv2D(128, 3, activation="relu"), layers.MaxPooling2D(),
    layers.Flatten(),
    layers.Dense(128, activation="relu"), layers.Dropout(0.5),
    layers.Dense(len(LABELS), activation="softmax"),
])
compiled = tf.function(lambda x: model(x, training=False), input_signature=[tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32)])


def run(pixels):
    if os.environ.get("MODEL_CALL") == "predict":
        return model.predict(pixels, verbose=0)[0]
    return compiled(pixels).numpy()[0]


run(np.zeros((1, SIDE, SIDE, 3), np.float32))


@app.get("/")
def home():
    return '<form method="post" action="/predict" enctype="multipart/form-data"><input type="file" name="image"><button>Predict</button></form>'


@app.post("/predict")
def predict():
    file = request.files.get("image")
    if file is None:
        return jsonify(error="no image"), 400
    try:
        picture = Image.open(io.BytesIO(file.read())).convert("RGB").resize((SIDE, SIDE))
    except UnidentifiedImageError:
        return jsonify(error="not an image"), 400
    probabilities = run(np.asarray(picture, np.float32)[None])
    best = int(probabilities.argmax())
    return jsonify(label=LABELS[best], confidence=float(probabilities[best]))
