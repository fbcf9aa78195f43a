"""Records what MLflow's own server answers to queries in GraphQL.

    mlflow server --backend-store-uri sqlite:///x.db --artifacts-destination art --port 5000
    python graphql.py http://127.0.0.1:5000 > graphql.json

Recorded with mlflow 3.17.2, from a new database. The ids of the run, its output
and the experiment are written as RUN, MODEL and EXPERIMENT. graphql_test.go
holds the same run.
"""
import json
import sys
import urllib.request

URL = sys.argv[1]


def post(path, body):
    r = urllib.request.Request(URL + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(r) as got:
            return got.status, got.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def call(path, body):
    status, text = post("/api/2.0/mlflow/" + path, body)
    assert status == 200, text
    return json.loads(text)


experiment = call("experiments/create", {"name": "graph", "tags": [{"key": "team", "value": "red"}]})["experiment_id"]
run = call("runs/create", {"experiment_id": experiment, "run_name": "first", "user_id": "ann", "start_time": 1700000000000,
                           "tags": [{"key": "k", "value": "v"}]})["run"]["info"]["run_id"]
call("runs/log-batch", {"run_id": run, "params": [{"key": "p", "value": "1"}], "metrics": [
    {"key": "loss", "value": 0.5, "timestamp": 1700000000001, "step": 3},
    {"key": "whole", "value": 2, "timestamp": 1700000000002, "step": 0},
    {"key": "bad", "value": "NaN", "timestamp": 1700000000003, "step": 9007199254740993}]})
call("runs/log-inputs", {"run_id": run, "datasets": [{"tags": [{"key": "mlflow.data.context", "value": "training"}], "dataset": {
    "name": "d", "digest": "1a", "source_type": "local", "source": "{}", "schema": "{\"x\": 1}"}}]})
model = call("logged-models", {"experiment_id": experiment, "name": "m", "source_run_id": run})["model"]["info"]["model_id"]
call("runs/outputs", {"run_id": run, "models": [{"model_id": model, "step": 7}]})
call("registered-models/create", {"name": "sales"})
call("model-versions/create", {"name": "sales", "source": "mlflow-artifacts:/%s/%s/artifacts/m" % (experiment, run), "run_id": run})
IDS = {run: "RUN", model: "MODEL"}

GET_RUN = """query GetRun($data: MlflowGetRunInput!) @component(name: "MLflow.ExperimentRunTracking") {
  mlflowGetRun(input: $data) { __typename apiError { helpUrl code message } run { __typename
    info { __typename runName status runUuid experimentId artifactUri endTime lifecycleStage startTime userId }
    experiment { __typename experimentId name tags { __typename key value } artifactLocation lifecycleStage }
    modelVersions { __typename status version name source }
    data { __typename metrics { __typename key value step timestamp } params { __typename key value } tags { __typename key value } }
    inputs { __typename datasetInputs { __typename dataset { __typename digest name profile schema source sourceType } tags { key value } } modelInputs { modelId } }
    outputs { __typename modelOutputs { __typename modelId step } } } } }"""
GET_EXPERIMENT = """query MlflowGetExperimentQuery($input: MlflowGetExperimentInput!) @component(name: "MLflow.ExperimentRunTracking") {
  mlflowGetExperiment(input: $input) { apiError { code message } experiment { artifactLocation effectiveTraceArchivalRetention experimentId lifecycleStage name workspace tags { key value } } } }"""
SEARCH = """query SearchRuns($data: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $data) { apiError { code } nextPageToken runs { info { runUuid status } data { params { key value } } experiment { name } modelVersions { version name } } } }"""
INTERVAL = """query GetMetricHistoryBulkInterval($data: MlflowGetMetricHistoryBulkIntervalInput!) @component(name: "MLflow.ExperimentRunTracking") {
  mlflowGetMetricHistoryBulkInterval(input: $data) { __typename metrics { timestamp step runId key value } apiError { code message } } }"""
answers = []


def ask(name, query, variables=None, operation=None):
    request = {"query": query, "variables": variables, "operationName": operation}
    status, text = post("/graphql", request)
    request = json.dumps(request)
    for word, letter in IDS.items():
        text, request = text.replace(word, letter), request.replace(word, letter)
    answers.append({"name": name, "request": json.loads(request), "status": status, "answer": json.loads(text) if status == 200 else None})


ask("run", GET_RUN, {"data": {"runId": run}}, "GetRun")
ask("run that is missing", GET_RUN, {"data": {"runId": "none"}}, "GetRun")
ask("experiment", GET_EXPERIMENT, {"input": {"experimentId": experiment}}, "MlflowGetExperimentQuery")
ask("experiment that is missing", GET_EXPERIMENT, {"input": {"experimentId": "99"}}, "MlflowGetExperimentQuery")
ask("runs", SEARCH, {"data": {"experimentIds": [experiment], "filter": "params.p = '1'", "maxResults": 5, "runViewType": "ACTIVE_ONLY"}}, "SearchRuns")
ask("runs with a bad filter", SEARCH, {"data": {"experimentIds": [experiment], "filter": "nonsense"}}, "SearchRuns")
ask("runs as a mutation", 'mutation M { mlflowSearchRuns(input: {experimentIds: ["%s"]}) { runs { info { runId } } } }' % experiment, None, "M")
ask("interval", INTERVAL, {"data": {"runIds": [run], "metricKey": "loss", "maxResults": 10}}, "GetMetricHistoryBulkInterval")
ask("interval with an int for a string", INTERVAL, {"data": {"runIds": [run], "metricKey": 1}}, "GetMetricHistoryBulkInterval")
ask("datasets", 'mutation M { mlflowSearchDatasets(input: {experimentIds: ["%s"]}) { datasetSummaries { experimentId name digest context } } }' % experiment)
ask("versions", "query { mlflowSearchModelVersions(input: {filter: \"name='sales'\", maxResults: 5}) { nextPageToken modelVersions { name version aliases tags { key } "
    "userId description runLink modelId statusMessage currentStage modelParams { name } modelMetrics { key } deploymentJobState { jobId jobState runState } } } }")
ask("artifacts", 'query { top: mlflowListArtifacts(input: {runId: "%s"}) { rootUri nextPageToken files { path isDir fileSize } } }' % run)
ask("aliases and fragments", 'query Q { a: mlflowGetRun(input: {runId: "%s"}) { ...F run { ... on MlflowRunExtension { info { id: runId } } } } } fragment F on MlflowGetRunResponse { run { info { runName } } }' % run)
ask("included and skipped", 'query Q($yes: Boolean!) { mlflowGetRun(input: {runId: "%s"}) { run { info { runId @skip(if: $yes) runName @include(if: $yes) } } } }' % run, {"yes": True})
ask("unknown field", 'query { mlflowGetRun(input: {runId: "x"}) { nothing } }')
ask("unknown variable", "query { mlflowGetRun(input: $x) { run { info { runId } } } }")
ask("variable without a value", GET_RUN, {}, "GetRun")
ask("two operations and no name", "query A { test(inputString: \"x\") { output } } query B { test(inputString: \"y\") { output } }")
ask("two operations and a name", "query A { test(inputString: \"x\") { output } } query B { test(inputString: \"y\") { output } }", None, "B")
ask("eleven root fields", "query { " + " ".join('f%d: test(inputString: "x") { output }' % i for i in range(11)) + " }")
ask("eleven aliases below", 'query { test(inputString: "x") { ' + " ".join("f%d: output" % i for i in range(11)) + " } }")
ask("broken syntax", "query {")
ask("no query", None)
json.dump({"mlflow": "3.17.2", "answers": answers}, sys.stdout, indent=1)
