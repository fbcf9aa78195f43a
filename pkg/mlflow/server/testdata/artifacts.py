"""Records what MLflow's own server answers to requests for artifacts.

    mlflow server --backend-store-uri sqlite:///x.db --artifacts-destination art --port 5000
    python artifacts.py 127.0.0.1:5000 > artifacts.json

Paths go over the wire as they stand here: http.client does not clean them.
Recorded with mlflow 3.17.2 on Linux. Ids of the run and the logged model are
written as RUN and MODEL.
"""
import http.client
import json
import sys

HOST = sys.argv[1]
API = "/api/2.0/mlflow-artifacts"
KEPT = ["Content-Type", "Content-Disposition", "X-Content-Type-Options", "Content-Range", "Accept-Ranges", "Location"]
answers, ids = [], {}


def send(method, path, body=None, headers=None):
    c = http.client.HTTPConnection(HOST)
    for word, value in ids.items():
        path = path.replace(word, value)
        body = body and body.replace(word, value)
    c.request(method, path, body=body and body.encode(), headers=headers or {})
    r = c.getresponse()
    return r, r.read().decode("utf-8", "replace")


def ask(method, path, body=None, headers=None, seed=False):
    r, text = send(method, path, body, headers)
    for word, value in ids.items():
        text = text.replace(value, word)
    kept = {k: r.headers[k] for k in KEPT if k in r.headers}
    answer = {"method": method, "path": path, "status": r.status, "headers": kept, "answer": text}
    if body is not None:
        answer["body"] = body
    if headers:
        answer["send"] = headers
    answers.append(answer)


def call(path, body):
    return json.loads(send("POST", "/api/2.0/mlflow/" + path, json.dumps(body), {"Content-Type": "application/json"})[1])


JSON = {"Content-Type": "application/json"}

# The proxy: files in and out.
for name in ["a.txt", "dir/b.txt", "dir/sub/c.bin", "dir/page.html", "dir/MLmodel", "dir/m.pkl", "dir/i.png",
             "dir/d.json", "dir/conda.yaml", "dir/p.parquet", "dir/v.svg", "dir/x.tar.gz", "dir/noext",
             "dir/with%20space.txt", "dir/%C3%A9t%C3%A9.txt", "dir/%E6%97%A5%E6%9C%AC", "dir/quo%22te.txt", "dir/semi;x.txt"]:
    ask("PUT", f"{API}/artifacts/{name}", "0123456789")
    ask("GET", f"{API}/artifacts/{name}")
ask("PUT", "/ajax-api/2.0/mlflow-artifacts/artifacts/twin.txt", "twin")
ask("PUT", f"{API}/artifacts/empty", "")
ask("GET", f"{API}/artifacts/empty")
ask("PUT", f"{API}/artifacts/a.txt", "replaced")
ask("GET", f"/ajax-api/2.0/mlflow-artifacts/artifacts/a.txt")
ask("GET", f"{API}/artifacts/a.txt", headers={"Range": "bytes=2-4"})
ask("GET", f"{API}/artifacts/a.txt", headers={"Range": "bytes=-3"})
ask("GET", f"{API}/artifacts/a.txt", headers={"Range": "bytes=100-"})
ask("GET", f"{API}/artifacts/missing")
ask("GET", f"{API}/artifacts/dir")
ask("PUT", f"{API}/artifacts/dir/", "x")
ask("PUT", f"{API}/artifacts/a.txt/below", "x")
ask("PUT", f"{API}/artifacts/dir", "x")

# Lists.
ask("GET", f"{API}/artifacts")
ask("GET", f"{API}/artifacts?path=")
ask("GET", f"{API}/artifacts?path=dir")
ask("GET", f"{API}/artifacts?path=dir/")
ask("GET", f"{API}/artifacts?path=.")
ask("GET", f"{API}/artifacts?path=a.txt")
ask("GET", f"{API}/artifacts?path=missing")
ask("GET", f"{API}/artifacts?path=../x")
ask("GET", f"{API}/artifacts?path=/etc")
ask("GET", f"{API}/artifacts?path=x%2523y")

