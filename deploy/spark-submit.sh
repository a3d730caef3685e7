#!/usr/bin/env bash
# Pictures in Parquet to faces in Parquet, by Spark on Kubernetes. The image is that of deploy/python.Dockerfile on one of Spark with
# Python; the folders are where every executor sees them, or s3a:// addresses.
#     deploy/spark-submit.sh k8s://https://CLUSTER:6443 s3a://bucket/pictures s3a://bucket/faces
set -euo pipefail
master=$1 pictures=$2 faces=$3

# A picture's bytes and its pixels lie in the memory of Python's workers, which is not the JVM's: memoryOverheadFactor is for them.
# maxPartitionBytes makes tasks of some hundred pictures, so that a machine that is lost costs little.
exec spark-submit \
  --master "$master" --deploy-mode cluster --name fervor-pictures \
  --conf spark.kubernetes.container.image=fervor-python:latest \
  --conf spark.kubernetes.driverEnv.PYSPARK_PYTHON=python3 --conf spark.executorEnv.PYSPARK_PYTHON=python3 \
  --conf spark.executor.instances=4 --conf spark.executor.cores=4 \
  --conf spark.executor.memory=2g --conf spark.kubernetes.memoryOverheadFactor=1.0 \
  --conf spark.sql.files.maxPartitionBytes=32m \
  --conf spark.task.maxFailures=8 \
  local:///opt/fervor/spark_pictures.py "$pictures" "$faces" --column image --keep id
