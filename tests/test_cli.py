"""The program on the command line, and the AWS CLI with nothing set but the endpoint."""

import functools
import json
import re

import pytest

from jobs import Job, put, sentences
from server import BINARY, PSEUDO, Server, eventually, metaphrast, slow

NO_JOB = "0" * 32


@pytest.fixture
def config(tmp_path):
    """Writes a configuration and gives its path."""

    def write(text):
        (tmp_path / "metaphrast.toml").write_text(text)
        return tmp_path / "metaphrast.toml"

    return write


@pytest.fixture
def run(tmp_path):
    """Runs the program in a folder of its own: status, standard output, standard error."""
    return functools.partial(metaphrast, folder=tmp_path)


# Translating one text


def test_a_text_is_translated_by_the_bundled_model(run):
    status, translated, errors = run("translate", "--from", "en", "--to", "es", "The house is red.")
    assert status == 0, errors
    assert "casa" in translated and "roja" in translated
    assert translated.endswith("\n") and translated.count("\n") == 1


def test_a_text_comes_from_standard_input(run):
    text = "La casa es roja.\n\nMi madre tiene dos hermanos.\n"
    status, translated, errors = run("translate", "--from", "es", "--to", "en", stdin=text)
    assert status == 0, errors
    lines = translated.splitlines()
    assert len(lines) == 3 and lines[1] == ""
    assert "house" in lines[0] and "brothers" in lines[2]


def test_the_configured_engine_is_used(run, config):
    arguments = ["translate", "--config", config(PSEUDO), "--from", "en", "--to", "fr"]
    assert run(*arguments, "Hello {name}") == (0, "[fr Ĥéļļó {name}]\n", "")
    assert run(*arguments, stdin="Hello\r\n  there") == (0, "[fr Ĥéļļó]\r\n  [fr ŧĥéŕé]\n", "")


def test_a_translation_may_be_written_as_json(run, config):
    arguments = ["translate", "--config", config(PSEUDO), "--to", "fr", "--json"]
    status, found, _ = run(*arguments, "--from", "en", "Hello")
    assert (status, json.loads(found)) == (
        0,
        {"SourceLanguageCode": "en", "TargetLanguageCode": "fr", "TranslatedText": "[fr Ĥéļļó]"},
    )
    german = "Der schnelle braune Fuchs springt über den faulen Hund."
    status, found, _ = run(*arguments, "--from", "auto", german)
    assert (status, json.loads(found)["SourceLanguageCode"]) == (0, "de")


def test_a_pair_that_nobody_serves_is_refused_with_a_remedy(run, config):
    order = config('[engines]\norder = ["neural"]')
    arguments = ["translate", "--config", order, "--from", "en", "--to", "fr", "Hello"]
    status, out, errors = run(*arguments)
    assert (status, out) == (1, "")
    assert "en to fr" in errors and "metaphrast engines" in errors


def test_an_unknown_language_is_refused_by_name(run):
    for source, target, unknown in [("en", "xx", "xx"), ("xx", "en", "xx"), ("en", "auto", "auto")]:
        status, out, errors = run("translate", "--from", source, "--to", target, "Hello")
        assert (status, out) == (2, "")
        assert f"'{unknown}'" in errors


# What is there


def test_the_engines_are_shown(run):
    status, out, errors = run("engines")
    assert (status, errors) == (0, "")
    assert re.search(r"^neural$", out, re.MULTILINE)
    assert re.search(r"^ +en to es: ", out, re.MULTILINE) and re.search(
        r"^ +es to en: ", out, re.MULTILINE
    )


def test_the_engines_may_be_written_as_json(run, config):
    order = config('[engines]\norder = ["pseudo", "neural"]')
    status, out, _ = run("engines", "--json", "--config", order)
    assert status == 0
    engines = json.loads(out)["engines"]
    assert [engine["name"] for engine in engines] == ["pseudo", "neural"]
    pairs = {(model["source"], model["target"]) for model in engines[1]["installed"]}
    assert pairs == {("en", "es"), ("es", "en")}
    assert all(model["size_bytes"] and not model["problem"] for model in engines[1]["installed"])


