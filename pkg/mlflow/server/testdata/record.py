"""Records how MLflow's own server answers, for TestReplay.

    mlflow server --workers 1 --backend-store-uri sqlite:///EMPTY.db \
        --artifacts-destination DIR --host 127.0.0.1 --port PORT
    python record.py http://127.0.0.1:PORT > recorded.json

Recorded with MLflow 3.17.2. The database must be new. Ids, names and tokens that
the server makes up are saved under a name and stand as {{name}} wherever they
come again; times that the server takes are {{time}}, other ids {{id}}, page
tokens {{token}}, and {{x*300}} is 300 times x. Times that a request sends lie
below 10^12, so that they can be told apart.

An entry with "ours" is one where our server answers differently on purpose; the
entry says with which status and why.
"""

import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

BASE = sys.argv[1]
entries, saved = [], {}


def fill(x):
    if isinstance(x, str):
        x = re.sub(r"\{\{x\*(\d+)\}\}", lambda m: "x" * int(m[1]), x)
        for name, value in saved.items():
            x = x.replace("{{" + name + "}}", value)
        return x
    if isinstance(x, dict):
        return {fill(k): fill(v) for k, v in x.items()}
    if isinstance(x, list):
        return [fill(v) for v in x]
    return x


def shorten(x):
    """Writes many x as their number, sorts Python's sets, and leaves out the statement that a database failed at."""
    x = re.sub(r"\(raised as a result of Query-invoked autoflush;[^)]*\)\n", "", x.split("\n[SQL:")[0])
    x = re.sub(r"\{'[^{}]*'\}", lambda m: "{" + ", ".join(sorted(m[0][1:-1].split(", "))) + "}", x)
    x = re.sub(r"[0-9a-f]{32}", "{{id}}", x)
    return re.sub(r"x{100,}", lambda m: "{{x*%d}}" % len(m[0]), x)


def mask(x):
    if isinstance(x, str):
        for name, value in saved.items():
            if len(value) > 8:  # the small ids of experiments would be found anywhere
                x = x.replace(value, "{{" + name + "}}")
        return shorten(x)
    if isinstance(x, dict):
        return {mask(k): "{{token}}" if k == "next_page_token" else mask(v) for k, v in x.items()}
    if isinstance(x, list):
        return [mask(v) for v in x]
    if isinstance(x, int) and not isinstance(x, bool) and 1.6e12 < x < 1e13:
        return "{{time}}"
    return x


def ask(method, path, body=None, save=None, ours=None, why=None, raw=None, content_type="application/json"):
    """Sends one request and records it. save maps a name to a path in the answer."""
    entry = {"method": method, "path": path}
    data = None
    if raw is not None:
        entry["raw"] = raw
        data = raw.encode()
    elif body is not None:
        entry["body"] = mask(body)
        data = json.dumps(fill(body)).encode()
    if content_type != "application/json":
        entry["content_type"] = content_type
    request = urllib.request.Request(BASE + fill(path), data=data, method=method)
    request.add_header("Content-Type", content_type)
    try:
        with urllib.request.urlopen(request) as r:
            status, text = r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        status, text = e.code, e.read().decode()
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if save and status == 200:
        entry["save"] = save
        for name, at in save.items():
            found = answer
            for step in at.split("."):
                found = found[int(step)] if step.isdigit() else found[step]
            saved[name] = found
    entry["status"] = status
    entry["answer"] = mask(answer)
    if ours:
        entry["ours"], entry["why"] = ours, why
    entries.append(entry)
    return answer


def query(path, **args):
    return path + "?" + urllib.parse.urlencode(args, doseq=True, safe="{}")


EXP, RUN, REG, VER, LOG, MET = (
    "/api/2.0/mlflow/" + p
    for p in ("experiments/", "runs/", "registered-models/", "model-versions/", "logged-models", "metrics/")
)
PARTIAL = "MLflow goes on with what it had read until the fault, which loses or changes what was sent"
UNKNOWN = "MLflow ignores an enumerator that it does not know"
CRASH = "MLflow answers an exception of its own, without an error code"
MALFORMED = "MLflow takes a body that is no JSON for an empty one"


def odd(path, good, name, method="POST", required=False, ours=None):
    """One parameter, wrong in all the ways."""
    for wrong in (None, "", 7, 1.5, True, ["a"], {"a": "b"}):
        ask(method, path, {**good, name: wrong}, ours=(ours or {}).get(repr(wrong)), why=PARTIAL)
    left = {k: v for k, v in good.items() if k != name}
    ask(method, path, left)


