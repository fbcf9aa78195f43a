"""Records how MLflow's own server answers where there are workspaces, for
TestReplayWorkspaces.

    mlflow server --enable-workspaces --workers 1 --backend-store-uri sqlite:///EMPTY.db \
        --artifacts-destination DIR --host 127.0.0.1 --port PORT
    python workspaces.py http://127.0.0.1:PORT > workspaces.json
    mlflow server --workers 1 (another database, else the same)
    python workspaces.py http://127.0.0.1:PORT off > workspaces_off.json

Recorded with MLflow 3.17.2. The database must be new. record.py tells what stands
in an entry; "workspace" is the header X-MLFLOW-WORKSPACE.
"""

import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

BASE = sys.argv[1]
entries, saved = [], {}


def fill(text):
    for name, value in saved.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def mask(x):
    if isinstance(x, str):
        for name, value in saved.items():
            if len(value) > 8:
                x = x.replace(value, "{{" + name + "}}")
        x = x.split("\n[SQL:")[0]
        return re.sub(r"x{100,}", lambda m: "{{x*%d}}" % len(m[0]), re.sub(r"[0-9a-f]{32}", "{{id}}", x))
    if isinstance(x, dict):
        return {k: mask(v) for k, v in x.items()}
    if isinstance(x, list):
        return [mask(v) for v in x]
    if isinstance(x, int) and not isinstance(x, bool) and 1.6e12 < x < 1e13:
        return "{{time}}"
    return x


def ask(method, path, body=None, workspace=None, save=None, raw=None, ours=None, why=None):
    entry = {"method": method, "path": path}
    request = urllib.request.Request(BASE + fill(path), method=method)
    request.add_header("Content-Type", "application/json")
    if workspace is not None:
        entry["workspace"] = workspace
        request.add_header("X-MLFLOW-WORKSPACE", workspace)
    if raw is not None:
        entry["raw"] = raw
        request.data = raw.encode()
    elif body is not None:
        entry["body"] = body
        request.data = fill(json.dumps(body)).encode()
    try:
        with urllib.request.urlopen(request) as r:
            entry["status"], text = r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        entry["status"], text = e.code, e.read().decode()
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    for name, at in (save or {}).items():
        entry["save"] = save
        found = answer
        for step in at.split("."):
            found = found[step]
        saved[name] = found
    entry["answer"] = mask(answer)
    if ours:
        entry["ours"], entry["why"] = ours, why
    entries.append(entry)


HOST = "MLflow's server names a variable of its own that lifts the refusal"
WS, EXP, RUN, REG, VER = ("/api/" + p for p in ("3.0/mlflow/workspaces", "2.0/mlflow/experiments/", "2.0/mlflow/runs/",
                                                  "2.0/mlflow/registered-models/", "2.0/mlflow/model-versions/"))
FILES = "/api/2.0/mlflow-artifacts/artifacts"


def look_after():
    """Workspaces are made, shown, changed and deleted."""
    ask("GET", WS)
    ask("GET", WS.replace("api", "ajax-api"))
    ask("POST", WS, {"name": "team-a", "description": ""})
    ask("POST", WS, {"name": "team-a"})
    ask("POST", WS, {"name": "team-b", "default_artifact_root": "s3://bucket/b", "trace_archival_config": {"location": "s3://x/y", "retention": "30d"}})
    for name in ("default", "x", "XY", "-a", "a-", "a_b", "workspaces", "api", "ajax-api", "static-files", "x" * 64, "", 7, None):
        ask("POST", WS, {"name": name})
    ask("POST", WS, {})
    for key in ("description", "default_artifact_root", "trace_archival_config"):
        for value in (7, ["a"]):
            ask("POST", WS, {"name": "odd", key: value})
    for root in ("rel/x", "s3://a/b#f", "s3://a/b?x=../y", "http://host/x", "mlflow-artifacts://host/x", "C:team", "runs:/x/y"):
        ask("POST", WS, {"name": "odd", "default_artifact_root": root}, ours="//host" in root and 400, why=HOST)
    for at in ("x", "mlflow-artifacts:/x", "http://host/x"):
        ask("POST", WS, {"name": "odd", "trace_archival_config": {"location": at}}, ours="//host" in at and 400, why=HOST)
    for keep in ("x", "0d", "1y", "1" * 40 + "d", 7):
        ask("POST", WS, {"name": "odd", "trace_archival_config": {"retention": keep}})
    for name in ("team-a", "team-b", "default", "nope", "Bad", "x"):
        ask("GET", WS + "/" + name)
    ask("PATCH", WS + "/team-a", {})
    ask("PATCH", WS + "/team-a", {"description": "d", "default_artifact_root": ""})
    ask("PATCH", WS + "/team-a", {"default_artifact_root": " /srv/a "})
    ask("PATCH", WS + "/team-a", {"default_artifact_root": ""})
    ask("PATCH", WS + "/team-a", {"default_artifact_root": "rel"})
    ask("PATCH", WS + "/team-b", {"trace_archival_config": {"location": ""}})
    ask("PATCH", WS + "/default", {"description": "all"})
    ask("PATCH", WS + "/nope", {"description": "x"})
    ask("DELETE", WS + "/default")
    ask("DELETE", WS + "/nope")
    ask("DELETE", WS + "/Bad")
    ask("DELETE", WS + "/team-b?mode=ALL")
    ask("DELETE", WS + "/team-b")
    ask("GET", WS)