# Configuration


def test_a_good_configuration_is_explained(run, config):
    secret = "do not show this"
    text = f'listen = "127.0.0.1:9999"\nregion = "eu-west-1"\n{PSEUDO}[[auth.keys]]\n'
    text += f'access_key_id = "AKIAONE"\nsecret_access_key = "{secret}"\naccount = "111122223333"\n'
    status, out, errors = run("check-config", config(text))
    assert (status, errors) == (0, "")
    assert "127.0.0.1:9999" in out and "pseudo" in out
    assert secret not in out
    status, out, _ = run("check-config", "--json", config(text))
    assert status == 0 and json.loads(out) and secret not in out


BAD = [
    ('lisen = "127.0.0.1:0"', "lisen"),
    ('[engines]\nordre = ["pseudo"]', "engines.ordre"),
    ("[engines.pseudo]\ndelay = 5", "engines.pseudo.delay"),
    ('[engines]\norder = ["klingon"]', "engines.order"),
    ("[limits]\njobs_running_max = -1", "limits.jobs_running_max"),
    ('[limits]\njobs_queued_max = "many"', "limits.jobs_queued_max"),
    ('listen = "nowhere"', "listen"),
    ('account = "12"', "account"),
    ('[auth]\nmode = "perhaps"', "auth.mode"),
    ('[auth]\nmode = "strict"', "auth.keys"),
    ('listen = "0.0.0.0:0"', "auth"),
    ('[[auth.keys]]\naccess_key_id = "AKIAONE"', "secret_access_key"),
    (
        '[[auth.keys]]\naccess_key_id = "A"\nsecret_access_key_file = "not there"',
        "secret_access_key_file",
    ),
    ("listen = ", "line 1"),
    ('[objects]\nkind = "drawer"', "objects.kind"),
]


@pytest.mark.parametrize("text, named", BAD)
def test_a_bad_configuration_is_refused_and_the_key_named(run, config, text, named):
    path = config(text)
    for command in [["check-config", path], ["serve", "--config", path]]:
        status, out, errors = run(*command)
        assert (status, out) == (2, "")
        assert named in errors


def test_a_missing_configuration_is_refused(run):
    for command in [["check-config", "missing.toml"], ["serve", "--config", "missing.toml"]]:
        status, out, errors = run(*command)
        assert (status, out) == (2, "")
        assert "missing.toml" in errors


@pytest.mark.parametrize(
    "variables, named",
    [
        ({"METAPHRAST_NOPE": "1"}, "METAPHRAST_NOPE"),
        ({"METAPHRAST_AUTH__MODE": "perhaps"}, "METAPHRAST_AUTH__MODE"),
        ({"METAPHRAST_LIMITS__JOBS_RUNNING_MAX": "many"}, "METAPHRAST_LIMITS__JOBS_RUNNING_MAX"),
    ],
)
def test_a_bad_variable_is_refused_by_name(run, variables, named):
    status, out, errors = run("serve", **variables)
    assert (status, out) == (2, "")
    assert named in errors


@pytest.mark.parametrize(
    "arguments",
    [[], ["serv"], ["serve", "--nope"], ["translate", "--from", "en"], ["check-config"]],
)
def test_a_bad_command_line_is_refused(run, arguments):
    status, out, errors = run(*arguments)
    assert (status, out) == (2, "")
    assert "metaphrast" in errors


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["--version"]])
def test_help_is_a_result(run, arguments):
    status, out, errors = run(*arguments)
    assert (status, errors) == (0, "")
    assert "metaphrast" in out


