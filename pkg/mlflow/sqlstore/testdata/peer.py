"""MLflow's own store beside ours, on one database.

    python peer.py make URI     makes the database and a run in it
    python peer.py use URI RUN  reads a run, writes into it, and prints it as JSON
"""

import sys

from mlflow import entities as me
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.proto_json_utils import message_to_json

task, uri = sys.argv[1:3]
store = SqlAlchemyStore(uri, "s3://root")
if task == "make":
    run = store.create_run(store.create_experiment("theirs"), "them", 1, [me.RunTag("by", "them")], "named").info.run_id
    store.log_batch(run, [me.Metric("m", 0.5, 1, 2), me.Metric("n", float("nan"), 1, 2)], [me.Param("p", "1")], [])
    print(run, end="")
else:
    run = sys.argv[3]
    store.log_metric(run, me.Metric("m", 9.5, 9, 9))
    store.set_tag(run, me.RunTag("seen", "by MLflow"))
    store.create_experiment("theirs again")
    print(message_to_json(store.get_run(run).to_proto()))
