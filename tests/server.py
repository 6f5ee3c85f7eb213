"""A real server as the tests run it: a process of its own, and the clients that call it."""

import http.client
import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import botocore.session
from botocore.config import Config

ROOT = Path(__file__).parent.parent
BINARY = Path(os.environ.get("METAPHRAST_BIN", ROOT / "target/debug/metaphrast")).absolute()
AWS = ROOT / ".venv/bin/aws"

REGION = "us-east-1"
ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/translate"
PSEUDO = '[engines]\norder = ["pseudo"]\n'

_session = botocore.session.Session()


def slow(delay_ms, more=""):
    """A configuration whose engine takes so long for each segment."""
    return f"{more}\n{PSEUDO}[engines.pseudo]\ndelay_ms = {delay_ms}\n"


def eventually(look, seconds=30, every=0.01):
    """Calls `look` until it gives something true, which is returned."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s; last seen: {found!r}"
        time.sleep(every)


def metaphrast(*arguments, stdin="", folder=None, **environment):
    """Runs the program to its end: status, standard output, standard error."""
    done = subprocess.run(
        [BINARY, *map(str, arguments)],
        input=stdin.encode(),
        cwd=folder,
        env=_environment() | environment,
        capture_output=True,
        timeout=60,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def _environment():
    """No settings of the program and no credentials of whoever runs the tests."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}


@dataclass
class Answer:
    """An HTTP answer as it came."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """Status, `__type` and text of an error."""
        return self.status, self.json.get("__type"), self.json.get("Message")


class Server:
    """`metaphrast serve` on a free port with a data folder of its own."""

    def __init__(self, folder, config=PSEUDO, before=(), **environment):
        self.folder = Path(folder)
        self.data = self.folder / "data"
        self.config = self.folder / "metaphrast.toml"
        self.config.write_text(config)
        self.log = self.folder / "log"
        self.listen = "127.0.0.1:0"
        self._before = list(before)
        self._environment = environment
        self._clients = {}
        self.process = None

    # The process

    def command(self):
        """What is run."""
        places = ["--config", self.config, "--data-dir", self.data, "--listen", self.listen]
        return [*self._before, BINARY, "serve", *places]

    def launch(self):
        """Starts the process and does not wait for it."""
        with self.log.open("ab") as log:
            self._log_begin = log.tell()
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=_environment() | self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def start(self):
        """Starts the process and waits until it listens."""
        self.launch()
        self.listen = eventually(self._address)
        return self

    def _address(self):
        assert self.process.poll() is None, f"the server ended: {self.said()}"
        found = re.search(r"^listening on http://(\S+)$", self.said(), re.MULTILINE)
        return found and found[1]

    def said(self):
        """What this process has written so far."""
        return self.log.read_bytes()[self._log_begin :].decode()

    def refused(self):
        """Starts a process that is not to come up; its exit status and what it says."""
        self.launch()
        status = self.process.wait(30)
        return status, self.said()

    def kill(self):
        """The end without warning."""
        self.process.kill()
        self.process.wait()
        self._clients.clear()

    def end(self, with_signal=signal.SIGTERM):
        """The orderly end; its exit status."""
        self.process.send_signal(with_signal)
        status = self.process.wait(30)
        self._clients.clear()
        return status

    def restart(self):
        """Starts again on the same folder and, since clients know it, the same port."""
        return self.start()

    # The clients

    @property
    def url(self):
        return f"http://{self.listen}"

    def client(self, service, key="AKIATEST", secret="test", region=REGION, signature_version=None):
        """A boto3 client that asks once and hides nothing by asking again."""
        wanted = (service, key, secret, region, signature_version)
        if wanted not in self._clients:
            self._clients[wanted] = _session.create_client(
                service,
                endpoint_url=self.url,
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                region_name=region,
                config=Config(
                    retries={"total_max_attempts": 1},
                    max_pool_connections=32,
                    signature_version=signature_version,
                ),
            )
        return self._clients[wanted]

    @property
    def translate(self):
        return self.client("translate")

    @property
    def s3(self):
        return self.client("s3")

    def http(self, method, path, body=None, headers=None, connection=None, **options):
        """One plain HTTP request."""
        connection = connection or http.client.HTTPConnection(self.listen, timeout=60)
        connection.request(method, path, body, headers or {}, **options)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def call(self, operation, body, path="/", connection=None, **headers):
        """An operation without the help of a client: the body is sent as it is if it is bytes."""
        sent = {
            "X-Amz-Target": f"AWSShineFrontendService_20170701.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
        }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in sent.items() if value is not None}
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http("POST", path, body, sent, connection)

    def aws_environment(self, key="AKIATEST", secret="test"):
        """What a user of the AWS CLI sets: the endpoint, and some credentials."""
        return _environment() | {
            "HOME": str(self.folder),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": REGION,
        }

    def aws(self, *arguments, stdin=b"", **credentials):
        """Runs the AWS CLI to its end."""
        return subprocess.run(
            [AWS, *map(str, arguments)],
            input=stdin,
            env=self.aws_environment(**credentials),
            cwd=self.folder,
            capture_output=True,
            timeout=120,
        )