def test_everything_has_a_default_and_may_come_from_the_environment(tmp_path):
    """Without a file the data is in the folder where one is."""

    class Bare(Server):
        def command(self):
            return [BINARY, "serve"]

    settings = {
        "METAPHRAST_LISTEN": "127.0.0.1:0",
        "METAPHRAST_ENGINES__ORDER": "pseudo",
        "METAPHRAST_ACCOUNT": "123456789012",
    }
    server = Bare(tmp_path, **settings)
    server.data = tmp_path / "metaphrast-data"
    server.start()
    try:
        server.s3.create_bucket(Bucket="bucket")
        put(server, "bucket", {"a.txt": "Hello"})
        done = start_by_cli(server)
        job = json.loads(done.stdout)["JobId"]
        found = eventually(
            lambda: server.s3.list_objects_v2(Bucket="bucket", Prefix="out/").get("Contents")
        )
        assert found[0]["Key"].startswith(f"out/123456789012-TranslateText-{job}/")
        assert (server.data / "metaphrast.db").is_file()
    finally:
        assert server.end() == 0


# The AWS CLI


def start_by_cli(server, **changes):
    """Starts a job on the folder `in` of the bucket `bucket`."""
    members = {
        "input-data-config": "S3Uri=s3://bucket/in,ContentType=text/plain",
        "output-data-config": "S3Uri=s3://bucket/out",
        "data-access-role-arn": "arn:aws:iam::000000000000:role/x",
        "source-language-code": "en",
        "target-language-codes": "fr",
    }
    members |= {name.replace("_", "-"): value for name, value in changes.items()}
    arguments = [part for name, value in members.items() for part in (f"--{name}", value)]
    return server.aws("translate", "start-text-translation-job", *arguments)


@pytest.fixture(scope="module")
def lame(tmp_path_factory):
    """A server whose jobs take long, with a bucket."""
    server = Server(tmp_path_factory.mktemp("lame"), slow(50)).start()
    server.s3.create_bucket(Bucket="bucket")
    yield server
    server.kill()


def translate(server, *arguments):
    """Runs `aws translate`; what it prints."""
    done = server.aws("translate", *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)


def test_the_aws_cli_starts_shows_lists_and_stops_a_job(lame):
    put(lame, "bucket", {"a.txt": sentences(1000)})
    done = start_by_cli(lame, job_name="by hand", settings="Formality=FORMAL")
    assert (done.returncode, done.stderr) == (0, b"")
    started = json.loads(done.stdout)
    id = started.pop("JobId")
    assert started == {"JobStatus": "SUBMITTED"}
    Job(lame, id).until("IN_PROGRESS")

    shown = translate(lame, "describe-text-translation-job", "--job-id", id)
    shown = shown["TextTranslationJobProperties"]
    assert (shown["JobName"], shown["Settings"]) == ("by hand", {"Formality": "FORMAL"})
    listed = translate(lame, "list-text-translation-jobs", "--filter", "JobName=by hand")
    listed = listed["TextTranslationJobPropertiesList"]
    assert [job["JobId"] for job in listed] == [id]
    stopped = translate(lame, "stop-text-translation-job", "--job-id", id)
    assert stopped == {"JobId": id, "JobStatus": "STOP_REQUESTED"}
    Job(lame, id).until("STOPPED")


def test_the_aws_cli_lists_languages(lame):
    found = translate(lame, "list-languages", "--display-language-code", "fr", "--max-results", "2")
    assert found["Languages"] == [
        {"LanguageName": "afrikaans", "LanguageCode": "af"},
        {"LanguageName": "albanais", "LanguageCode": "sq"},
    ]


@pytest.mark.parametrize(
    "command, operation",
    [
        ("stop-text-translation-job", "StopTextTranslationJob"),
        ("describe-text-translation-job", "DescribeTextTranslationJob"),
    ],
)
def test_the_aws_cli_tells_errors(lame, command, operation):
    done = lame.aws("translate", command, "--job-id", NO_JOB)
    assert (done.returncode, done.stdout) == (255, b"")
    text = f"An error occurred (ResourceNotFoundException) when calling the {operation} operation: "
    assert text in done.stderr.decode()
