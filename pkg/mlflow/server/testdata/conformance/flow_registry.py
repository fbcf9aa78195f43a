"""The model registry: models, versions, tags, aliases, stages, copies, search."""

from mlflow import MlflowClient


def registered(r):
    c = MlflowClient()
    r.step("create", c.create_registered_model, "Sales 🛒", {"a": "1", "n": 2}, "weekly *sales*")
    r.step("get", c.get_registered_model, "Sales 🛒")
    r.refuse("create it again", c.create_registered_model, "Sales 🛒")
    r.step("describe", c.update_registered_model, "Sales 🛒", "better")
    r.step("describe with nothing", c.update_registered_model, "Sales 🛒", "")
    r.step("set a tag", c.set_registered_model_tag, "Sales 🛒", "b", "v" * 5000)
    r.step("delete a tag", c.delete_registered_model_tag, "Sales 🛒", "a")
    r.step("delete a tag that is not there", c.delete_registered_model_tag, "Sales 🛒", "none")
    r.step("rename", c.rename_registered_model, "Sales 🛒", "Sales")
    r.step("renamed", c.get_registered_model, "Sales")
    r.refuse("the old name", c.get_registered_model, "Sales 🛒")
    r.refuse("rename to a name that is taken", c.rename_registered_model, c.create_registered_model("Other").name, "Sales")
    r.step("delete", c.delete_registered_model, "Sales")
    r.refuse("deleted", c.get_registered_model, "Sales")
    r.refuse("delete it again", c.delete_registered_model, "Sales")
    for name in ("", "a/b", "a:b", None, " "):
        r.refuse(f"the name {name!r}", c.create_registered_model, name)
    r.refuse("a tag of no model", c.set_registered_model_tag, "none", "a", "b")
    r.refuse("a tag with a bad name", c.set_registered_model_tag, "Other", "../a", "b")
    r.refuse("a tag of 100001 letters", c.set_registered_model_tag, "Other", "a", "v" * 100001)
    r.refuse("describe no model", c.update_registered_model, "none", "x")
    r.refuse("rename no model", c.rename_registered_model, "none", "x")
    r.refuse("rename to nothing", c.rename_registered_model, "Other", "")


def versions(r):
    c = MlflowClient()
    run = c.create_run("0", run_name="of versions").info
    source = f"{run.artifact_uri}/model"
    c.create_registered_model("V")
    r.step("create", c.create_model_version, "V", source, run.run_id, {"a": "1"}, "http://link", "the first")
    r.step("without a run", c.create_model_version, "V", "s3://bucket/model")
    r.step("get", c.get_model_version, "V", "1")
    r.step("describe", c.update_model_version, "V", "1", "better")
    r.step("set a tag", c.set_model_version_tag, "V", "1", "b", "2")
    r.step("set a tag by stage", c.set_model_version_tag, "V", stage="None", key="by", value="stage")
    r.step("delete a tag", c.delete_model_version_tag, "V", "1", "a")
    r.step("delete a tag that is not there", c.delete_model_version_tag, "V", "1", "none")
    r.step("where the files are", c.get_model_version_download_uri, "V", "1")
    r.step("set an alias", c.set_registered_model_alias, "V", "champion", "1")
    r.step("move the alias", c.set_registered_model_alias, "V", "champion", 2)
    r.step("another alias", c.set_registered_model_alias, "V", "Challenger-1_x", "1")
    r.step("by alias", c.get_model_version_by_alias, "V", "champion")
    r.step("by alias in capitals", lambda: c.get_model_version_by_alias("V", "Challenger-1_x").version)
    r.step("with aliases", c.get_registered_model, "V")
    r.step("delete an alias", c.delete_registered_model_alias, "V", "Challenger-1_x")
    r.step("delete it again", c.delete_registered_model_alias, "V", "Challenger-1_x")
    r.refuse("an alias that is not there", c.get_model_version_by_alias, "V", "Challenger-1_x")
    for alias in ("latest", "v1", "V12", "a b", "", "x" * 257, "a/b"):
        r.refuse(f"the alias {alias!r}", c.set_registered_model_alias, "V", alias, "1")
    r.refuse("an alias for no version", c.set_registered_model_alias, "V", "a", "99")
    r.refuse("an alias of no model", c.set_registered_model_alias, "none", "a", "1")
    r.step("copy", c.copy_model_version, "models:/V/1", "Copied")
    r.step("copy again", c.copy_model_version, "models:/V@champion", "Copied")
    r.step("a copy of a copy", c.copy_model_version, "models:/Copied/1", "Copied twice")
    r.step("where the files of a copy are", c.get_model_version_download_uri, "Copied twice", "1")
    r.refuse("copy what is not there", c.copy_model_version, "models:/V/99", "Copied")
    r.refuse("copy by a bad URI", c.copy_model_version, "runs:/x/y", "Copied")
    r.step("delete a version", c.delete_model_version, "V", "2")
    r.refuse("deleted", c.get_model_version, "V", "2")
    r.refuse("its alias", c.get_model_version_by_alias, "V", "champion")
    r.step("the next number", c.create_model_version, "V", "s3://bucket/model")
    r.step("rename with versions", c.rename_registered_model, "V", "W")
    r.step("a renamed version", c.get_model_version, "W", "1")
    r.step("a copy of a renamed one", c.get_model_version_download_uri, "Copied", "1")
    for name, version in (("W", "99"), ("none", "1"), ("W", "x"), ("W", "-1")):
        r.refuse(f"version {version} of {name}", c.get_model_version, name, version)
        r.refuse(f"delete version {version} of {name}", c.delete_model_version, name, version)
    r.refuse("describe no version", c.update_model_version, "W", "99", "x")
    r.refuse("a tag of no version", c.set_model_version_tag, "W", "99", "a", "b")
    r.refuse("a version of no model", c.create_model_version, "none", "s3://bucket/model")
    for source in ("/etc/passwd", "file:///etc", "mlflow-artifacts:/0/../../x", "relative/path", "http://h/../x", "models:/none/1", ""):
        r.refuse(f"from {source}", c.create_model_version, "W", source)
    r.refuse("from a file of a run that is elsewhere", c.create_model_version, "W", "/etc/passwd", run.run_id)
    r.step("from a run that is not there", c.create_model_version, "W", "s3://b/m", "0" * 32)


