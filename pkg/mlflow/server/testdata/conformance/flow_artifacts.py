"""Files of runs and logged models: log, list, download, tables, figures, images."""

import io
import os
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from PIL import Image


def tree(c, run, folder=None):
    """Returns every file and folder of a run."""
    found = []
    for entry in c.list_artifacts(run, folder):
        found.append(entry)
        if entry.is_dir:
            found += tree(c, run, entry.path)
    return found


def contents(folder):
    """Returns the size of every file below a folder of this machine."""
    return {str(p.relative_to(folder)): p.stat().st_size for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def files(r):
    c = MlflowClient()
    run = c.create_run("0", run_name="files").info.run_id
    Path("in/deep/er").mkdir(parents=True)
    for name in ("a.txt", "deep/ü 1 & 2.csv", "deep/er/100%25.bin", "deep/empty", "deep/#hash"):
        Path("in", name).write_bytes(name.encode() * (0 if name.endswith("empty") else 1000))
    r.step("no files yet", c.list_artifacts, run)
    r.step("log a file", c.log_artifact, run, "in/a.txt")
    r.step("into a folder", c.log_artifact, run, "in/a.txt", "some/folder")
    os.remove("in/deep/#hash")
    r.step("log a folder", c.log_artifacts, run, "in")
    r.step("log a folder below a folder", c.log_artifacts, run, "in/deep", "copy")
    r.step("log text", c.log_text, run, "Größe\n", "texts/size.md")
    r.step("log a dict", c.log_dict, run, {"b": [1, 2.5, None], "a": "ü"}, "dicts/d.json")
    r.step("as yaml", c.log_dict, run, {"b": [1, 2.5, None], "a": "ü"}, "dicts/d.yaml")
    r.step("log a stream", c.log_stream, run, io.BytesIO(b"streamed" * 5000), "stream.bin")
    r.step("overwrite", c.log_text, run, "shorter", "texts/size.md")
    r.step("the whole tree", tree, c, run)
    r.step("a folder", c.list_artifacts, run, "copy")
    r.step("a file as a folder", c.list_artifacts, run, "a.txt")
    r.step("what is not there", c.list_artifacts, run, "nothing")
    r.step("download all", lambda: contents(c.download_artifacts(run, "", dst_path=fresh("all"))))
    r.step("download a folder", lambda: contents(c.download_artifacts(run, "copy", dst_path=fresh("folder"))))
    r.step("download a file", lambda: Path(c.download_artifacts(run, "dicts/d.yaml", dst_path=fresh("file"))).read_text())
    r.step("load text", mlflow.artifacts.load_text, f"runs:/{run}/texts/size.md")
    r.step("load a dict", mlflow.artifacts.load_dict, f"runs:/{run}/dicts/d.json")
    r.step("list by URI", mlflow.artifacts.list_artifacts, artifact_uri=f"runs:/{run}/copy")
    r.step("by its own URI", lambda: mlflow.artifacts.load_text(c.get_run(run).info.artifact_uri + "/texts/size.md"))
    r.refuse("list above the root", c.list_artifacts, run, "../..")
    r.refuse("list a rooted path", c.list_artifacts, run, "/etc")
    r.refuse("files of no run", c.list_artifacts, "0" * 32)
    r.refuse("log above the root", c.log_text, run, "x", "../up.txt")
    r.refuse("load what is not there", mlflow.artifacts.load_text, f"runs:/{run}/none.txt")
    r.step("delete the run", c.delete_run, run)
    r.step("files of a deleted run", c.list_artifacts, run)


def fresh(name):
    path = Path("out", name)
    path.mkdir(parents=True)
    return str(path)


def pictures(r):
    c = MlflowClient()
    run = c.create_run("0", run_name="pictures").info.run_id
    figure, axes = plt.subplots(figsize=(2, 2), dpi=50)
    axes.plot([1, 2, 3], [3, 1, 2])
    r.step("log a figure", c.log_figure, run, figure, "plots/line.png")
    pixels = (np.arange(48) * 5).reshape(4, 4, 3).astype(np.uint8)
    r.step("log an image", c.log_image, run, pixels, "pixels.png")
    r.step("log a picture", c.log_image, run, Image.fromarray(pixels), "picture.png")
    for step in range(2):
        r.step(f"an image of step {step}", c.log_image, run, pixels, key="dog/pixels", step=step, timestamp=step, synchronous=True)
    r.step("load an image", lambda: np.asarray(mlflow.artifacts.load_image(f"runs:/{run}/pixels.png")))
    r.step("what was drawn", tree, c, run)
    r.step("tags of images", lambda: c.get_run(run).data.tags)


def tables(r):
    c = MlflowClient()
    e = c.create_experiment("tables")
    for i in range(2):
        run = c.create_run(e, run_name=f"table {i}", start_time=i).info.run_id
        r.step(f"log a table {i}", c.log_table, run, pd.DataFrame({"q": ["a", "ü"], "n": [i, 2.5]}), "qa.json")
        r.step(f"append to it {i}", c.log_table, run, {"q": ["more"], "n": [i]}, "qa.json")
    r.step("load a table", c.load_table, e, "qa.json", run_ids=[run])
    r.step("with columns of the run", lambda: c.load_table(e, "qa.json", [run], ["run_id"]))
    r.step("tables of all runs", lambda: c.load_table(e, "qa.json").sort_values(["n", "q"]))
    r.step("the tag of tables", lambda: c.get_run(run).data.tags)
    r.refuse("a table that is not there", c.load_table, e, "none.json", run_ids=[run])


PARTS = [files, pictures, tables]
