"""Writes down what a server answers, so that two servers' answers can be compared.

A line of the record is a JSON object: the step's name with its result, or with the
exception that the client raised. What no two servers share, such as ids, times and
random names, is replaced: the first id of a record is <id 1>, the next <id 2>.
"""

import enum
import json
import math
import re
import sys
import traceback
from collections.abc import Sequence

import pandas as pd
import requests
from mlflow.entities import LoggedModel
from mlflow.entities._mlflow_object import _MlflowObject
from mlflow.exceptions import MlflowException

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PATTERNS = [
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?"), "<time>"),
    (re.compile(r"\b1[6-9]\d{11}\b"), "<time>"),
    (re.compile(r"\b[a-z]+-[a-z]+-\d{1,3}\b"), "<random name>"),
    (re.compile(r"port=\d+"), "port=<port>"),
    (re.compile(r"\(raised as a result of Query-invoked autoflush[^)]*\)\n"), ""),  # MLflow's own
    (re.compile(r"\(\S+IntegrityError\) .*", re.DOTALL), "<the driver's words>"),
    (re.compile(r" Set the MLFLOW_ALLOWED_HOST_\w+ environment variable on the server to allow it\."), ""),
    (re.compile(r" \(at character \d+ of the filter\)$"), ""),  # what only ours tells
    (re.compile(r"{'[^{}]*'}"), lambda m: "{" + ", ".join(sorted(m[0][1:-1].split(", "))) + "}"),  # a set has any order
]
EXPERIMENT = re.compile(r"(?<=mlflow-artifacts:/)\d+|(?<=experiments/)\d+")
ID = re.compile(rf"(?<![0-9a-f])(?:[0-9a-f]{{32}}|{UUID})(?![0-9a-f])")


REFUSALS = (MlflowException, requests.HTTPError)


class Abort(Exception):
    """Ends a part whose further steps need what did not come."""


class Record:
    """Prints a line for each step, and nobody else prints anything."""

    def __init__(self, uri, place):
        self.lines, sys.stdout = sys.stdout, sys.stderr  # to which the client tells its news
        self.known = {uri: "<server>", place: "<place>"}
        self.ids, self.experiments = {}, {}

    def step(self, name, call, /, *args, **kwargs):
        """Writes down what the call returns, and returns it."""
        try:
            value = call(*args, **kwargs)
        except REFUSALS as e:
            self.write(name, aborts=self.error(e))
            raise Abort from e
        self.write(name, result=plain(value))
        return value

    def refuse(self, name, call, /, *args, **kwargs):
        """Writes down the exception, which must come, of what a server refuses."""
        try:
            value = call(*args, **kwargs)
        except REFUSALS as e:
            self.write(name, error=self.error(e))
            return
        self.write(name, aborts={"instead of an exception": plain(value)})

    def pages(self, name, call, /, **kwargs):
        """Writes down all pages of a search, each with whether there is a next."""
        token, n = None, 0
        while n == 0 or token:
            n += 1
            page = call(page_token=token, **kwargs)
            token = page.token
            self.write(f"{name}, page {n}", result=plain(list(page)), next=bool(token))

    def part(self, run):
        """Goes through a part of the flow. The others do without it if it breaks off."""
        try:
            run(self)
        except Abort:
            pass  # is written down
        except Exception as e:
            traceback.print_exc(file=sys.stderr)
            self.write(run.__name__, aborts=repr(e))

    @staticmethod
    def error(e):
        if isinstance(e, requests.HTTPError):  # of an artifact, which the client passes on
            return {"type": type(e).__name__, "body": e.response.json(), "message": str(e).partition(" Response text")[0]}
        return {"type": type(e).__name__, "code": e.error_code, "status": e.get_http_status_code(), "message": e.message}

    def write(self, name, **what):
        line = self.mask({"step": name} | what)
        print(json.dumps(line, sort_keys=True, allow_nan=False), file=self.lines, flush=True)

    def experiment(self, id):
        """A number, of which some databases spend one on each experiment that is refused."""
        return self.experiments.setdefault(id, f"<experiment {len(self.experiments) + 1}>")

    def mask(self, v):
        if isinstance(v, dict):
            return {self.mask(k): self.experiment(x) if k == "experiment_id" else self.mask(x) for k, x in v.items()}
        if isinstance(v, list):
            return [self.mask(x) for x in v]
        if isinstance(v, int) and 1.6e12 < v < 1e13:
            return "<time>"
        if isinstance(v, str):
            for text, stand_in in self.known.items():
                v = v.replace(text, stand_in)
            v = ID.sub(lambda m: self.ids.setdefault(m[0], f"<id {len(self.ids) + 1}>"), v)
            v = EXPERIMENT.sub(lambda m: self.experiment(m[0]), v)
            for pattern, stand_in in PATTERNS:
                v = pattern.sub(stand_in, v)
        return v


def plain(v):
    """Returns a value of the client as JSON has it."""
    if isinstance(v, _MlflowObject):
        if isinstance(v, LoggedModel) and v.metrics:  # a set too
            v.metrics.sort(key=lambda m: (m.key, m.timestamp, m.step, m.run_id))
        return {type(v).__name__: {k: plain(x) for k, x in v if not k.startswith("_")}}
    if isinstance(v, enum.Enum):
        return v.name
    if isinstance(v, pd.DataFrame):
        v = json.loads(v.to_json(orient="records"))
    if isinstance(v, dict):
        return {str(k): plain(x) for k, x in v.items()}
    if isinstance(v, Sequence) and not isinstance(v, str):
        return [plain(x) for x in v]
    if hasattr(v, "tolist"):
        return plain(v.tolist())
    if isinstance(v, float) and not math.isfinite(v):
        return repr(v)
    if v is None or isinstance(v, (bool, int, float, str)):
        return v
    raise TypeError(f"no plain form of {type(v)}: {v}")
