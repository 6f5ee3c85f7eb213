"""The figures of docs/performance.md, measured on the real server.

Each scenario starts the server on a fresh data folder, does its work through
the API as any client would, and prints what it measured. No figure is judged
here.

    make bench                     all of them
    .venv/bin/python bench/bench.py target/release/metaphrast stop describe
"""

import os
import pathlib
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

import boto3
import botocore.config

HERE = pathlib.Path(__file__).parent
ROLE = "arn:aws:iam::000000000000:role/bench"
TERMINAL = {"COMPLETED", "COMPLETED_WITH_ERROR", "FAILED", "STOPPED"}
# 2 kB of everyday text, in lines of their own so that nothing repeats within a document.
LINE = "This is line {} of letter {}: please open the window and close the door."
LETTER_LINES = 27


class Server:
    """A server of its own, with `settings` as its configuration."""

    def __init__(self, binary, settings=""):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="metaphrast-bench-"))
        self.data = self.folder / "data"
        self.binary, self.config = binary, self.folder / "config.toml"
        self.config.write_text(f'listen = "127.0.0.1:0"\ndata_dir = "{self.data}"\n{settings}')

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.end()
        shutil.rmtree(self.folder)

    def start(self):
        began = time.monotonic()
        log = (self.folder / "log").open("w+")
        command = [self.binary, "serve", "--config", str(self.config)]
        self.process = subprocess.Popen(command, stderr=log)
        while not (match := re.search(r"listening on http://(\S+)", (self.folder / "log").read_text())):
            if self.process.poll() is not None:
                sys.exit((self.folder / "log").read_text())
            time.sleep(0.001)
        self.started_in = time.monotonic() - began
        self.address = match[1]
        settings = {
            "endpoint_url": f"http://{self.address}",
            "region_name": "us-east-1",
            "aws_access_key_id": "bench",
            "aws_secret_access_key": "bench",
            "config": botocore.config.Config(max_pool_connections=32),
        }
        self.s3, self.translate = boto3.client("s3", **settings), boto3.client("translate", **settings)

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=60)

    def memory_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def folder_of(self, bucket, prefix):
        """The folder behind a bucket's prefix. Files laid into it are objects."""
        folder = self.data / "objects" / bucket / prefix
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def start_job(self, prefix, source="en", target="es"):
        answer = self.translate.start_text_translation_job(
            InputDataConfig={"S3Uri": f"s3://bench/{prefix}", "ContentType": "text/plain"},
            OutputDataConfig={"S3Uri": "s3://bench-out"},
            DataAccessRoleArn=ROLE,
            SourceLanguageCode=source,
            TargetLanguageCodes=[target],
        )
        return answer["JobId"]

    def describe(self, job):
        answer = self.translate.describe_text_translation_job(JobId=job)
        return answer["TextTranslationJobProperties"]

    def wait(self, job, condition=lambda job: job["JobStatus"] in TERMINAL, pause=0.005):
        while not condition(described := self.describe(job)):
            time.sleep(pause)
        return described

    def output(self, job):
        return self.data / "objects" / "bench-out" / f"000000000000-TranslateText-{job}"


PSEUDO = '[engines]\norder = ["pseudo"]\n'
# Nothing is answered from memory, so that the engine has work each time.
UNREMEMBERED = '[engines]\norder = ["neural"]\nmemory_mb = 0\n'


def letters(folder, count):
    for number in range(count):
        text = "\n".join(LINE.format(line, number) for line in range(LETTER_LINES))
        (folder / f"letter-{number:06}.txt").write_text(text)


def done(job):
    return job.get("JobDetails", {}).get("TranslatedDocumentsCount", 0)


def report(what, value):
    print(f"{what:<68} {value}", flush=True)


def start(binary):
    """Start to ready, and memory with nothing to do."""
    times, memory = [], []
    for _ in range(10):
        with Server(binary) as server:
            times.append(server.started_in)
            memory.append(server.memory_mb())
    report("start to listening, median of 10", f"{statistics.median(times) * 1000:.0f} ms")
    report("resident memory, idle", f"{statistics.median(memory):.0f} MB")


def first(binary):
    """Start to the first output object, 100 small files, pseudo engine."""
    with Server(binary, PSEUDO) as server:
        buckets(server)
        letters(server.folder_of("bench", "small"), 100)
        times = []
        for _ in range(20):
            began = time.monotonic()
            job = server.start_job("small")
            output = server.output(job)
            while not output.exists() or not any(output.iterdir()):
                time.sleep(0.0005)
            times.append(time.monotonic() - began)
            server.wait(job)
    report("Start to first object, 100 files of 2 kB, pseudo: median of 20", f"{statistics.median(times) * 1000:.0f} ms")
    report("the same, slowest", f"{max(times) * 1000:.0f} ms")


