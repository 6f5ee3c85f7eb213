"""Neural models as things to be put on a machine, looked at and taken away, by the real program."""

import functools
import gzip
import http.server
import json
import os
import re
import shutil
import subprocess
import threading

import pytest

from server import BINARY, ROOT, eventually, metaphrast

NO_BUNDLED = "[engines.neural]\nbundled = false\n"
MODEL = "model.enes.intgemm.alphas.bin"
ENGLISH_SPANISH = ROOT / "models/en-es"


class Machine:
    """A folder in which the program is run."""

    def __init__(self, folder):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.models = folder / "metaphrast-data/models"
        self.config = folder / "metaphrast.toml"
        self.config.write_text(NO_BUNDLED)

    def __call__(self, command, *arguments, **environment):
        """Runs `metaphrast models`: status, standard output, standard error."""
        arguments = ["models", command, "--config", self.config, *arguments]
        return metaphrast(*arguments, folder=self.folder, **environment)

    def done(self, command, *arguments, **environment):
        """Runs it with `--json`; what it did."""
        status, out, errors = self(command, "--json", *arguments, **environment)
        assert (status, errors) == (0, "")
        return json.loads(out)

    def failed(self, command, *arguments, **environment):
        """Runs it; its status, and what it says of why it failed."""
        status, out, errors = self(command, *arguments, **environment)
        assert status in (1, 2) and errors.startswith(("metaphrast: ", "error: ")), (out, errors)
        return status, errors

    def add(self, version="1", pair=("en", "es"), files=ENGLISH_SPANISH):
        source, target = pair
        options = ["--from", source, "--to", target, "--version", version]
        return self.done("add", files, *options)["models"][0]

    def versions(self):
        models = self.done("list")["models"]
        return {f"{it['source']}-{it['target']}": it["version"] for it in models}


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path / "here")


@pytest.fixture
def other(tmp_path):
    return Machine(tmp_path / "there")


@pytest.fixture
def mirror(machine, tmp_path):
    """A mirror with en-es and en-fr, which is not really French."""
    machine.add("1")
    machine.add("1", pair=("en", "fr"))
    machine.done("export", "--mirror", tmp_path / "mirror")
    return tmp_path / "mirror"


