"""Goes with the stock MLflow client through everything that a tracking server and a
model registry do for classic machine learning: python flow.py http://host:port

Standard output is the record that answers.py describes. Made for MLflow 3.17.
"""

import logging
import os
import sys
import tempfile

os.environ |= {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}

import mlflow  # noqa: E402

import flow_artifacts  # noqa: E402
import flow_models  # noqa: E402
import flow_registry  # noqa: E402
import flow_runs  # noqa: E402
import flow_search  # noqa: E402
from answers import Record  # noqa: E402


def main(uri):
    mlflow.set_tracking_uri(uri)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        record = Record(uri, place)
        for module in (flow_runs, flow_search, flow_artifacts, flow_models, flow_registry):
            for part in module.PARTS:
                record.part(part)


if __name__ == "__main__":
    main(sys.argv[1])