def stages(r):
    c = MlflowClient()
    c.create_registered_model("Staged")
    for _ in range(4):
        c.create_model_version("Staged", "s3://bucket/model")
    r.step("to Staging", c.transition_model_version_stage, "Staged", "1", "Staging")
    r.step("in small letters", c.transition_model_version_stage, "Staged", "2", "production")
    r.step("archives the others", c.transition_model_version_stage, "Staged", "3", "Production", archive_existing_versions=True)
    r.step("the archived one", c.get_model_version, "Staged", "2")
    r.step("latest of all stages", c.get_latest_versions, "Staged")
    r.step("latest of some", c.get_latest_versions, "Staged", ["Production", "None"])
    r.step("to Archived", c.transition_model_version_stage, "Staged", "1", "Archived")
    r.step("to None", c.transition_model_version_stage, "Staged", "1", "None")
    r.step("the model's latest", c.get_registered_model, "Staged")
    r.step("the latest in a search", c.search_registered_models, "name = 'Staged'")
    r.step("the stages there are", c.get_model_version_stages, "Staged", "1")
    r.refuse("no such stage", c.transition_model_version_stage, "Staged", "1", "Nonsense")
    r.refuse("no such version", c.transition_model_version_stage, "Staged", "99", "Staging")
    r.refuse("archives nothing in Archived", c.transition_model_version_stage, "Staged", "1", "Archived", archive_existing_versions=True)
    r.refuse("latest of no model", c.get_latest_versions, "none")
    r.refuse("latest of no stage", c.get_latest_versions, "Staged", ["Nonsense"])


def search(r):
    c = MlflowClient()
    run = c.create_run("0", run_name="of searched").info.run_id
    for i, name in enumerate(["find Alpha", "find beta", "Find gamma_x", "find gammaYx"]):
        c.create_registered_model(name, {"k": f"v{i % 2}"} if i else None, "found")
        for n in range(i):
            c.create_model_version(name, f"s3://bucket/{n}", tags={"n": str(n)} if n else None)
    for text in (
        "name = 'find beta'", "name != 'find beta' and name ILIKE 'find %'", "name LIKE 'find %'", "name ILIKE 'FIND %'", "name LIKE '%gamma_x'",
        "tags.k = 'v1'", "tag.k != 'v1'", "tags.k LIKE 'v%'", "tags.`k` ILIKE 'V%'", "name ILIKE 'find %' and tags.k = 'v1'", "tags.k = 'none'",
        "name IN ('a')",
    ):
        r.step(f"models where {text}", lambda: [m.name for m in c.search_registered_models(text)])
    for order in (["name"], ["name DESC"], ["timestamp DESC", "name"], ["last_updated_timestamp"]):
        r.step(f"models by {order}", lambda: [m.name for m in c.search_registered_models("name ILIKE 'find %'", order_by=order)])
    r.pages("models in pages", c.search_registered_models, filter_string="name ILIKE 'find %'", max_results=3)
    for text in ("absent = 'a'", "name = 3", "name > 'a'", "name = 'a' or name = 'b'", "run_id = 'a'", "tags.k > 'a'", "name ="):
        r.refuse(f"models where {text}", c.search_registered_models, text)
    for order in ("absent", "name UP", "creation_time", "tags.k"):
        r.refuse(f"models by {order}", c.search_registered_models, order_by=[order])
    r.refuse("1001 models a page", c.search_registered_models, max_results=1001)
    for text in (
        "name = 'find gammaYx'", "name ILIKE 'find %' and version_number > 1", "name LIKE 'find %' and tags.n = '1'", f"run_id = '{run}'", "run_id IN ('a', 'b')",
        "source_path = 's3://bucket/1' and name LIKE 'find %'", "source_path LIKE 's3://bucket/_' and name LIKE 'find %'", "version_number = 2 and name = 'find gammaYx'",
        "name = 'find gammaYx' and tags.n != '1'", "version_number <= 1 and name ILIKE 'find %'", "name = 'none'",
    ):
        r.step(f"versions where {text.replace(run, 'RUN')}", lambda: [(v.name, v.version) for v in c.search_model_versions(text)])
    for order in (["name", "version_number DESC"], ["version_number", "name DESC"], ["creation_timestamp"], ["last_updated_timestamp DESC"]):
        r.step(f"versions by {order}", lambda: [(v.name, v.version) for v in c.search_model_versions("name ILIKE 'find %'", order_by=order)])
    r.pages("versions in pages", c.search_model_versions, filter_string="name ILIKE 'find %'", max_results=2, order_by=["name", "version_number"])
    for text in ("absent = 'a'", "version_number = 'a'", "name > 'a'", "run_id IN ()", "run_id IN (1)", "name = 'a' or name = 'b'", "version_number LIKE '1'", "tags.n > 'a'", "user_id = 'a'"):
        r.refuse(f"versions where {text}", c.search_model_versions, text)
    for order in ("absent", "name UP", "tags.n", "run_id"):
        r.refuse(f"versions by {order}", c.search_model_versions, order_by=[order])
    for n in (0, -1, 200001):
        r.refuse(f"{n} versions a page", c.search_model_versions, max_results=n)


PARTS = [registered, versions, stages, search]