@pytest.fixture
def web(mirror):
    """Serves the mirror over HTTP, and notes what is asked for."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    asked = []
    handler = functools.partial(Handler, directory=mirror)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.asked = asked
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


# What is there


def test_the_bundled_models_are_listed(tmp_path):
    status, out, errors = metaphrast("models", "list", folder=tmp_path)
    assert (status, errors) == (0, "")
    assert re.search(r"^en-es: inside the program, version own-1, 7\.6 MB", out, re.MULTILINE)
    status, out, _ = metaphrast("models", "list", "--json", folder=tmp_path)
    models = json.loads(out)["models"]
    assert status == 0 and [it["target"] for it in models] == ["es", "en"]
    assert all(it["is_bundled"] and it["problem"] is None and it["size_bytes"] for it in models)
    assert metaphrast("models", "verify", folder=tmp_path)[0] == 0
    status, _, errors = metaphrast("models", "remove", "en-es", folder=tmp_path)
    assert status == 1 and "engines.neural.bundled" in errors


def test_without_models_that_is_said(machine):
    assert machine("list") == (0, "no models\n", "")
    assert machine.done("list") == {"models": []}
    assert machine.done("verify") == {"models": []}


def test_a_model_is_added_translates_and_is_removed(machine):
    added = machine.add("7")
    assert (added["outcome"], added["version"]) == ("installed", "7")
    assert added["origin"].endswith("metaphrast-data/models/en-es")
    assert machine.versions() == {"en-es": "7"}
    assert machine.done("verify", "en-es")["models"][0]["outcome"] == "whole"
    text = ["translate", "--config", machine.config, "--from", "en", "--to", "es", "Good morning."]
    assert metaphrast(*text, folder=machine.folder)[1] == "Buenos días.\n"

    assert machine.done("remove", "en-es") == {"removed": ["en-es"]}
    assert machine.versions() == {}
    status, said = machine.failed("remove", "en-es")
    assert status == 1 and "no model en-es" in said


def test_packed_files_are_added(machine, tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    for path in ENGLISH_SPANISH.iterdir():
        if path.name.startswith(("model.", "vocab.")):
            (files / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    assert machine.add("1", files=files)["size_bytes"] == 7178240 + 380376
    assert machine.done("verify")["models"][0]["problem"] is None


def test_what_cannot_translate_is_not_installed(machine, tmp_path):
    machine.add("1")
    files = tmp_path / "files"
    files.mkdir()
    (files / "model.bin").write_bytes(b"no model" * 100)
    (files / "vocab.spm").write_bytes(b"no vocabulary")
    status, said = machine.failed("add", files, "--from", "en", "--to", "es")
    assert status == 1 and "cannot be used" in said
    assert machine.versions() == {"en-es": "1"}
    assert machine.failed("add", tmp_path / "nowhere", "--from", "en", "--to", "es")[0] == 1


def test_damage_is_found_and_mended(machine, mirror):
    damage(machine.models / "en-es" / MODEL)
    status, out, errors = machine("verify")
    assert status == 1 and "1 model cannot be used" in errors
    assert re.search(r"^damaged en-es: ", out, re.MULTILINE) and "whole en-fr: " in out
    assert MODEL in out and "sha256" in out
    status, out, _ = machine("verify", "--json", "en-es")
    assert status == 1 and json.loads(out)["models"][0]["outcome"] == "damaged"
    pulled = machine.done("pull", "en-es", "en-fr", "--from", mirror)["models"]
    assert [it["outcome"] for it in pulled] == ["installed", "current"]
    assert machine("verify")[0] == 0


# Mirrors and bundles


def test_models_are_pulled_from_a_folder(mirror, other):
    listed = other.done("list", "--available", "--from", mirror)
    assert [it["target"] for it in listed["available"]] == ["es", "fr"]
    assert not any(it["is_installed"] for it in listed["available"])
    pulled = other.done("pull", "en-fr", "--from", mirror)["models"]
    assert [(it["target"], it["outcome"]) for it in pulled] == [("fr", "installed")]
    status, out, _ = other("list", "--available", "--from", mirror)
    assert status == 0 and re.search(r"^en-fr, version 1, .*\(installed\)$", out, re.MULTILINE)
    assert other.done("pull", "--all", "--from", mirror)["models"][1]["outcome"] == "current"
    assert other.versions() == {"en-es": "1", "en-fr": "1"}


def test_models_are_pulled_over_http(web, other):
    other.config.write_text(f'{NO_BUNDLED}mirror = "{web.url}"\n')
    assert len(other.done("list", "--available")["available"]) == 2
    assert other.done("pull", "--all")["models"][0]["outcome"] == "installed"
    assert other.done("verify")["models"][1]["outcome"] == "whole"
    before = len(web.asked)
    assert {it["outcome"] for it in other.done("pull", "--all")["models"]} == {"current"}
    assert web.asked[before:] == ["/index.json"]


def test_a_pull_that_fails_leaves_what_was_there(machine, mirror, web, other):
    other.done("pull", "en-es", "--from", web.url)
    machine.add("2")
    machine.done("export", "--mirror", mirror)
    damage(mirror / "en-es" / MODEL)
    # The same files as version 1 has: the one that is here is taken.
    assert other.done("pull", "en-es", "--from", web.url)["models"][0]["version"] == "2"
    other.done("remove", "en-es")
    status, said = other.failed("pull", "en-es", "en-fr", "en-de", "--from", web.url)
    assert status == 1 and "sha256" in said and f"{web.url}/en-es/{MODEL}" in said
    assert "has no model en-de" in said
    assert other.versions() == {"en-fr": "1"}


def test_a_mirror_must_be_named_and_may_be_forbidden(web, mirror, other):
    status, said = other.failed("pull", "en-es")
    assert status == 2 and "engines.neural.mirror" in said and "--mirror" in said
    assert other.failed("list", "--available")[0] == 2
    off = {"METAPHRAST_ENGINES__NEURAL__DOWNLOAD": "false"}
    status, said = other.failed("pull", "en-es", "--from", web.url, **off)
    assert status == 2 and "engines.neural.download" in said
    assert web.asked == []
    assert other.done("pull", "en-es", "--from", mirror, **off)
    status, said = other.failed("pull", "en-es", "--from", mirror / "nowhere")
    assert status == 1 and "index.json" in said
    assert other.failed("pull", "en-es", "--from", "ftp://host/models")[0] == 2


def test_a_bundle_carries_models(machine, mirror, other, tmp_path):
    bundle = tmp_path / "models.tar"
    assert len(machine.done("export", bundle)["models"]) == 2
    assert len(other.done("import", bundle)["models"]) == 2
    assert other.versions() == {"en-es": "1", "en-fr": "1"}
    assert other("verify")[0] == 0
    assert len(machine.done("export", bundle, "en-fr")["models"]) == 1

    other.done("remove", "en-es", "en-fr")
    damage(bundle)
    status, said = other.failed("import", bundle)
    assert status == 1 and "not a whole bundle" in said
    bundle.write_bytes(bundle.read_bytes()[:-4_000_000])
    assert other.failed("import", bundle)[0] == 1
    assert other.versions() == {}
    assert [it for it in os.listdir(other.models) if it != ".lock"] == []


def test_a_pull_that_is_killed_is_gone_on_with(mirror, other):
    """A crash leaves the old model; what was fetched by then is not fetched again."""
    sent = []

    class Slow(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            content = (mirror / self.path[1:]).read_bytes()
            begin = int((self.headers["Range"] or "bytes=0-")[6:-1])
            sent.append((self.path, begin))
            self.send_response(206 if begin else 200)
            self.send_header("ETag", '"same"')
            self.send_header("Content-Length", str(len(content) - begin))
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            if MODEL in self.path and not begin:
                self.wfile.write(content[:3_000_000])
                self.wfile.flush()
                hanging.wait(30)
                return
            self.wfile.write(content[begin:])

    hanging = threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    command = [BINARY, "models", "pull", "en-es", "--from", url, "--config", other.config]
    process = subprocess.Popen(command, cwd=other.folder, env={"PATH": os.environ["PATH"]})
    part = other.models / ".en-es.part" / f"{MODEL}.part"
    eventually(lambda: part.exists() and 2_900_000 < part.stat().st_size)
    status, said = other.failed("pull", "en-es", "--from", url)
    assert status == 1 and "another command" in said
    process.kill()
    process.wait()
    hanging.set()
    assert other.versions() == {}
    assert other.done("pull", "en-es", "--from", url)["models"][0]["outcome"] == "installed"
    assert [2_900_000 < begin for path, begin in sent if MODEL in path] == [False, True]
    assert other("verify")[0] == 0
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["pull"],
        ["pull", "en-es", "--all"],
        ["pull", "english", "--from", "x"],
        ["verify", "en-xx"],
        ["remove"],
        ["remove", "../evil"],
        ["add", "folder"],
        ["add", "folder", "--from", "en", "--to", "xx"],
        ["export"],
        ["export", "file", "english"],
        ["import"],
        ["list", "--from", "x"],
        ["nope"],
    ],
)
def test_a_bad_command_line_is_refused(tmp_path, arguments):
    status, out, errors = metaphrast("models", *arguments, folder=tmp_path)
    assert (status, out) == (2, "") and errors
    assert os.listdir(tmp_path) == []


# Servers


def states(server):
    answer = server.http("GET", "/_/health/ready")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json["status"] == "ready"
    (neural,) = [it for it in answer.json["engines"] if it["name"] == "neural"]
    return {model["pair"]: model["state"] for model in neural["models"]}


def starts(server):
    """Whether a job into French is begun: only if there is a model for it."""
    answer = server.call(
        "StartTextTranslationJob",
        {
            "InputDataConfig": {"S3Uri": "s3://bucket/in", "ContentType": "text/plain"},
            "OutputDataConfig": {"S3Uri": "s3://bucket/out"},
            "DataAccessRoleArn": "arn:aws:iam::000000000000:role/x",
            "SourceLanguageCode": "en",
            "TargetLanguageCodes": ["fr"],
            "ClientToken": os.urandom(8).hex(),
        },
    )
    return answer.status == 200


def test_a_server_notices_models_that_come_and_go(new_server, machine, mirror):
    config = '[engines]\norder = ["neural"]\n[engines.neural]\nbundled = false\n'
    server = new_server(config).start()
    server.s3.create_bucket(Bucket="bucket")
    server.s3.put_object(Bucket="bucket", Key="in/a.txt", Body=b"Good morning.")
    here = Machine(server.folder / "commands")
    here.config.write_text(f'{NO_BUNDLED}models_dir = "{server.data}/models"\n')
    assert states(server) == {}
    here.done("pull", "en-fr", "--from", mirror)
    eventually(lambda: states(server) == {"en-fr": "unloaded"}, 5)
    assert starts(server)
    found = eventually(lambda: output(server))
    assert found == "Buenos días."
    assert states(server) == {"en-fr": "loaded"}

    # Another version takes the place of the loaded one.
    machine.add("2", pair=("en", "fr"))
    machine.done("export", "--mirror", mirror)
    here.done("pull", "en-fr", "--from", mirror)
    eventually(lambda: states(server) == {"en-fr": "unloaded"}, 5)
    damage(server.data / "models/en-fr" / MODEL)
    (server.data / "models/en-fr/metadata.json").write_text("{")
    eventually(lambda: states(server) == {"en-fr": "damaged"}, 5)
    here.done("remove", "en-fr")
    eventually(lambda: states(server) == {}, 5)
    shutil.rmtree(server.data / "models")
    assert states(server) == {}
    assert server.end() == 0


def output(server):
    found = server.s3.list_objects_v2(Bucket="bucket", Prefix="out/").get("Contents", [])
    keys = [it["Key"] for it in found if it["Key"].endswith("fr.a.txt")]
    return keys and server.s3.get_object(Bucket="bucket", Key=keys[0])["Body"].read().decode()


def test_models_beyond_the_memory_are_let_go_of(new_server):
    config = '[engines]\norder = ["neural"]\n[engines.neural]\nmemory_mb_max = 10\n'
    server = new_server(config).start()
    server.s3.create_bucket(Bucket="bucket")
    server.s3.put_object(Bucket="bucket", Key="in/a.txt", Body=b"Good morning.")
    assert states(server) == {"en-es": "unloaded", "es-en": "unloaded"}
    for source, target in [("en", "es"), ("es", "en")]:
        server.translate.start_text_translation_job(
            InputDataConfig={"S3Uri": "s3://bucket/in", "ContentType": "text/plain"},
            OutputDataConfig={"S3Uri": "s3://bucket/out"},
            DataAccessRoleArn="arn:aws:iam::000000000000:role/x",
            SourceLanguageCode=source,
            TargetLanguageCodes=[target],
        )
        loaded = {"en-es": "unloaded", "es-en": "unloaded", f"{source}-{target}": "loaded"}
        eventually(lambda: states(server) == loaded)