# Ways out that must be closed.
for path in ["..%2fx", "%2e%2e/x", "%252e%252e/x", "%25252e%25252e/x", "a/..%2f..%2fx", "%2fetc/passwd", "%2Fetc%2Fpasswd",
             "%252fetc", "..%5cx", "%5cx", "%5c%5chost%5cshare", "c:%5cx", "c:/x", "file:///etc/passwd", "file:x", "file:..%2fx",
             "file:%2f%2f%2fetc%2fpasswd", "a%23b", "a%2523b", "%23", "a%00b", "a%0ab", "x%3Fy", "../x", "a/../b", "a//b", "./a", "%2e", "%2e/a.txt"]:
    ask("GET", f"{API}/artifacts/{path}")
for path in ["..%2fx", "%252e%252e/x", "%2fetc/passwd", "a%23b", "file:///tmp/nothing/x", ".", "%2e"]:
    ask("PUT", f"{API}/artifacts/{path}", "x")
for path in ["..%2fx", "%252e%252e/x", "%2fetc/passwd", "a%23b"]:
    ask("DELETE", f"{API}/artifacts/{path}")

# Deletes.
ask("DELETE", f"{API}/artifacts/a.txt")
ask("GET", f"{API}/artifacts/a.txt")
ask("DELETE", f"{API}/artifacts/missing")
ask("DELETE", f"{API}/artifacts/dir")
ask("GET", f"{API}/artifacts?path=dir")
ask("DELETE", f"/ajax-api/2.0/mlflow-artifacts/artifacts/twin.txt")
ask("DELETE", f"{API}/artifacts")

# Multipart and presigned, which a folder cannot do.
ask("POST", f"{API}/mpu/create/dir", json.dumps({"path": "big.bin", "num_parts": 2}), JSON)
ask("POST", f"{API}/mpu/create/dir", json.dumps({"num_parts": 2}), JSON)
ask("POST", f"{API}/mpu/create/dir", json.dumps({"path": 1}), JSON)
ask("POST", f"{API}/mpu/create/dir", json.dumps({"path": "x", "num_parts": "y"}), JSON)
ask("POST", f"{API}/mpu/create/..%2fdir", json.dumps({"path": "big.bin", "num_parts": 2}), JSON)
ask("POST", f"{API}/mpu/complete/dir", json.dumps({"path": "big.bin", "upload_id": "u", "parts": [{"part_number": 1, "etag": "e"}]}), JSON)
ask("POST", f"{API}/mpu/complete/dir", json.dumps({"path": "big.bin", "upload_id": "u"}), JSON)
ask("POST", f"{API}/mpu/abort/dir", json.dumps({"path": "big.bin", "upload_id": "u"}), JSON)
ask("POST", f"{API}/mpu/abort/dir", json.dumps({"upload_id": "u"}), JSON)
ask("GET", f"{API}/presigned/dir/big.bin")
ask("GET", f"{API}/presigned/..%2fbig.bin")