def small(binary):
    """Small documents per second through the whole path, pseudo engine."""
    count = 20_000
    with Server(binary, PSEUDO) as server:
        buckets(server)
        letters(server.folder_of("bench", "small"), count)
        began = time.monotonic()
        job = server.start_job("small")
        server.wait(job, pause=0.05)
        took = time.monotonic() - began
        report(f"{count} documents of 2 kB, pseudo", f"{count / took:.0f} documents/s ({took:.1f} s)")
        report("resident memory afterwards", f"{server.memory_mb():.0f} MB")


def million(binary):
    """A job of 1,000,000 tiny documents: listing, memory, a stop in the middle."""
    with Server(binary, PSEUDO) as server:
        buckets(server)
        for folder in range(1_000):
            inner = server.folder_of("bench", f"million/{folder:03}")
            for number in range(1_000):
                (inner / f"{number:03}.txt").write_bytes(b"Hello")
        began = time.monotonic()
        job = server.start_job("million")
        report("a million documents: Start answered after", f"{(time.monotonic() - began) * 1000:.0f} ms")
        peak = 0
        while "JobDetails" not in server.describe(job):
            peak = max(peak, server.memory_mb())
            time.sleep(0.1)
        report("listed after (while documents were translated)", f"{time.monotonic() - began:.1f} s")
        report("documents translated by then", done(server.describe(job)))
        report("resident memory, highest while listing", f"{peak:.0f} MB")
        database = server.data / "metaphrast.db"
        report("database", f"{database.stat().st_size / 1e6:.0f} MB")
        asked = time.monotonic()
        server.translate.stop_text_translation_job(JobId=job)
        stopped = server.wait(job)
        report("Stop to STOPPED", f"{(time.monotonic() - asked) * 1000:.0f} ms")
        report("documents in the details of the stopped job", done(stopped))
        report("resident memory after the stop", f"{server.memory_mb():.0f} MB")


def stop(binary):
    """Stop to STOPPED with four busy jobs, neural engine."""
    answers, times = [], []
    with Server(binary, UNREMEMBERED) as server:
        buckets(server)
        letters(server.folder_of("bench", "busy"), 1_000)
        for _ in range(10):
            jobs = [server.start_job("busy") for _ in range(4)]
            for job in jobs:
                server.wait(job, lambda job: 0 < done(job))
            for job in jobs:
                asked = time.monotonic()
                server.translate.stop_text_translation_job(JobId=job)
                answers.append(time.monotonic() - asked)
                server.wait(job, pause=0.001)
                times.append(time.monotonic() - asked)
    percentiles("Stop's answer, 40 stops of busy neural jobs", answers)
    percentiles("Stop to STOPPED", times)


def describe(binary):
    """Describe per second with 100,000 jobs stored."""
    jobs = 100_000
    with Server(binary, PSEUDO) as server:
        buckets(server)
        letters(server.folder_of("bench", "one"), 1)
        job = server.start_job("one")
        server.wait(job)
        server.end()
        multiply(server.data / "metaphrast.db", job, jobs)
        server.start()
        if not shutil.which("wrk"):
            sys.exit("please install wrk: apt-get install wrk")
        for connections in (1, 16):
            command = ["wrk", "-t1", f"-c{connections}", "-d8s", "--latency", "-s", str(HERE / "describe.lua")]
            environment = os.environ | {"JOBS": str(jobs)}
            output = subprocess.run([*command, f"http://{server.address}/"], env=environment,
                                    capture_output=True, text=True, check=True).stdout
            rate = re.search(r"Requests/sec:\s+(\S+)", output)[1]
            p99 = re.search(r"99%\s+(\S+)", output)[1]
            failed = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
            report(f"Describe, {jobs} jobs, {connections} connections",
                   f"{rate} /s, p99 {p99}{', failed ' + failed[1] if failed else ''}")


