"""Sends a file in parts past a tracking server and fetches it by signed addresses,
as stock MLflow does where its variables for that are set.

Standard input is a JSON object: uri and size, in bytes. Standard output is the
digest of what was sent and of what came back, and what the server lists.
"""

import hashlib
import json
import os
import sys
import tempfile

import mlflow

job = json.load(sys.stdin)
mlflow.set_tracking_uri(job["uri"])
body = hashlib.shake_256(b"parts").digest(job["size"])
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "big file ü.bin")
    with open(path, "wb") as f:
        f.write(body)
    with mlflow.start_run() as run:
        mlflow.log_artifact(path, "below")
    files = mlflow.artifacts.list_artifacts(run_id=run.info.run_id, artifact_path="below")
    got = mlflow.artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path=files[0].path, dst_path=os.path.join(folder, "back")
    )
    with open(got, "rb") as f:
        back = f.read()
json.dump(
    {
        "sent": hashlib.sha256(body).hexdigest(),
        "back": hashlib.sha256(back).hexdigest(),
        "files": [[f.path, f.file_size] for f in files],
        "artifact_uri": run.info.artifact_uri,
    },
    sys.stdout,
)
