"""Writes with stock MLflow through two tracking servers at once and reads all of it
back through each.

Standard input is a JSON object: uris and runs, how many to make. Standard output
is a list with what each server shows, and who won where only one could.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import mlflow
from mlflow.exceptions import MlflowException

job = json.load(sys.stdin)
clients = [mlflow.MlflowClient(uri) for uri in job["uris"]]
pool = ThreadPoolExecutor(8)


def attempt(call, *args):
    """Makes a call that only one of many can win; tells the code of a loser."""
    try:
        call(*args)
        return "won"
    except MlflowException as e:
        return e.error_code


def everybody(name, *args):
    """Makes the same call several times through each server, all at once."""
    return sorted(pool.map(lambda i: attempt(getattr(clients[i % 2], name), *args), range(8)))


def one_run(i):
    """Makes a run through both servers, one call each in turn."""
    here, there = clients[i % 2], clients[(i + 1) % 2]
    run_id = here.create_run(experiment, run_name=f"run {i}", tags={"i": str(i)}).info.run_id
    there.log_param(run_id, "i", i)
    for step in range(10):
        (here, there)[step % 2].log_metric(run_id, "m", i + step / 10, step=step)
    here.log_text(run_id, f"text {i}", "folder/file.txt")
    there.log_metric(common, "all", i, step=i)
    there.set_terminated(run_id)


def shown(client):
    """Tells all that a server shows of it."""
    runs = {}
    for r in client.search_runs([experiment], max_results=1000):
        if r.info.run_id == common:
            continue
        history = client.get_metric_history(r.info.run_id, "m")
        runs[r.info.run_name] = {
            "status": r.info.status,
            "params": r.data.params,
            "tag": r.data.tags["i"],
            "history": [[m.step, m.value] for m in sorted(history, key=lambda m: m.step)],
        }
    return {
        "runs": runs,
        "common": sorted(m.step for m in client.get_metric_history(common, "all")),
        "versions": sorted(int(v.version) for v in client.search_model_versions("name = 'model'")),
        "alias": client.get_model_version_by_alias("model", "best").version,
        "texts": {name: text(client, name) for name in ("run 0", "run 1")},
    }


def text(client, name):
    """Reads the artifact of a run."""
    run = client.search_runs([experiment], f"attributes.run_name = '{name}'")[0]
    with open(client.download_artifacts(run.info.run_id, "folder/file.txt")) as f:
        return f.read()


races = {
    "create_experiment": everybody("create_experiment", "shared"),
    "create_registered_model": everybody("create_registered_model", "model"),
}
experiment = clients[0].get_experiment_by_name("shared").experiment_id
common = clients[1].create_run(experiment, run_name="common").info.run_id
list(pool.map(one_run, range(job["runs"])))
source = f"runs:/{common}/model"
list(pool.map(lambda i: clients[i % 2].create_model_version("model", source, common), range(job["runs"])))
clients[0].set_registered_model_alias("model", "best", "3")
json.dump({"races": races, "shown": [shown(c) for c in clients]}, sys.stdout, allow_nan=False)
