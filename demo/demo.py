"""Shows what Metaphrast does: a batch job that translates, and one that is stopped.

Starts the server with its embedded defaults on a free port and a fresh data
folder, and talks to it with boto3, which knows nothing of Metaphrast but the
endpoint. Ends by itself with status 0.

    python demo/demo.py target/release/metaphrast
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

import boto3

DOCUMENTS = pathlib.Path(__file__).parent / "documents"
ROLE = "arn:aws:iam::000000000000:role/demo"
# The second job is long enough to be stopped in the middle on any machine.
LARGE_JOB_DOCUMENTS = 400
TERMINAL = {"COMPLETED", "COMPLETED_WITH_ERROR", "FAILED", "STOPPED"}


def main(binary):
    with tempfile.TemporaryDirectory(prefix="metaphrast-demo-") as data:
        server, endpoint = start(binary, data)
        try:
            clients = {
                "endpoint_url": endpoint,
                "region_name": "us-east-1",
                "aws_access_key_id": "demo",
                "aws_secret_access_key": "demo",
            }
            s3, translate = boto3.client("s3", **clients), boto3.client("translate", **clients)
            for bucket in ("documents", "translations"):
                s3.create_bucket(Bucket=bucket)
            translated = translate_documents(s3, translate)
            stopped = stop_in_the_middle(s3, translate)
        finally:
            server.terminate()
            server.wait(timeout=30)
    print(HOW_TO_GO_ON.format(binary=binary))
    return 0 if translated and stopped else 1


def start(binary, data):
    """Starts the server; returns it and its address as it said itself."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("METAPHRAST_")}
    command = [binary, "serve", "--listen", "127.0.0.1:0", "--data-dir", data]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    for line in server.stderr:
        if match := re.search(r"listening on (http://\S+)", line):
            # What else it says must be read, or it would wait for us.
            threading.Thread(target=lambda: server.stderr.read(), daemon=True).start()
            title(f"metaphrast serves at {match[1]}")
            return server, match[1]
        print(line, end="", file=sys.stderr)
    sys.exit(f"the server did not start: exit status {server.wait()}")


def translate_documents(s3, translate):
    title("A job translates the documents of demo/documents from English to Spanish")
    names = sorted(str(path.relative_to(DOCUMENTS)) for path in DOCUMENTS.rglob("*.txt"))
    for name in names:
        s3.upload_file(str(DOCUMENTS / name), "documents", f"small/{name}")
    began = time.monotonic()
    job_id = start_job(translate, "small")
    job = wait(translate, job_id)
    took = time.monotonic() - began
    folder = job["OutputDataConfig"]["S3Uri"].removeprefix("s3://translations/")
    for name in names:
        head, _, tail = name.rpartition("/")
        key = f"{folder}{head}{'/' if head else ''}es.{tail}"
        translation = s3.get_object(Bucket="translations", Key=key)["Body"].read().decode()
        print(f"\n  {name}  ->  {key.removeprefix(folder)}")
        side_by_side((DOCUMENTS / name).read_text().splitlines(), translation.splitlines())
    print(f"\n  {job['JobStatus']}: {job['Message']}")
    print(f"  {counts(job)}, {took:.2f} s from Start to the end")
    return job["JobStatus"] == "COMPLETED"


def stop_in_the_middle(s3, translate):
    title(f"A job of {LARGE_JOB_DOCUMENTS} documents is stopped in the middle")
    text = (DOCUMENTS / "support" / "letter.txt").read_text()
    for number in range(LARGE_JOB_DOCUMENTS):
        # Each line is another sentence, so that each is really translated.
        lines = [f"{line} This is letter {number}-{i}." for i, line in enumerate(text.splitlines() * 4)]
        body = "\n".join(lines).encode()
        s3.put_object(Bucket="documents", Key=f"large/letter-{number:04}.txt", Body=body)
    job_id = start_job(translate, "large")
    while not done(job := describe(translate, job_id)) and job["JobStatus"] != "STOPPED":
        time.sleep(0.02)
    asked = time.monotonic()
    answer = translate.stop_text_translation_job(JobId=job_id)
    answered = time.monotonic() - asked
    job = wait(translate, job_id)
    took = time.monotonic() - asked
    folder = job["OutputDataConfig"]["S3Uri"].removeprefix("s3://translations/")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="translations", Prefix=folder)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    documents = [key for key in keys if "/details/" not in key]
    print(f"\n  Stop answered {answer['JobStatus']} after {answered * 1000:.0f} ms")
    print(f"  {job['JobStatus']} {took * 1000:.0f} ms after the request: {job['Message']}")
    print(f"  {counts(job)}; {len(documents)} whole objects are left, and nothing half-written")
    return job["JobStatus"] == "STOPPED" and len(documents) == job["JobDetails"]["TranslatedDocumentsCount"]


def start_job(translate, folder):
    answer = translate.start_text_translation_job(
        InputDataConfig={"S3Uri": f"s3://documents/{folder}", "ContentType": "text/plain"},
        OutputDataConfig={"S3Uri": "s3://translations"},
        DataAccessRoleArn=ROLE,
        SourceLanguageCode="en",
        TargetLanguageCodes=["es"],
    )
    print(f"\n  StartTextTranslationJob: {answer['JobId']} {answer['JobStatus']}")
    return answer["JobId"]


def describe(translate, job_id):
    answer = translate.describe_text_translation_job(JobId=job_id)
    return answer["TextTranslationJobProperties"]


def done(job):
    return job.get("JobDetails", {}).get("TranslatedDocumentsCount", 0)


def wait(translate, job_id):
    """Describes the job until it has ended, and shows it live."""
    shown = None
    while True:
        job = describe(translate, job_id)
        line = f"  {job['JobStatus']:<14} {counts(job)}"
        if line != shown:
            print(line)
            shown = line
        if job["JobStatus"] in TERMINAL:
            return job
        time.sleep(0.01)


def counts(job):
    details = job.get("JobDetails")
    if not details:
        return "not listed yet"
    return (
        f"{details['TranslatedDocumentsCount']} of {details['InputDocumentsCount']} documents "
        f"translated, {details['DocumentsWithErrorsCount']} with errors"
    )


def side_by_side(source, translation):
    for left, right in zip(source, translation, strict=True):
        if left:
            print(f"    {left:<50}  {right}")


def title(text):
    print(f"\n{text}\n{'-' * len(text)}")


HOW_TO_GO_ON = """
Go on with the AWS CLI: start the server,

  {binary} serve

and in another shell, with any credentials:

  export AWS_ENDPOINT_URL=http://127.0.0.1:8080 AWS_DEFAULT_REGION=us-east-1
  export AWS_ACCESS_KEY_ID=me AWS_SECRET_ACCESS_KEY=anything
  aws s3 mb s3://documents
  aws s3 cp --recursive demo/documents s3://documents/in/
  aws translate start-text-translation-job --source-language-code en --target-language-codes es \\
    --input-data-config S3Uri=s3://documents/in,ContentType=text/plain \\
    --output-data-config S3Uri=s3://documents/out \\
    --data-access-role-arn arn:aws:iam::000000000000:role/demo
  aws translate list-text-translation-jobs
  aws s3 ls --recursive s3://documents/out/
"""


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