def experiments():
    ask("GET", EXP + "get?experiment_id=0")
    ask("POST", EXP + "create", {"name": "one"}, save={"exp1": "experiment_id"})
    ask("POST", EXP + "create", {"name": "one"})
    ask("POST", EXP + "create", {"name": "two", "artifact_location": "s3://bucket/two", "tags": [{"key": "a", "value": "b"}, {"key": "ü", "value": "😀"}]}, save={"exp2": "experiment_id"})
    ask("POST", EXP + "create", {"name": "three", "tags": [{"key": "a"}], "unknown": {"x": [1]}}, save={"exp3": "experiment_id"})
    ask("POST", EXP + "create", {"name": "camel", "artifactLocation": "s3://bucket/camel"}, save={"exp4": "experiment_id"})
    ask("POST", EXP + "search", {"max_results": 1, "maxResults": 2}, ours=200, why="the later of two spellings is taken")
    for location in ("s3://bucket/a#b", "s3://bucket/a;b", "s3://bucket/a?x=../y", "runs:/x/y", "http://host/x", "ftp://host/x", "mlflow-artifacts://host/x", "s3://" + "x" * 2100):
        ask("POST", EXP + "create", {"name": "location", "artifact_location": location}, ours=None if location[:2] == "s3" and len(location) < 100 or location[:4] == "runs" else 400, why="the texts name environment variables that are not ours")
    for name in ("x" * 501, 7, None, "", ["a"], True):
        ask("POST", EXP + "create", {"name": name})
    ask("POST", EXP + "create", {"name": "tags", "tags": "no list"})
    ask("POST", EXP + "create", {})
    ask("POST", EXP + "create", raw="")
    ask("POST", EXP + "create", raw="{bad", ours=400, why=MALFORMED)
    ask("POST", EXP + "create", raw="[]", ours=400, why=CRASH)
    ask("POST", EXP + "create", raw="7", ours=400, why=CRASH)
    ask("POST", EXP + "create", raw="null")
    ask("POST", EXP + "create", raw=json.dumps(json.dumps({"name": "encoded twice"})))
    ask("POST", EXP + "create", raw="{}", content_type="text/plain")
    ask("POST", EXP + "create", raw='{"name": "charset"}', content_type="application/json; charset=utf-8")
    ask("GET", query(EXP + "get", experiment_id="{{exp2}}"))
    ask("GET", query("/ajax-api/2.0/mlflow/experiments/get", experiment_id="{{exp2}}"))
    ask("GET", EXP + "get", {"experiment_id": "0"})
    for wrong in ("?experiment_id=", "?experiment_id=987654", "?experiment_id=abc", "", "?other=1"):
        ask("GET", EXP + "get" + wrong)
    ask("GET", query(EXP + "get-by-name", experiment_name="two"))
    ask("GET", query(EXP + "get-by-name", experiment_name="Two"))
    ask("GET", query(EXP + "get-by-name", experiment_name="nobody's"))
    ask("GET", EXP + "get-by-name")
    ask("POST", EXP + "update", {"experiment_id": "{{exp3}}", "new_name": "drei / 3"})
    ask("GET", query(EXP + "get-by-name", experiment_name="drei / 3"))
    ask("POST", EXP + "update", {"experiment_id": "{{exp3}}", "new_name": "one"}, ours=400, why="MLflow's message is that of its database")
    odd(EXP + "update", {"experiment_id": "{{exp3}}", "new_name": "drei"}, "new_name")
    odd(EXP + "update", {"experiment_id": "{{exp3}}", "new_name": "drei"}, "experiment_id")
    ask("POST", EXP + "set-experiment-tag", {"experiment_id": "{{exp1}}", "key": "k", "value": "v"})
    ask("POST", EXP + "set-experiment-tag", {"experiment_id": "{{exp1}}", "key": "k", "value": "w"})
    ask("POST", EXP + "set-experiment-tag", {"experiment_id": "{{exp1}}", "key": "empty"})
    ask("POST", EXP + "set-experiment-tag", {"experiment_id": "{{exp1}}", "key": "x" * 251, "value": "v"})
    ask("POST", EXP + "set-experiment-tag", {"experiment_id": "{{exp1}}", "key": "long", "value": "x" * 20001})
    ask("POST", EXP + "set-experiment-tag", {"experiment_id": "{{exp1}}", "key": "../up", "value": "v"})
    odd(EXP + "set-experiment-tag", {"experiment_id": "{{exp1}}", "key": "odd", "value": "v"}, "key")
    odd(EXP + "set-experiment-tag", {"experiment_id": "{{exp1}}", "key": "odd", "value": "v"}, "value")
    ask("POST", EXP + "delete-experiment-tag", {"experiment_id": "{{exp1}}", "key": "empty"})
    ask("POST", EXP + "delete-experiment-tag", {"experiment_id": "{{exp1}}", "key": "empty"})
    ask("POST", EXP + "delete-experiment-tag", {"experiment_id": "{{exp1}}"})
    ask("GET", query(EXP + "get", experiment_id="{{exp1}}"))
    ask("POST", EXP + "delete", {"experiment_id": "{{exp3}}"})
    ask("POST", EXP + "delete", {"experiment_id": "{{exp3}}"})
    ask("GET", query(EXP + "get", experiment_id="{{exp3}}"))
    ask("GET", query(EXP + "get-by-name", experiment_name="drei"))
    ask("POST", EXP + "create", {"name": "drei"})
    ask("POST", EXP + "update", {"experiment_id": "{{exp3}}", "new_name": "dead"})
    ask("POST", EXP + "set-experiment-tag", {"experiment_id": "{{exp3}}", "key": "k", "value": "w"})
    ask("POST", RUN + "create", {"experiment_id": "{{exp3}}"})
    ask("POST", EXP + "delete", {"experiment_id": "99999"})
    ask("POST", EXP + "restore", {"experiment_id": "99999"})
    ask("POST", EXP + "restore", {})
    for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL", 1, 2, 3, "2"):
        ask("POST", EXP + "search", {"max_results": 100, "view_type": view})
    ask("POST", EXP + "search", {"max_results": 100, "view_type": "NONSENSE"}, ours=400, why=UNKNOWN)
    ask("POST", EXP + "search", {"max_results": 100, "view_type": 9}, ours=400, why=PARTIAL)
    ask("GET", query(EXP + "search", max_results=100, view_type="ALL", order_by=["name DESC"], filter="name LIKE '%e%'"))
    ask("GET", query(EXP + "search", max_results=2, order_by=["name ASC", "experiment_id"]), save={"token": "next_page_token"})
    ask("GET", query(EXP + "search", max_results=2, order_by=["name ASC", "experiment_id"], page_token="{{token}}"))
    for filter in ("tags.a = 'b'", "name = 'one'", "name ILIKE 'ON%'", "name != 'one'", "tags.k = 'nobody'", "creation_time > 0", "nonsense", "name =", "name < 'a'", "attribute.nope = 'x'", "a = 'b' OR c = 'd'"):
        ask("POST", EXP + "search", {"max_results": 10, "filter": filter})
    for order in (["experiment_id DESC"], ["creation_time"], ["nope"], ["name UP"], "name", [7]):
        ask("POST", EXP + "search", {"max_results": 10, "order_by": order}, ours=400 if order == [7] else None, why=PARTIAL)
    for size in (0, -1, 50000, 50001, "3", "x", 2.0, 2.5, True, 2**70):
        ask("POST", EXP + "search", {"max_results": size}, ours=400 if size is True or size in (2.5, 2**70) else None, why=PARTIAL)
    ask("POST", EXP + "search", {"max_results": 10, "page_token": "nonsense"}, ours=400, why="MLflow's message is that of Python's base64 module")
    ask("POST", EXP + "search", {}, ours=200, why="no max_results means the documented default, not 0")
    ask("POST", EXP + "restore", {"experiment_id": "{{exp3}}"})
    ask("POST", EXP + "restore", {"experiment_id": "{{exp3}}"})


