# The Python package on an image of Ray (rayproject/ray:2.60.0-py311) or Spark (apache/spark-py:...), whose Python it shares:
#     tools/wheels.sh && docker build -f deploy/python.Dockerfile --build-arg BASE=rayproject/ray:2.60.0-py311 -t fervor-python .
ARG BASE=python:3.11-slim
FROM ${BASE}
COPY target/wheels/*manylinux*_x86_64.whl /tmp/wheels/
RUN python3 -m pip install --no-cache-dir --no-index /tmp/wheels/*.whl
COPY examples/ray_pictures.py examples/spark_pictures.py /opt/fervor/
