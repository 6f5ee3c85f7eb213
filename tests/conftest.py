"""What the tests share: servers, and a bucket of one's own."""

import itertools

import pytest

from server import PSEUDO, Server

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A server with a quick engine, used by all tests that need nothing else."""
    server = Server(tmp_path_factory.mktemp("server"), PSEUDO).start()
    yield server
    server.kill()


@pytest.fixture
def new_server(tmp_path):
    """Makes servers that are gone after the test. They are not started."""
    servers = []

    def new(config=PSEUDO, **options):
        folder = tmp_path / f"server-{len(servers)}"
        folder.mkdir()
        servers.append(Server(folder, config, **options))
        return servers[-1]

    yield new
    for server in servers:
        if server.process:
            server.kill()


@pytest.fixture
def bucket(server):
    """A new bucket of the shared server."""
    name = f"bucket-{next(_numbers)}"
    server.s3.create_bucket(Bucket=name)
    return name
