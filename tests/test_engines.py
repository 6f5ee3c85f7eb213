"""Several engines in one server: Apertium, another server, ways through a third language."""

import http.server
import json
import os
import shutil
import threading

import pytest

from jobs import put, start
from server import metaphrast


@pytest.fixture
def apertium():
    if not shutil.which("lt-proc"):
        assert os.environ.get("CI") != "true", "Apertium is missing: run scripts/setup.sh apertium"
        pytest.skip("Apertium is not on this machine")


def text(server, text, source, target):
    return server.translate.translate_text(
        Text=text, SourceLanguageCode=source, TargetLanguageCode=target
    )["TranslatedText"]


def test_apertium_translates_texts_and_jobs(new_server, apertium):
    server = new_server('[engines]\norder = ["apertium"]\n').start()
    assert "casa roja" in text(server, "The red house is big.", "en", "es")
    assert "<b>casa roja</b>" in text(server, "The <b>red house</b> is big.", "en", "es")
    server.s3.create_bucket(Bucket="bucket")
    job = start(
        server, "bucket", {"a.txt": b"The red house.\n\nOne {name} and 3 dogs.\n"},
        TargetLanguageCodes=["es", "ca"],
    )
    job.completed()
    output = job.output()
    assert b"casa roja" in output["es.a.txt"] and b"{name}" in output["es.a.txt"]
    assert output["ca.a.txt"].count(b"\n") == 3


def test_a_pair_goes_through_a_third_language(new_server, apertium):
    server = new_server('[engines]\norder = ["neural", "apertium"]\n').start()
    # Nobody has it directly; the neural engine reads Spanish, and Apertium writes Catalan.
    through = text(server, "I have two dogs and {count} cats.", "es-MX", "ca")
    assert "{count}" in through
    assert "casa" in text(server, "The house is big.", "en", "es-MX")


def test_the_ways_are_shown(tmp_path, apertium):
    (tmp_path / "a.toml").write_text('[engines]\norder = ["neural", "apertium"]\n')
    status, out, errors = metaphrast(
        "engines", "--json", "--config", tmp_path / "a.toml", folder=tmp_path
    )
    assert (status, errors) == (0, "")
    shown = json.loads(out)
    ways = {(way["source"], way["target"]): way["legs"] for way in shown["routes"]}
    assert ways["en", "es"] == [{"engine": "neural", "source": "en", "target": "es"}]
    assert ways["en", "es-MX"] == [{"engine": "neural", "source": "en", "target": "es"}]
    assert ways["es", "ca"] == [{"engine": "apertium", "source": "es", "target": "ca"}]
    assert all(package["package"].startswith("apertium-") for package in shown["addable"])


class Chat(http.server.BaseHTTPRequestHandler):
    """Answers as a chat model would, upper-casing what it is given; fails when told to."""

    failing = False

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if Chat.failing:
            return self.answer(500, {})
        items = next(
            found
            for message in reversed(body["messages"])
            if (found := _json(message["content"])) is not None
        )
        items = items if isinstance(items, list) else next(iter(items.values()))
        translated = [{"id": item["id"], "text": item["source"].upper()} for item in items]
        content = json.dumps({"translations": translated})
        self.answer(200, {"choices": [{"message": {"role": "assistant", "content": content}}]})

    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def _json(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


@pytest.fixture
def chat():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    Chat.failing = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_another_server_translates_and_its_faults_are_documents_errors(new_server, chat):
    config = f'[engines]\norder = ["http"]\n[engines.http]\nurl = "{chat}"\nmodel = "m"\n'
    server = new_server(config).start()
    assert text(server, "Good {name}.", "en", "fr") == "GOOD {name}."
    server.s3.create_bucket(Bucket="bucket")
    put(server, "bucket", {"a.txt": b"one two\n"})
    start(server, "bucket").completed()
    Chat.failing = True
    job = start(server, "bucket", {"a.txt": b"three four\n"})
    job.until("COMPLETED_WITH_ERROR")
    [entry] = job.details("fr")["details"]
    assert entry["auxiliaryData"]["error"]["errorCode"] == "InternalServerException"
    Chat.failing = False
    start(server, "bucket").completed()