def neural(binary):
    """A batch job's throughput over that of the engine alone on the same text."""
    count = 300
    with Server(binary) as server:
        buckets(server)
        folder = server.folder_of("bench", "neural")
        letters(folder, count)
        words = sum(len(path.read_text().split()) for path in folder.iterdir())
        text = server.folder / "text.txt"
        text.write_text("\n".join(path.read_text() for path in sorted(folder.iterdir())))
        alone = subprocess.run(["cargo", "run", "--release", "--quiet", "--locked", "-p", "metaphrast-engine",
                                "--example", "throughput", "--", str(text), "en", "es", "2", "32"],
                               capture_output=True, text=True, check=True).stdout
        print(alone)
        began = time.monotonic()
        # Seldom, so that the client takes no core from the server.
        server.wait(server.start_job("neural"), pause=0.25)
        took = time.monotonic() - began
    report(f"batch job of {count} documents, {words} words, en-es, neural", f"{words / took:.0f} words/s")


def real_time(binary):
    """TranslateText of a short sentence, alone and beside a job that keeps all cores busy."""
    with Server(binary, UNREMEMBERED) as server:
        buckets(server)
        letters(server.folder_of("bench", "busy"), 2_000)
        ask(server, 0)
        percentiles("TranslateText, 7 words, en-es, neural, 100 calls alone", [ask(server, n) for n in range(100)])
        job = server.start_job("busy")
        server.wait(job, lambda job: 0 < done(job))
        times = [ask(server, n) for n in range(100)]
        assert server.describe(job)["JobStatus"] == "IN_PROGRESS", "the job ended too early"
        percentiles("the same beside a busy job", times)
        server.translate.stop_text_translation_job(JobId=job)
        server.wait(job)


def ask(server, number):
    began = time.monotonic()
    text = f"I have two dogs and {number} cats."
    server.translate.translate_text(Text=text, SourceLanguageCode="en", TargetLanguageCode="es")
    return time.monotonic() - began


def memory(binary):
    """The same job twice: what the memory of translations saves."""
    count = 300
    with Server(binary, '[engines]\norder = ["neural"]\n') as server:
        buckets(server)
        folder = server.folder_of("bench", "again")
        letters(folder, count)
        words = sum(len(path.read_text().split()) for path in folder.iterdir())
        for which in ("first", "second"):
            began = time.monotonic()
            server.wait(server.start_job("again"), pause=0.05)
            report(f"job of {count} documents, {which} time", f"{words / (time.monotonic() - began):.0f} words/s")
        report("resident memory afterwards", f"{server.memory_mb():.0f} MB")


def apertium(binary):
    """A batch job's throughput with Apertium over that of the engine alone on the same text."""
    count = 300
    with Server(binary, '[engines]\norder = ["apertium"]\n') as server:
        buckets(server)
        folder = server.folder_of("bench", "apertium")
        letters(folder, count)
        words = sum(len(path.read_text().split()) for path in folder.iterdir())
        text = server.folder / "text.txt"
        text.write_text("\n".join(path.read_text() for path in sorted(folder.iterdir())))
        alone = subprocess.run(["cargo", "run", "--release", "--quiet", "--locked", "-p", "metaphrast-engine",
                                "--example", "apertium", "--", str(text), "en", "es"],
                               capture_output=True, text=True)
        print(alone.stdout[-400:], alone.stderr[-400:])
        began = time.monotonic()
        server.wait(server.start_job("apertium"), pause=0.25)
        took = time.monotonic() - began
    report(f"batch job of {count} documents, {words} words, en-es, apertium", f"{words / took:.0f} words/s")


def buckets(server):
    for bucket in ("bench", "bench-out"):
        server.s3.create_bucket(Bucket=bucket)


def multiply(database, job, jobs):
    """Copies a finished job's row until there are `jobs` of them."""
    with sqlite3.connect(database) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(job)")]
        values = {"id": "printf('%032x', n)", "client_token": "'bench-' || n", "submitted_ms": "submitted_ms + n"}
        selected = ", ".join(values.get(column, column) for column in columns)
        connection.execute(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) "
            f"INSERT INTO job SELECT {selected} FROM job, numbers WHERE id = ?", (jobs, job))


def percentiles(what, seconds):
    ordered = sorted(seconds)
    at = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000
    report(what, f"median {at(0.5):.0f} ms, p99 {at(0.99):.0f} ms, slowest {ordered[-1] * 1000:.0f} ms")


SCENARIOS = {it.__name__: it for it in (start, first, small, stop, describe, neural, real_time, memory, apertium, million)}


def main(binary, *names):
    for name in names or SCENARIOS:
        print(f"\n{SCENARIOS[name].__doc__}")
        SCENARIOS[name](os.path.abspath(binary))


if __name__ == "__main__":
    main(*sys.argv[1:])