def work():
    """Requests work in the workspace that they name."""
    ask("POST", WS, {"name": "team-b"})
    ask("GET", "/api/3.0/mlflow/server-info", workspace="nope", ours=200, why="there is no gateway here")
    for name in ("nope", "BAD!", "x", "default", " team-a ", "  "):
        ask("GET", EXP + "get?experiment_id=0", workspace=name)
    ask("GET", WS, workspace="nope")
    ask("GET", EXP + "get?experiment_id=0")
    ask("POST", EXP + "create", {"name": "e", "artifact_location": "s3://x"}, "team-a")
    for name in ("team-a", "team-b", None):
        ask("POST", EXP + "create", {"name": "e"}, name)
        ask("POST", EXP + "create", {"name": "e"}, name)
    for name in ("team-a", "team-b", None):
        for i in "123":
            ask("GET", EXP + "get?experiment_id=" + i, workspace=name)
        ask("POST", EXP + "search", {"max_results": 10}, name)
        ask("GET", EXP + "get-by-name?experiment_name=e", workspace=name)
    ask("POST", EXP + "update", {"experiment_id": "1", "new_name": "n"}, "team-b")
    ask("POST", EXP + "delete", {"experiment_id": "1"}, "team-b")
    ask("POST", RUN + "create", {"experiment_id": "1", "run_name": "r"}, "team-b")
    ask("POST", RUN + "create", {"experiment_id": "1", "run_name": "r", "start_time": 1}, "team-a", save={"run": "run.info.run_id"})
    for name in ("team-a", "team-b"):
        ask("GET", RUN + "get?run_id={{run}}", workspace=name)
        ask("POST", RUN + "log-metric", {"run_id": "{{run}}", "key": "m", "value": 1, "timestamp": 1}, name)
        ask("GET", "/api/2.0/mlflow/metrics/get-history?run_id={{run}}&metric_key=m", workspace=name)
        ask("GET", "/api/2.0/mlflow/metrics/get-history?run_id=nope&metric_key=m", workspace=name)
        ask("POST", RUN + "search", {"experiment_ids": ["1"]}, name)
        ask("POST", "/graphql", {"query": "query q { mlflowGetRun(input: {runId: \"{{run}}\"}) { run { info { runName } experiment { name workspace } } } }"}, name)
        ask("GET", "/api/2.0/mlflow/artifacts/list?run_id={{run}}", workspace=name)
    ask("POST", REG + "create", {"name": "m"}, "team-a")
    ask("POST", REG + "create", {"name": "m"}, "team-a")
    ask("POST", REG + "create", {"name": "m"}, "team-b")
    ask("POST", VER + "create", {"name": "m", "source": "s3://bucket/a"}, "team-a")
    ask("GET", VER + "get?name=m&version=1", workspace="team-a")
    ask("GET", VER + "get?name=m&version=1", workspace="team-b")
    ask("POST", VER + "create", {"name": "m", "source": "models:/m/1"}, "team-b")
    ask("GET", REG + "search", workspace="team-b")
    ask("GET", VER + "search", workspace="team-b")


def files():
    """Files of the proxy lie in the folders of their workspaces."""
    ask("PUT", FILES + "/f.txt", raw="in team-a", workspace="team-a")
    for name in ("team-a", "team-b", None):
        ask("GET", FILES + "/f.txt", workspace=name)
        ask("GET", FILES + "/workspaces/team-a/f.txt", workspace=name)
        ask("GET", FILES, workspace=name)
    ask("GET", FILES + "/workspaces/", workspace="team-a")
    ask("PUT", FILES + "/1/{{run}}/artifacts/f.txt", raw="of the run", workspace="team-a")
    ask("PUT", FILES + "/workspaces/team-a/1/{{run}}/artifacts/f.txt", raw="of the run", workspace="team-b")
    ask("DELETE", FILES + "/workspaces/team-a/f.txt", workspace="team-b")
    for name in ("team-a", "team-b"):
        ask("GET", "/api/2.0/mlflow/artifacts/list?run_id={{run}}", workspace=name)
        ask("GET", "/get-artifact?run_uuid={{run}}&path=f.txt", workspace=name)


def end():
    """What is in a workspace holds it, goes with it, or stays."""
    for mode in ("", "?mode=RESTRICT", "?mode=SET_DEFAULT"):
        ask("DELETE", WS + "/team-a" + mode)
    ask("DELETE", WS + "/team-b?mode=CASCADE")
    ask("GET", EXP + "get?experiment_id=2", workspace="team-b")
    ask("POST", EXP + "update", {"experiment_id": "3", "new_name": "d"})
    ask("DELETE", WS + "/team-a?mode=SET_DEFAULT")
    ask("GET", RUN + "get?run_id={{run}}")
    ask("GET", "/api/2.0/mlflow/artifacts/list?run_id={{run}}")
    ask("GET", VER + "get?name=m&version=1")
    ask("GET", WS)


def off():
    """Without workspaces."""
    ask("GET", WS)
    ask("POST", WS, {"name": "team-a"})
    ask("DELETE", WS + "/team-a")
    ask("GET", EXP + "get?experiment_id=0", workspace="team-a")
    ask("GET", EXP + "get?experiment_id=0", workspace="default")
    ask("GET", EXP + "get?experiment_id=0", workspace=" ")


if sys.argv[2:] == ["off"]:
    off()
else:
    look_after()
    work()
    files()
    end()
json.dump(entries, sys.stdout, indent=1, ensure_ascii=False)