def runs():
    ask("POST", RUN + "create", {"experiment_id": "{{exp1}}", "run_name": "first", "user_id": "ann", "start_time": 1000, "tags": [{"key": "t", "value": "1"}]}, save={"run1": "run.info.run_id"})
    ask("POST", RUN + "create", {"experiment_id": "{{exp1}}", "start_time": "2000"}, save={"run2": "run.info.run_id", "name2": "run.info.run_name"})
    ask("POST", RUN + "create", {"experiment_id": "{{exp1}}", "run_name": "third", "start_time": 3000.0, "tags": [{"key": "mlflow.runName", "value": "third"}, {"key": "mlflow.user", "value": "bob"}]}, save={"run3": "run.info.run_id"})
    ask("POST", RUN + "create", {"experiment_id": "{{exp1}}", "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]})
    ask("POST", RUN + "create", {"run_name": "nowhere"}, ours=400, why="MLflow's message is that of its database")
    ask("POST", RUN + "create", {"experiment_id": "0", "run_name": "zero"}, save={"run9": "run.info.run_id"})
    ask("POST", RUN + "create", {"experiment_id": "{{exp2}}", "run_name": "scratch"}, save={"scratch": "run.info.run_id"})
    for id in ("99999", "abc", "", None, 7):
        ask("POST", RUN + "create", {"experiment_id": id, "run_name": "odd", "start_time": 5}, ours=None if id else 400, why="MLflow's message is that of its database")
    for start in ("abc", 1.5, True, 2**63, -5, [1]):
        ask("POST", RUN + "create", {"experiment_id": "{{exp2}}", "run_name": "start", "start_time": start}, ours=400 if start != -5 else None, why=PARTIAL)
    ask("POST", RUN + "create", {"experiment_id": "{{exp2}}", "run_name": 7})
    ask("POST", RUN + "create", {"experiment_id": "{{exp2}}", "run_name": "user", "user_id": 7}, ours=400, why=PARTIAL)
    ask("POST", RUN + "create", {"experiment_id": "{{exp2}}", "run_name": "tags", "tags": ["a"]}, ours=400, why=PARTIAL)
    ask("POST", RUN + "create", {"experiment_id": "{{exp2}}", "run_name": "tags", "tags": [{"key": "x" * 251, "value": "v"}]})
    ask("GET", query(RUN + "get", run_id="{{run1}}"))
    ask("GET", query(RUN + "get", run_uuid="{{run1}}"))
    ask("GET", query(RUN + "get", run_id="0123"))
    ask("GET", query(RUN + "get", run_id=""))
    ask("GET", RUN + "get")
    for metric in ({"value": 1}, {"value": "2.5", "step": "3"}, {"value": 1e-300, "step": -4}, {"value": "NaN", "step": 5}, {"value": "Infinity", "step": 6}, {"value": "-Infinity", "step": 7}, {"value": 1e300, "timestamp": "200", "step": 8.0}, {"value": True, "step": 9}, {"value": 123456789012345678, "step": 2**63 - 1}):
        ask("POST", RUN + "log-metric", {"run_id": "{{run1}}", "key": "m", "timestamp": 100, **metric})
    for metric in ({"value": "abc"}, {"value": None}, {"value": ""}, {"value": "nan"}, {"value": [1]}, {"value": 1, "step": 2**63}, {"value": 1, "step": 1.5}, {"value": 1, "step": "x"}, {"value": 1, "timestamp": None}, {"value": 1, "timestamp": "soon"}, {"value": 1, "timestamp": 1.5}, {"value": 1, "timestamp": -1}, {"value": 1, "key": ""}, {"value": 1, "key": 7}, {"value": 1, "key": "x" * 251}, {"value": 1, "key": "../x"}, {"value": 1, "key": "a\nb"}, {"value": 1, "key": "wörter / 7: €-_ ok"}, {"value": 1, "run_id": "nobody"}, {"value": 1, "run_id": ""}, {"value": 1, "run_id": 7}):
        partial = metric.get("value") in ("nan",) or metric.get("value") == [1] or metric.get("step") in (2**63, 1.5) or metric.get("timestamp") == 1.5
        ask("POST", RUN + "log-metric", {"run_id": "{{scratch}}" if partial else "{{run1}}", "key": "bad", "timestamp": 100, **metric}, ours=400 if partial else None, why=PARTIAL)
    ask("POST", RUN + "log-metric", {"key": "k", "value": 1, "timestamp": 1})
    ask("POST", RUN + "log-metric", {"run_uuid": "{{run1}}", "key": "old", "value": 1, "timestamp": 1})
    ask("POST", RUN + "log-metric", {"run_id": "{{run1}}", "key": "data", "value": 3, "timestamp": 1, "dataset_name": "train", "dataset_digest": "abc"})
    ask("POST", RUN + "log-metric", {"run_id": "{{run1}}", "key": "zero", "value": 0, "timestamp": 0})
    ask("POST", RUN + "log-parameter", {"run_id": "{{run1}}", "key": "p", "value": "1"})
    ask("POST", RUN + "log-parameter", {"run_id": "{{run1}}", "key": "p", "value": "1"})
    ask("POST", RUN + "log-parameter", {"run_id": "{{run1}}", "key": "p", "value": "2"})
    ask("POST", RUN + "log-parameter", {"run_id": "{{run1}}", "key": "empty", "value": ""})
    ask("POST", RUN + "log-parameter", {"run_id": "{{run1}}", "key": "none"})
    ask("POST", RUN + "log-parameter", {"run_id": "{{run1}}", "key": "long", "value": "x" * 6000})
    ask("POST", RUN + "log-parameter", {"run_id": "{{run1}}", "key": "toolong", "value": "x" * 6001})
    ask("POST", RUN + "log-parameter", {"run_id": "{{run1}}", "key": "/abs", "value": "x"})
    odd(RUN + "log-parameter", {"run_id": "{{run1}}", "key": "odd", "value": "v"}, "key")
    odd(RUN + "log-parameter", {"run_id": "{{run2}}", "key": "odd", "value": "v"}, "value")
    odd(RUN + "log-parameter", {"run_id": "{{run1}}", "key": "odd2", "value": "v"}, "run_id")
    ask("POST", RUN + "set-tag", {"run_id": "{{run1}}", "key": "t", "value": "2"})
    ask("POST", RUN + "set-tag", {"run_uuid": "{{run1}}", "key": "u", "value": "ü \"q\" \\ \n \u0001 😀"})
    ask("POST", RUN + "set-tag", {"run_id": "{{run1}}", "key": "mlflow.runName", "value": "renamed by tag"})
    ask("POST", RUN + "set-tag", {"run_id": "{{run1}}", "key": "long", "value": "x" * 8001})
    odd(RUN + "set-tag", {"run_id": "{{run2}}", "key": "odd", "value": "v"}, "key")
    odd(RUN + "set-tag", {"run_id": "{{run2}}", "key": "odd", "value": "v"}, "value")
    ask("POST", RUN + "delete-tag", {"run_id": "{{run1}}", "key": "t"})
    ask("POST", RUN + "delete-tag", {"run_id": "{{run1}}", "key": "t"})
    ask("POST", RUN + "delete-tag", {"run_id": "{{run1}}"})
    ask("POST", RUN + "delete-tag", {"run_id": "nobody", "key": "t"})
    ask("GET", query(RUN + "get", run_id="{{run1}}"))
    ask("POST", RUN + "update", {"run_id": "{{run1}}", "status": "FINISHED", "end_time": 5000, "run_name": "done"})
    ask("GET", query(RUN + "get", run_id="{{run1}}"))
    ask("POST", RUN + "update", {"run_uuid": "{{run2}}", "status": 4, "end_time": "6000"})
    ask("POST", RUN + "update", {"run_id": "{{run3}}"})
    ask("POST", RUN + "update", {"run_id": "{{run3}}", "run_name": "drei"})
    ask("POST", RUN + "update", {"run_id": "{{run3}}", "run_name": ""}, ours=200, why="an empty name leaves the old one")
    for status in ("NONSENSE", 99, True, "3", ["RUNNING"]):
        ask("POST", RUN + "update", {"run_id": "{{run3}}", "status": status}, ours=400 if status != "3" else None, why=PARTIAL)
    ask("POST", RUN + "update", {"run_id": "nobody", "status": "FAILED"})
    ask("POST", RUN + "update", {"status": "FAILED"})
    ask("POST", RUN + "delete", {"run_id": "{{run3}}"})
    ask("GET", query(RUN + "get", run_id="{{run3}}"))
    ask("POST", RUN + "delete", {"run_id": "{{run3}}"})
    for path, body in (("log-metric", {"key": "k", "value": 1, "timestamp": 1}), ("log-parameter", {"key": "k", "value": "1"}), ("set-tag", {"key": "k", "value": "1"}), ("delete-tag", {"key": "k"}), ("update", {"status": "KILLED"}), ("log-batch", {"metrics": []})):
        ask("POST", RUN + path, {"run_id": "{{run3}}", **body})
    ask("POST", RUN + "restore", {"run_id": "{{run3}}"})
    ask("POST", RUN + "restore", {"run_id": "{{run3}}"})
    ask("POST", RUN + "restore", {"run_id": "nobody"})
    ask("POST", RUN + "delete", {"run_id": "nobody"})
    ask("POST", RUN + "delete", {})


def batches():
    b = RUN + "log-batch"
    metrics = [{"key": "b", "value": i / 4, "timestamp": 10 + i, "step": i} for i in range(20)]
    ask("POST", b, {"run_id": "{{run2}}", "metrics": metrics, "params": [{"key": "p1", "value": "1"}, {"key": "p2", "value": ""}], "tags": [{"key": "bt", "value": "x"}]})
    ask("POST", b, {"run_id": "{{run2}}"})
    ask("POST", b, {"run_id": "{{run2}}", "params": [{"key": "p1", "value": "2"}]})
    ask("POST", b, {"run_id": "{{run2}}", "params": [{"key": "d", "value": "1"}, {"key": "d", "value": "2"}]})
    ask("POST", b, {"run_id": "{{run2}}", "params": [{"key": "same", "value": "1"}, {"key": "same", "value": "1"}]})
    ask("POST", b, {"run_id": "{{run2}}", "params": [{"key": "novalue"}], "tags": [{"key": "novalue"}]})
    ask("POST", b, {"run_id": "{{run2}}", "params": [{"key": "p%d" % i, "value": "1"} for i in range(101)]})
    ask("POST", b, {"run_id": "{{run2}}", "tags": [{"key": "p%d" % i, "value": "1"} for i in range(101)]})
    ask("POST", b, {"run_id": "{{run2}}", "metrics": [{"key": "m%d" % i, "value": 1, "timestamp": 1} for i in range(1001)]})
    ask("POST", b, {"run_id": "{{run2}}", "metrics": [{"key": "m%d" % i, "value": 1, "timestamp": 1} for i in range(1000)], "params": [{"key": "one", "value": "1"}]})
    for m in ({}, {"key": "k"}, {"key": "k", "value": 1}, {"value": 1, "timestamp": 1}, {"key": "", "value": 1, "timestamp": 1}, {"key": "k", "value": None, "timestamp": 1}, {"key": "x" * 251, "value": 1, "timestamp": 1}):
        ask("POST", b, {"run_id": "{{run2}}", "metrics": [{"key": "fine", "value": 1, "timestamp": 1}, m]})
    for m in ({"key": "k", "value": "abc", "timestamp": 1}, {"key": "k", "value": 1, "timestamp": "abc"}, {"key": 7, "value": 1, "timestamp": 1}, {"key": "k", "value": 1, "timestamp": 1, "step": "x"}):
        ask("POST", b, {"run_id": "{{scratch}}", "metrics": [m]}, ours=400, why=PARTIAL)
    ask("POST", b, {"run_id": "{{run2}}", "metrics": ["a"]}, ours=400, why=CRASH)
    for p in ({"value": "1"}, {"key": "", "value": "1"}, {"key": "long", "value": "x" * 6001}, {"key": "../x", "value": "1"}):
        ask("POST", b, {"run_id": "{{run2}}", "params": [p]})
    ask("POST", b, {"run_id": "{{scratch}}", "params": [{"key": "int", "value": 7}]}, ours=400, why=PARTIAL)
    for t in ({"value": "1"}, {"key": "long", "value": "x" * 8001}, {"key": "x" * 251, "value": ""}):
        ask("POST", b, {"run_id": "{{run2}}", "tags": [t]})
    for name in ("metrics", "params", "tags"):
        ask("POST", b, {"run_id": "{{run2}}", name: "no list"})
        ask("POST", b, {"run_id": "{{run2}}", name: {"key": "k"}})
    ask("POST", b, {"metrics": []})
    ask("POST", b, {"run_id": "nobody", "metrics": []})
    ask("POST", b, {"run_id": 7})
    ask("POST", b, raw="{bad", ours=400, why=CRASH)
    ask("GET", query(RUN + "get", run_id="{{run2}}"))


def histories():
    h = MET + "get-history"
    ask("GET", query(h, run_id="{{run2}}", metric_key="b"))
    ask("GET", query(h, run_uuid="{{run2}}", metric_key="b", max_results=7), save={"h1": "next_page_token"})
    ask("GET", query(h, run_id="{{run2}}", metric_key="b", max_results=7, page_token="{{h1}}"), save={"h2": "next_page_token"})
    ask("GET", query(h, run_id="{{run2}}", metric_key="b", max_results=7, page_token="{{h2}}"))
    ask("GET", query(h, run_id="{{run1}}", metric_key="m"))
    ask("GET", query(h, run_id="{{run1}}", metric_key="data"))
    ask("GET", query(h, run_id="{{run1}}", metric_key="nothing"))
    ask("GET", query(h, run_id="nobody", metric_key="b"))
    ask("GET", query(h, run_id="{{run2}}"))
    ask("GET", query(h, metric_key="b"))
    for size in (0, -3, "x", 25000, 25001, 2**31):
        ask("GET", query(h, run_id="{{run2}}", metric_key="b", max_results=size), ours=400 if size in ("x", 2**31) else None, why=PARTIAL)
    ask("GET", query(h, run_id="{{run2}}", metric_key="b", max_results=5, page_token="nonsense"), ours=400, why="MLflow's message is that of Python's base64 module")
    i = MET + "get-history-bulk-interval"
    ask("GET", query(i, run_ids=["{{run2}}"], metric_key="b"))
    ask("GET", query("/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval", run_ids=["{{run1}}", "{{run2}}"], metric_key="b", max_results=5))
    ask("GET", query(i, run_ids=["{{run2}}"], metric_key="b", start_step=3, end_step=11))
    ask("GET", query(i, run_ids=["{{run2}}"], metric_key="b", start_step=3, end_step=11, max_results=3))
    ask("GET", query(i, run_ids=["{{run2}}"], metric_key="b", max_results=1))
    ask("GET", query(i, run_ids=["{{run2}}"], metric_key="b", start_step=11, end_step=3))
    ask("GET", query(i, run_ids=["{{run2}}"], metric_key="b", start_step=11))
    ask("GET", query(i, run_ids=["{{run2}}"], metric_key="b", end_step=11))
    for size in (0, 2501, 2500, "x"):
        ask("GET", query(i, run_ids=["{{run2}}"], metric_key="b", max_results=size))
    ask("GET", query(i, run_ids=["{{run2}}"], metric_key="b", start_step="x", end_step=3))
    ask("GET", query(i, run_ids=["r%d" % n for n in range(101)], metric_key="b"))
    ask("GET", query(i, metric_key="b"))
    ask("GET", query(i, run_ids=["{{run2}}"]))
    ask("GET", query(i, run_ids=["nobody"], metric_key="b"))
    b = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
    ask("GET", query(b, run_id=["{{run2}}"], metric_key="b"))
    ask("GET", query(b, run_id=["{{run2}}"], metric_key="b", max_results=3))
    ask("GET", query(b, run_id=["nobody"], metric_key="b"))
    ask("GET", query(b, metric_key="b"))
    ask("GET", query(b, run_id=["r%d" % n for n in range(101)], metric_key="b"))
    ask("GET", query(b, run_id=["{{run2}}"]))


def searches():
    s = RUN + "search"
    everywhere = ["{{exp1}}", "0"]
    ask("POST", s, {"experiment_ids": ["{{exp1}}"]})
    ask("POST", s, {"experiment_ids": everywhere, "order_by": ["start_time ASC"], "max_results": 1}, save={"s1": "next_page_token"})
    ask("POST", s, {"experiment_ids": everywhere, "order_by": ["start_time ASC"], "max_results": 1, "page_token": "{{s1}}"}, save={"s2": "next_page_token"})
    ask("POST", s, {"experiment_ids": everywhere, "order_by": ["start_time ASC"], "max_results": "2", "page_token": "{{s2}}"})
    ask("POST", s, {})
    ask("POST", s, {"experiment_ids": []})
    ask("POST", s, {"experiment_ids": ["99999"]})
    ask("POST", s, {"experiment_ids": "{{exp1}}"})
    ask("POST", s, {"experiment_ids": [1]}, ours=400, why=PARTIAL)
    for filter in ("metrics.b > 4", "metrics.b = 4.75", "params.p1 = '1'", "params.p1 != '1'", "params.p LIKE '%1%'", "tags.bt = 'x'", "tags.`mlflow.runName` = 'done'", "attributes.status = 'FINISHED'", "status != 'FINISHED'", "run_name ILIKE 'D%'", "attributes.run_id IN ('{{run1}}', 'x')", "start_time >= 2000", "end_time = 5000", "user_id = 'ann'", "metrics.b > 1 AND params.p1 = '1'", "dataset.name = 'x'", "artifact_uri LIKE '%artifacts'"):
        ask("POST", s, {"experiment_ids": everywhere, "filter": filter, "order_by": ["start_time"]})
    for filter in ("nonsense", "metrics.b > 'x'", "params.p1 = 1", "params.p1 > '1'", "metrics.b LIKE '1'", "attribute.nope = 'x'", "a.b = 'c'", "metrics.b > 1 OR metrics.b < 0", "metrics.b >", "status IN ('FINISHED')", "tags.a = 'unclosed", "run_id IN ()", "run_id IN 'x'"):
        ask("POST", s, {"experiment_ids": everywhere, "filter": filter})
    for order in (["metrics.b DESC"], ["params.p1"], ["tags.bt DESC", "params.p1"], ["end_time DESC"], ["status"]):
        ask("POST", s, {"experiment_ids": everywhere, "order_by": [*order, "start_time ASC"]})
    ask("POST", s, {"experiment_ids": everywhere, "order_by": ["start_time", "start_time"]}, ours=400, why="MLflow blames itself")
    for order in (["nope"], ["metrics.b UP"], ["a b c"], "start_time", [7]):
        ask("POST", s, {"experiment_ids": everywhere, "order_by": order})
    for size in (0, -1, 50000, 50001, "x", 1.5):
        ask("POST", s, {"experiment_ids": ["99999"], "max_results": size}, ours=400 if size == 1.5 else None, why=PARTIAL)
    ask("POST", s, {"experiment_ids": everywhere, "page_token": "nonsense"}, ours=400, why="MLflow's message is that of Python's base64 module")
    ask("POST", RUN + "delete", {"run_id": "{{run3}}"})
    for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL", 2):
        ask("POST", s, {"experiment_ids": ["{{exp1}}"], "run_view_type": view, "order_by": ["start_time"]})
    ask("POST", s, {"experiment_ids": ["{{exp1}}"], "run_view_type": "NONSENSE"}, ours=400, why=UNKNOWN)
    ask("POST", RUN + "restore", {"run_id": "{{run3}}"})


def datasets():
    d = {"name": "sales", "digest": "d1", "source_type": "local", "source": "{\"uri\": \"x.csv\"}", "schema": "{}", "profile": "{\"rows\": 3}"}
    context = [{"key": "mlflow.data.context", "value": "training"}]
    path = RUN + "log-inputs"
    ask("POST", path, {"run_id": "{{run1}}", "datasets": [{"tags": context, "dataset": d}]})
    ask("POST", path, {"run_id": "{{run1}}", "datasets": [{"tags": context, "dataset": d}]})
    ask("POST", path, {"run_id": "{{run2}}", "datasets": [{"dataset": {k: d[k] for k in ("name", "digest", "source_type", "source")}}, {"tags": context, "dataset": {**d, "name": "other"}}]})
    ask("POST", path, {"run_id": "{{run2}}"})
    ask("POST", path, {"run_id": "{{run2}}", "datasets": []})
    for key in ("name", "digest", "source_type", "source"):
        ask("POST", path, {"run_id": "{{run2}}", "datasets": [{"dataset": {k: v for k, v in d.items() if k != key}}]})
    ask("POST", path, {"run_id": "{{scratch}}", "datasets": [{"tags": context}]}, ours=400, why="MLflow keeps a dataset without a name")
    ask("POST", path, {"run_id": "{{run2}}", "datasets": [{"dataset": {**d, "name": "x" * 501}}]})
    ask("POST", path, {"run_id": "{{run2}}", "datasets": [{"dataset": d, "tags": [{"key": "x" * 256, "value": "v"}]}]})
    ask("POST", path, {"run_id": "{{scratch}}", "datasets": [{"dataset": {**d, "name": 7}}]}, ours=400, why=PARTIAL)
    ask("POST", path, {"run_id": "{{run2}}", "datasets": "x"})
    ask("POST", path, {"run_id": "{{run2}}", "models": "x"})
    ask("POST", path, {"datasets": []})
    ask("POST", path, {"run_id": "nobody", "datasets": [{"dataset": d}]})
    ask("GET", query(RUN + "get", run_id="{{run1}}"))
    ask("GET", query(RUN + "get", run_id="{{run2}}"))
    ask("POST", RUN + "search", {"experiment_ids": ["{{exp1}}"], "filter": "dataset.name = 'sales'", "order_by": ["start_time"]})
    ask("POST", RUN + "search", {"experiment_ids": ["{{exp1}}"], "filter": "dataset.context = 'training' AND dataset.digest = 'd1'", "order_by": ["start_time"]})
    s = "/ajax-api/2.0/mlflow/experiments/search-datasets"
    ask("POST", s, {"experiment_ids": ["{{exp1}}"]})
    ask("POST", s, {"experiment_ids": ["99999"]})
    ask("POST", s, {"experiment_ids": []})
    ask("POST", s, {})
    ask("POST", s, {"experiment_ids": [str(n) for n in range(21)]})


def logged_models():
    ask("POST", LOG, {"experiment_id": "{{exp1}}", "name": "lm", "model_type": "forest", "source_run_id": "{{run1}}", "params": [{"key": "p", "value": "1"}], "tags": [{"key": "t", "value": "1"}]}, save={"lm1": "model.info.model_id"})
    ask("POST", LOG, {"experiment_id": "{{exp1}}"}, save={"lm2": "model.info.model_id", "lmname2": "model.info.name"})
    ask("POST", LOG, {"experiment_id": "{{exp1}}", "name": "third", "source_run_id": "{{run2}}"}, save={"lm3": "model.info.model_id"})
    ask("POST", LOG, {"experiment_id": "99999", "name": "x"})
    ask("POST", LOG, {"name": "x"})
    for name in ("a/b", "a:b", "a.b", "a%b", 'a"b', "a'b", 7):
        ask("POST", LOG, {"experiment_id": "{{exp1}}", "name": name})
    ask("POST", LOG, {"experiment_id": "{{exp1}}", "name": "x", "params": "y"})
    ask("POST", LOG, {"experiment_id": "{{exp1}}", "name": "x", "params": [{"key": "x" * 251, "value": "1"}]})
    ask("POST", LOG, {"experiment_id": "{{exp1}}", "name": "x", "tags": [{"key": "x" * 251, "value": "1"}]})
    one = LOG + "/{{lm1}}"
    ask("GET", one)
    ask("GET", LOG + "/m-nobody")
    ask("PATCH", one, {"model_id": "{{lm1}}", "status": "LOGGED_MODEL_READY"})
    ask("PATCH", LOG + "/{{lm2}}", {"model_id": "{{lm2}}", "status": 3})
    ask("POST", LOG, {"experiment_id": "{{exp2}}", "name": "scratch"}, save={"lm9": "model.info.model_id"})
    ask("PATCH", LOG + "/{{lm9}}", {"model_id": "{{lm9}}", "status": "NONSENSE"}, ours=400, why=UNKNOWN)
    ask("PATCH", one, {"model_id": "{{lm1}}"})
    ask("PATCH", one, {"status": "LOGGED_MODEL_READY"}, ours=200, why="the path names the model")
    ask("PATCH", LOG + "/m-nobody", {"model_id": "m-nobody", "status": "LOGGED_MODEL_READY"})
    ask("PATCH", one + "/tags", {"model_id": "{{lm1}}", "tags": [{"key": "t", "value": "2"}, {"key": "u", "value": ""}]})
    ask("PATCH", one + "/tags", {"tags": [{"key": "v"}]})
    ask("PATCH", one + "/tags", {"tags": "x"})
    ask("PATCH", one + "/tags", {"tags": [{"key": "x" * 251, "value": "v"}]})
    ask("PATCH", LOG + "/m-nobody/tags", {"tags": [{"key": "t", "value": "2"}]})
    ask("DELETE", one + "/tags/u")
    ask("DELETE", one + "/tags/u")
    ask("DELETE", LOG + "/m-nobody/tags/u")
    ask("POST", one + "/params", {"model_id": "{{lm1}}", "params": [{"key": "q", "value": "2"}]})
    ask("POST", one + "/params", {"model_id": "{{lm1}}", "params": [{"key": "q", "value": "3"}]}, ours=400, why="MLflow's message is that of its database")
    ask("POST", LOG + "/m-nobody/params", {"model_id": "m-nobody", "params": [{"key": "q", "value": "3"}]})
    ask("POST", RUN + "outputs", {"run_id": "{{run1}}", "models": [{"model_id": "{{lm1}}", "step": 3}, {"model_id": "{{lm3}}"}]})
    ask("POST", RUN + "outputs", {"run_id": "{{run1}}"})
    ask("POST", RUN + "outputs", {"run_id": "{{run1}}", "models": []})
    ask("POST", RUN + "outputs", {"run_id": "nobody", "models": [{"model_id": "{{lm1}}"}]})
    ask("POST", RUN + "log-inputs", {"run_id": "{{run2}}", "models": [{"model_id": "{{lm1}}"}]})
    ask("GET", query(RUN + "get", run_id="{{run1}}"))
    ask("GET", query(RUN + "get", run_id="{{run2}}"))
    ask("POST", RUN + "log-metric", {"run_id": "{{run1}}", "key": "acc", "value": 0.75, "timestamp": 5, "model_id": "{{lm1}}"})
    ask("POST", RUN + "log-metric", {"run_id": "{{run1}}", "key": "acc", "value": 0.5, "timestamp": 6, "model_id": "{{lm1}}", "dataset_name": "sales", "dataset_digest": "d1"})
    ask("POST", RUN + "log-metric", {"run_id": "{{run2}}", "key": "acc", "value": 0.25, "timestamp": 6, "model_id": "{{lm3}}"})
    ask("GET", one)
    ask("GET", query(MET + "get-history", run_id="{{run1}}", metric_key="acc"))
    s = LOG + "/search"
    ask("POST", s, {"experiment_ids": ["{{exp1}}"], "order_by": [{"field_name": "creation_time", "ascending": True}]})
    ask("POST", s, {"experiment_ids": ["{{exp1}}"], "order_by": [{"field_name": "creation_time", "ascending": True}], "max_results": 2}, save={"l1": "next_page_token"})
    ask("POST", s, {"experiment_ids": ["{{exp1}}"], "order_by": [{"field_name": "creation_time", "ascending": True}], "max_results": 2, "page_token": "{{l1}}"})
    ask("POST", s, {"experiment_ids": ["{{exp1}}"], "order_by": [{"field_name": "metrics.acc", "ascending": False}]})
    ask("POST", s, {"experiment_ids": ["{{exp1}}"], "order_by": [{"field_name": "metrics.acc", "dataset_name": "sales", "dataset_digest": "d1"}]})
    for filter in ("name = 'lm'", "params.p = '1'", "tags.t = '2'", "metrics.acc > 0.6", "status = 'READY'", "model_type = 'forest'", "source_run_id = '{{run2}}'", "name LIKE 'th%' AND metrics.acc < 1", "nonsense", "creation_timestamp > 0"):
        ask("POST", s, {"experiment_ids": ["{{exp1}}"], "filter": filter, "order_by": [{"field_name": "creation_time", "ascending": True}]})
    for filter in ("metrics.acc > 'x'", "nope = 'x'"):
        ask("POST", s, {"experiment_ids": ["{{exp1}}"], "filter": filter}, ours=400, why="MLflow blames itself")
    ask("POST", s, {"experiment_ids": ["{{exp1}}"], "filter": "metrics.acc > 0.1", "datasets": [{"dataset_name": "sales", "dataset_digest": "d1"}]})
    ask("POST", s, {"experiment_ids": ["{{exp1}}"], "filter": "metrics.acc > 0.1", "datasets": [{"dataset_name": "nobody"}]})
    ask("POST", s, {"experiment_ids": ["{{exp1}}"], "order_by": [{"field_name": "nope"}]}, ours=400, why="MLflow names a class of errors that nothing else has")
    ask("POST", s, {"experiment_ids": ["{{exp1}}"], "order_by": ["name"]}, ours=400, why=PARTIAL)
    ask("POST", s, {"experiment_ids": ["{{exp1}}"], "page_token": "nonsense"}, ours=400, why="MLflow's message is that of Python's base64 module")
    ask("POST", s, {"experiment_ids": ["99999"]})
    ask("POST", s, {})
    ask("DELETE", LOG + "/{{lm3}}")
    ask("GET", LOG + "/{{lm3}}")
    ask("DELETE", LOG + "/{{lm3}}")
    ask("DELETE", LOG + "/m-nobody")
    ask("POST", s, {"experiment_ids": ["{{exp1}}"], "order_by": [{"field_name": "creation_time", "ascending": True}]})
    model = {"artifact_path": "model", "flavors": {"sklearn": {"code": None}}, "utc_time_created": "2026-01-01", "run_id": "x", "mlflow_version": "2.0"}
    ask("POST", RUN + "log-model", {"run_id": "{{run2}}", "model_json": "{bad"})
    ask("POST", RUN + "log-model", {"run_id": "{{run2}}", "model_json": json.dumps({k: v for k, v in model.items() if k != "flavors"})})
    ask("POST", RUN + "log-model", {"run_id": "{{run2}}"})
    ask("POST", RUN + "log-model", {"run_id": "{{run2}}", "model_json": json.dumps(model)})


def registry():
    ask("POST", REG + "create", {"name": "m1", "description": "first", "tags": [{"key": "a", "value": "b"}]})
    ask("POST", REG + "create", {"name": "m1"})
    ask("POST", REG + "create", {"name": "m2"})
    for name in ("", None, 7, "a/b", "a:b", "ünï 😀"):
        ask("POST", REG + "create", {"name": name})
    ask("POST", REG + "create", {"name": "m3", "tags": "x"})
    ask("POST", REG + "create", {"name": "m3", "tags": [{"key": "x" * 251, "value": "v"}]})
    ask("POST", REG + "create", {"name": "m3", "description": 7})
    ask("GET", query(REG + "get", name="m1"))
    ask("GET", query(REG + "get", name="nobody"))
    ask("GET", REG + "get")
    ask("PATCH", REG + "update", {"name": "m1", "description": "changed"})
    ask("PATCH", REG + "update", {"name": "m1"})
    ask("PATCH", REG + "update", {"name": "nobody", "description": "x"})
    ask("PATCH", REG + "update", {"description": "x"})
    ask("POST", REG + "set-tag", {"name": "m1", "key": "k", "value": "v"})
    ask("POST", REG + "set-tag", {"name": "m1", "key": "k2"})
    ask("POST", REG + "set-tag", {"name": "m1", "key": "big", "value": "x" * 100001})
    odd(REG + "set-tag", {"name": "m2", "key": "odd", "value": "v"}, "key")
    odd(REG + "set-tag", {"name": "m2", "key": "odd", "value": "v"}, "value")
    odd(REG + "set-tag", {"name": "m2", "key": "odd", "value": "v"}, "name")
    ask("DELETE", REG + "delete-tag", {"name": "m1", "key": "k2"})
    ask("DELETE", REG + "delete-tag", {"name": "m1", "key": "k2"})
    ask("DELETE", REG + "delete-tag", {"name": "m1"})
    ask("DELETE", REG + "delete-tag", {"name": "nobody", "key": "k2"})
    ask("GET", query(REG + "get", name="m1"))
    v = VER + "create"
    ask("POST", v, {"name": "m1", "source": "mlflow-artifacts:/{{exp1}}/{{run1}}/artifacts/model", "run_id": "{{run1}}", "description": "v1", "run_link": "http://x", "tags": [{"key": "a", "value": "b"}]})
    ask("POST", v, {"name": "m1", "source": "runs:/{{run1}}/model", "run_id": "{{run1}}"})
    ask("POST", v, {"name": "m1", "source": "models:/{{lm1}}", "model_id": "{{lm1}}"})
    ask("POST", v, {"name": "m1", "source": "s3://bucket/model"})
    ask("GET", LOG + "/{{lm1}}")
    ask("POST", v, {"name": "m2", "source": "models:/m1/1"})
    ask("POST", v, {"name": "m2", "source": "models:/m1/3"})
    ask("POST", v, {"name": "m2", "source": "models:/m1/latest"})
    for source in ("mlflow-artifacts:/{{exp1}}/{{run2}}/artifacts/model", "mlflow-artifacts:/0/x", "mlflow-artifacts://host/x", "runs:/{{run2}}/model", "runs:/", "models:/{{lm1}}", "models:/nobody/1", "models:/m1/99", "models:/m1@nobody", "models://host/x", "models:/", "models:/a/b/c", "/etc/passwd", "file://10.1.2.3/x", "http://host/x", "ftp://host/x", "s3://bucket/../x", "s3://bucket/%2e%2e/x", "s3://bucket/a/./b", "s3://bucket", "s3://bucket/a//b/", ""):
        ask("POST", v, {"name": "m2", "source": source, "run_id": "{{run1}}"}, ours=400 if "host/" in source else None, why="the texts name environment variables that are not ours")
    ask("POST", v, {"name": "m2", "source": "models:/m1/Staging"})
    for source in ("file:///etc", "etc"):
        ask("POST", v, {"name": "m2", "source": source, "run_id": "{{run1}}"}, ours=400, why="MLflow shows where it runs")
    for source in ("mlflow-artifacts:/{{exp1}}/models/{{lm1}}/artifacts", "mlflow-artifacts:/{{exp1}}/models/{{lm2}}/artifacts", "models:/{{lm2}}", "models:/m1/1", "runs:/{{run1}}/model", "/etc", "s3://bucket/x"):
        ask("POST", v, {"name": "m2", "source": source, "model_id": "{{lm1}}"})
    ask("POST", v, {"name": "m2", "source": "s3://bucket/x", "model_id": "m-nobody"})
    ask("POST", v, {"name": "m2", "source": "mlflow-artifacts:/0/x", "run_id": "nobody"})
    ask("POST", v, {"name": "nobody", "source": "s3://bucket/x"})
    ask("POST", v, {"name": "m2"})
    ask("POST", v, {"source": "s3://bucket/x"})
    ask("POST", v, {"name": "m2", "source": "s3://bucket/x", "tags": "x"})
    ask("POST", v, {"name": "m2", "source": "s3://bucket/x", "run_id": 7})
    ask("POST", v, {"name": "m2", "source": "s3://bucket/x", "tags": [{"key": "x" * 251, "value": "v"}]})
    g = VER + "get"
    ask("GET", query(g, name="m1", version="1"))
    for args in ({"name": "m1", "version": "99"}, {"name": "nobody", "version": "1"}, {"name": "m1", "version": "x"}, {"name": "m1"}, {"version": "1"}, {"name": "", "version": "1"}, {"name": "m1", "version": "0"}, {"name": "m1", "version": "01"}):
        ask("GET", query(g, **args))
    for args in ({"name": "m1", "version": "1"}, {"name": "m1", "version": "3"}, {"name": "m2", "version": "1"}, {"name": "m1", "version": "99"}, {"name": "m1"}):
        ask("GET", query(VER + "get-download-uri", **args))
    ask("PATCH", VER + "update", {"name": "m1", "version": "1", "description": "neu"})
    ask("PATCH", VER + "update", {"name": "m1", "version": "1", "description": ""})
    ask("PATCH", VER + "update", {"name": "m1", "version": 1, "description": "x"})
    ask("PATCH", VER + "update", {"name": "m1", "version": "99", "description": "x"})
    ask("POST", VER + "set-tag", {"name": "m1", "version": "1", "key": "k", "value": "v"})
    ask("POST", VER + "set-tag", {"name": "m1", "version": "1", "key": "e"})
    ask("POST", VER + "set-tag", {"name": "m1", "version": "99", "key": "k", "value": "v"})
    odd(VER + "set-tag", {"name": "m1", "version": "2", "key": "odd", "value": "v"}, "version")
    odd(VER + "set-tag", {"name": "m1", "version": "2", "key": "odd", "value": "v"}, "key")
    ask("DELETE", VER + "delete-tag", {"name": "m1", "version": "1", "key": "e"})
    ask("DELETE", VER + "delete-tag", {"name": "m1", "version": "1", "key": "e"})
    ask("DELETE", VER + "delete-tag", {"name": "m1", "version": "1"})
    t = VER + "transition-stage"
    ask("POST", t, {"name": "m1", "version": "1", "stage": "Production", "archive_existing_versions": False})
    ask("POST", t, {"name": "m1", "version": "2", "stage": "production", "archive_existing_versions": True})
    ask("POST", t, {"name": "m1", "version": "4", "stage": "Staging"})
    ask("GET", query(g, name="m1", version="1"))
    for body in ({"stage": "Nonsense"}, {"stage": 7}, {}, {"stage": "None", "archive_existing_versions": True}, {"stage": "Staging", "archive_existing_versions": "yes"}, {"stage": "Staging", "version": "99"}, {"stage": "Archived", "archive_existing_versions": True}):
        ask("POST", t, {"name": "m1", "version": "2", **body})
    latest = REG + "get-latest-versions"
    ask("POST", latest, {"name": "m1"})
    ask("GET", query(latest, name="m1", stages=["Production"]))
    ask("POST", latest, {"name": "m1", "stages": ["None", "staging"]})
    ask("POST", latest, {"name": "m1", "stages": ["Nonsense"]})
    ask("POST", latest, {"name": "m1", "stages": [7]})
    ask("POST", latest, {"name": "nobody"})
    ask("POST", latest, {})
    a = REG + "alias"
    ask("POST", a, {"name": "m1", "alias": "champion", "version": "1"})
    ask("POST", a, {"name": "m1", "alias": "champion", "version": "2"})
    ask("POST", a, {"name": "m1", "alias": "Second", "version": "2"})
    for alias in ("latest", "LATEST", "v1", "V12", "a b", "a/b", "ü", "x" * 256, "", None, 7, "ok-1_2"):
        ask("POST", a, {"name": "m1", "alias": alias, "version": "1"})
    ask("POST", a, {"name": "m1", "alias": "x", "version": "99"})
    ask("POST", a, {"name": "nobody", "alias": "x", "version": "1"})
    ask("POST", a, {"name": "m1", "alias": "x"})
    ask("GET", query(a, name="m1", alias="champion"))
    ask("GET", query(a, name="m1", alias="Champion"))
    ask("GET", query(a, name="m1", alias="nobody"))
    ask("GET", query(a, name="nobody", alias="champion"))
    ask("GET", query(a, name="m1"))
    ask("GET", query(REG + "get", name="m1"))
    ask("POST", latest, {"name": "m1"})
    ask("GET", query(g, name="m1", version="2"))
    ask("POST", v, {"name": "m2", "source": "models:/m1@champion"})
    ask("DELETE", a, {"name": "m1", "alias": "Second"})
    ask("DELETE", a, {"name": "m1", "alias": "Second"})
    ask("DELETE", a, {"name": "nobody", "alias": "Second"})
    ask("DELETE", a, {"name": "m1"})


def registry_searches():
    s = REG + "search"
    ask("GET", s)
    ask("GET", query(s, max_results=1), save={"r1": "next_page_token"})
    ask("GET", query(s, max_results=1, page_token="{{r1}}"))
    for filter in ("name = 'm1'", "name LIKE 'm%'", "name ILIKE 'M1'", "tags.a = 'b'", "tag.`mlflow.prompt.is_prompt` != 'true'", "tag.`mlflow.prompt.is_prompt` = 'true'", "name != 'm1'", "nonsense", "nope = 'x'", "name > 'a'", "name = m1"):
        ask("GET", query(s, filter=filter))
    for order in (["name DESC"], ["last_updated_timestamp", "name"], ["timestamp DESC"], ["nope"], ["name UP"]):
        ask("GET", query(s, order_by=order))
    for size in (0, -1, 1000, 1001, "x"):
        ask("GET", query(s, max_results=size), ours=400 if size in (0, -1) else None, why="MLflow answers with models, or with a page for ever")
    ask("GET", query(s, page_token="nonsense"), ours=400, why="MLflow's message is that of Python's base64 module")
    s = VER + "search"
    ask("GET", query(s, order_by=["name ASC", "version_number ASC"]))
    ask("GET", query(s, max_results=2, order_by=["name ASC", "version_number ASC"]), save={"v1": "next_page_token"})
    ask("GET", query(s, max_results=2, order_by=["name ASC", "version_number ASC"], page_token="{{v1}}"))
    for filter in ("name = 'm1'", "name='m2' AND version_number > 1", "run_id = '{{run1}}'", "run_id IN ('{{run1}}', 'x')", "source_path = 's3://bucket/model'", "source_path LIKE 's3%'", "tags.a = 'b'", "version_number = 1", "nonsense", "nope = 'x'", "name > 'a'", "version_number = 'x'", "run_id IN ()", "name = m1"):
        ask("GET", query(s, filter=filter, order_by=["name ASC", "version_number ASC"]))
    for order in (["version_number DESC", "name"], ["creation_timestamp", "name", "version_number"], ["nope"]):
        ask("GET", query(s, order_by=order))
    for size in (0, -1, 200000, 200001, "x"):
        ask("GET", query(s, max_results=size, filter="name = 'nobody'"))
    ask("DELETE", VER + "delete", {"name": "m1", "version": "2"})
    ask("DELETE", VER + "delete", {"name": "m1", "version": "2"})
    ask("DELETE", VER + "delete", {"name": "m1", "version": "99"})
    ask("DELETE", VER + "delete", {"name": "m1"})
    ask("GET", query(VER + "get", name="m1", version="2"))
    ask("GET", query(REG + "get", name="m1"))
    ask("GET", query(REG + "alias", name="m1", alias="champion"))
    ask("POST", VER + "create", {"name": "m1", "source": "s3://bucket/again"})
    ask("POST", REG + "rename", {"name": "m1", "new_name": "m1 new"})
    ask("POST", REG + "rename", {"name": "m1 new", "new_name": "m2"})
    ask("POST", REG + "rename", {"name": "nobody", "new_name": "x"})
    ask("POST", REG + "rename", {"name": "m1 new", "new_name": "a/b"})
    ask("POST", REG + "rename", {"name": "m1 new"})
    ask("POST", REG + "rename", {"name": "m1 new", "new_name": 7})
    ask("GET", query(REG + "get", name="m1"))
    ask("GET", query(VER + "get", name="m1 new", version="1"))
    ask("DELETE", REG + "delete", {"name": "m1 new"})
    ask("DELETE", REG + "delete", {"name": "m1 new"})
    ask("DELETE", REG + "delete", {})
    ask("GET", query(VER + "get", name="m1 new", version="1"))


def edges():
    ask("GET", "/health")
    ask("GET", "/version")
    ask("GET", "/api/2.0/mlflow/nothing", ours=404, why="our 404 has an error code")
    ask("POST", "/api/3.0/mlflow/nothing", {}, ours=404, why="our 404 has an error code")
    ask("GET", RUN + "create", ours=405, why="our 405 has an error code")
    ask("PUT", EXP + "get", {}, ours=405, why="our 405 has an error code")
    ask("GET", query(RUN + "get", run_id=["{{run1}}", "x"]))


experiments()
runs()
batches()
histories()
searches()
datasets()
logged_models()
registry()
registry_searches()
edges()

print("[")
print(",\n".join(json.dumps(e, ensure_ascii=False, separators=(",", ":")) for e in entries))
print("]")