# Of a run.
call("registered-models/create", {"name": "name"})
ids["RUN"] = call("runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
ids["MODEL"] = call("logged-models", {"experiment_id": "0", "name": "m", "source_run_id": "RUN"})["model"]["info"]["model_id"]
call("model-versions/create", {"name": "name", "source": "mlflow-artifacts:/0/RUN/artifacts/dir", "run_id": "RUN"})
for name in ["r.txt", "dir/s.csv", "dir/sub/t.bin"]:
    ask("PUT", f"{API}/artifacts/0/RUN/artifacts/{name}", "0123456789")
for name in ["MLmodel", "data/model.xgb"]:
    ask("PUT", f"{API}/artifacts/0/models/MODEL/artifacts/{name}", "0123456789")
LIST = "/api/2.0/mlflow/artifacts/list"
for query in ["run_id=RUN", "run_uuid=RUN", "run_id=RUN&path=dir", "run_id=RUN&path=dir/", "run_id=RUN&path=dir/sub", "run_id=RUN&path=r.txt",
              "run_id=RUN&path=missing", "run_id=RUN&path=../x", "run_id=RUN&path=/x", "run_id=RUN&path=.", "run_id=RUN&path=", "", "run_id=", "run_id=missing",
              "run_id=RUN&path=%252e%252e"]:
    ask("GET", f"{LIST}?{query}")
ask("GET", "/ajax-api/2.0/mlflow/artifacts/list?run_id=RUN")
for query in ["run_id=RUN&path=r.txt", "run_uuid=RUN&path=r.txt", "run_id=RUN&path=dir/s.csv", "run_id=RUN&path=dir", "run_id=RUN&path=missing",
              "run_id=RUN&path=../x", "run_id=RUN&path=%252e%252e/x", "run_id=RUN", "path=r.txt", "run_id=missing&path=r.txt", "run_id=RUN&path="]:
    ask("GET", f"/get-artifact?{query}")
ask("GET", "/get-artifact?run_id=RUN&path=r.txt", headers={"Range": "bytes=2-4"})
for query in ["name=name&version=1&path=s.csv", "name=name&version=1&path=missing", "name=name&version=9&path=MLmodel", "name=none&version=1&path=s.csv",
              "name=name&version=1&path=../x", "name=name&version=1"]:
    ask("GET", f"/model-versions/get-artifact?{query}")
MODELS = "mlflow/logged-models/MODEL/artifacts"
for query in ["", "?artifact_directory_path=data", "?artifact_directory_path=missing", "?artifact_directory_path=../x"]:
    ask("GET", f"/api/2.0/{MODELS}/directories{query}")
ask("GET", f"/ajax-api/2.0/{MODELS}/directories")
ask("GET", "/api/2.0/mlflow/logged-models/m-none/artifacts/directories")
for query in ["", "?artifact_file_path=MLmodel", "?artifact_file_path=data/model.xgb", "?artifact_file_path=missing", "?artifact_file_path=../x"]:
    ask("GET", f"/ajax-api/2.0/{MODELS}/files{query}")
ask("GET", "/ajax-api/2.0/mlflow/logged-models/m-none/artifacts/files?artifact_file_path=MLmodel")

UPLOAD = "/ajax-api/2.0/mlflow/upload-artifact"
ask("POST", UPLOAD, "x")
ask("POST", f"{UPLOAD}?run_uuid=RUN", "x")
ask("POST", f"{UPLOAD}?run_uuid=RUN&path=../x", "x")
ask("POST", f"{UPLOAD}?run_uuid=RUN&path=up/x.json")
ask("POST", f"{UPLOAD}?run_uuid=RUN&path=up/x.json", "{}", JSON)
ask("POST", f"{UPLOAD}?run_uuid=missing&path=up/x.json", "{}", JSON)
ask("GET", "/get-artifact?run_id=RUN&path=up/x.json")

# Presigned, of a run behind the proxy.
PRE = "/api/2.0/mlflow/artifacts/presigned-"
ask("POST", PRE + "upload-url", json.dumps({"run_id": "RUN", "path": "x"}), JSON)
ask("POST", PRE + "upload-url", json.dumps({"model_id": "MODEL", "path": "x"}), JSON)
ask("POST", PRE + "upload-url", json.dumps({"run_id": "RUN", "model_id": "MODEL", "path": "x"}), JSON)
ask("POST", PRE + "upload-url", json.dumps({"path": "x"}), JSON)
ask("POST", PRE + "upload-url", json.dumps({"run_id": "RUN"}), JSON)
ask("POST", PRE + "upload-url", json.dumps({"run_id": "RUN", "path": "../x"}), JSON)
ask("POST", PRE + "download-url", json.dumps({"run_id": "RUN", "path": "x"}), JSON)
ask("POST", PRE + "download-url", json.dumps({"path": "x"}), JSON)
ask("POST", PRE + "download-url", json.dumps({"run_id": "RUN"}), JSON)
ask("POST", PRE + "download-url", json.dumps({"run_id": "RUN", "path": "x", "expiration": 0}), JSON)
ask("POST", PRE + "download-url", json.dumps({"run_id": "RUN", "path": "x", "expiration": 604801}), JSON)
ask("POST", PRE + "download-url", json.dumps({"run_id": "RUN", "path": "../x"}), JSON)

json.dump({"mlflow": "3.17.2", "answers": answers}, sys.stdout, indent=1, ensure_ascii=False)
