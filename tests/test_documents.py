"""Documents that nobody here wrote, through batch jobs, opened by other people's libraries."""

import io
import os
import pathlib
import re
import warnings
import zipfile

import docx
import openpyxl
import pptx
import pytest
from lxml import etree

from jobs import drop, restored, start

CORPUS = pathlib.Path(__file__).parent.parent.parent / "shared" / "corpus"
OFFICE = "application/vnd.openxmlformats-officedocument"
TYPES = {
    "docx": f"{OFFICE}.wordprocessingml.document",
    "pptx": f"{OFFICE}.presentationml.presentation",
    "xlsx": f"{OFFICE}.spreadsheetml.sheet",
    "xlf": "application/x-xliff+xml",
}
XLIFF = "{urn:oasis:names:tc:xliff:document:1.2}"


def corpus(extension):
    """The files of a kind by their names. They lie beside the project."""
    if not CORPUS.is_dir():
        assert os.environ.get("CI") != "true", f"{CORPUS} is missing"
        pytest.skip(f"{CORPUS} is not on this machine")
    found = {path.name: path.read_bytes() for path in CORPUS.rglob(f"*.{extension}")}
    assert found
    return found


def translated(server, bucket, extension):
    """The corpus, its translations, and what the details say of those that have none."""
    sources = corpus(extension)
    drop(server, bucket, sources)
    place = {"S3Uri": f"s3://{bucket}/in", "ContentType": TYPES[extension]}
    job = start(server, bucket, InputDataConfig=place)
    job.until("COMPLETED", "COMPLETED_WITH_ERROR", seconds=120)
    output = job.output()
    details = job.details("fr")["details"]
    errors = {
        entry["sourceFile"]: entry["auxiliaryData"]["error"]["errorMessage"]
        for entry in details
        if "targetFile" not in entry
    }
    outputs = {name: output[f"fr.{name}"] for name in sources if name not in errors}
    assert len(details) == len(sources) == len(outputs) + len(errors)
    return sources, outputs, errors


def texts_of_word(content):
    document = docx.Document(io.BytesIO(content))
    return [
        "".join(node.text or "" for node in paragraph.iter(docx.oxml.ns.qn("w:t")))
        for paragraph in document.element.body.iter(docx.oxml.ns.qn("w:p"))
    ]


def texts_of_slides(content):
    presentation = pptx.Presentation(io.BytesIO(content))
    return [
        "".join(node.text or "" for node in paragraph.iter(pptx.oxml.ns.qn("a:t")))
        for slide in presentation.slides
        for paragraph in slide.element.iter(pptx.oxml.ns.qn("a:p"))
    ]


def texts_of_cells(content):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        workbook = openpyxl.load_workbook(io.BytesIO(content))
    return [
        str(getattr(cell.value, "text", cell.value))
        for sheet in workbook.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    ]


def plain(text):
    # Word drops blanks at the ends of a text that does not say to keep them; its readers differ.
    return re.sub(r"\s+", "", restored(text, "fr"))


@pytest.mark.parametrize(
    "extension, texts",
    [("docx", texts_of_word), ("pptx", texts_of_slides), ("xlsx", texts_of_cells)],
)
def test_office_files_open_with_all_of_their_text(server, bucket, extension, texts):
    sources, outputs, errors = translated(server, bucket, extension)
    for name, error in errors.items():
        # Encrypted, truncated, or with a document type definition.
        assert error.startswith(("The document is not a", "The document is protected")), (name, error)
    for name, output in outputs.items():
        with zipfile.ZipFile(io.BytesIO(sources[name])) as source, zipfile.ZipFile(io.BytesIO(output)) as target:
            assert source.namelist() == target.namelist(), name
        try:
            expected = texts(sources[name])
        except Exception:  # What the library cannot open as it was need not open now.
            continue
        assert [plain(text) for text in texts(output)] == [plain(text) for text in expected], name


def test_units_have_targets_and_keep_their_sources(server, bucket):
    sources, outputs, errors = translated(server, bucket, "xlf")
    for name, error in errors.items():
        assert "XLIFF 1.2" in error or "XML" in error, (name, error)
    assert outputs
    for name, output in outputs.items():
        before, after = (etree.fromstring(content) for content in (sources[name], output))
        read = lambda tree, tag: [
            etree.tostring(unit.find(f"{XLIFF}{tag}"), with_tail=False)
            for unit in tree.iter(f"{XLIFF}trans-unit")
        ]
        assert read(before, "source") == read(after, "source"), name
        for unit in after.iter(f"{XLIFF}trans-unit"):
            target = unit.find(f"{XLIFF}target")
            assert target is not None, name


def test_a_file_of_another_kind_is_one_documents_error(server, bucket):
    sources = {"a.txt": b"Hello", "b.docx": b"PK\x03\x04 not really"}
    drop(server, bucket, sources)
    place = {"S3Uri": f"s3://{bucket}/in", "ContentType": TYPES["docx"]}
    job = start(server, bucket, InputDataConfig=place)
    job.until("COMPLETED_WITH_ERROR")
    messages = [entry["auxiliaryData"]["error"]["errorMessage"] for entry in job.details("fr")["details"]]
    assert len(messages) == 2 and all("not a Word document (.docx)" in message for message in messages)


def test_pages_are_translated_by_jobs(server, bucket):
    page = "<!doctype html>\n<html><body><p>My name <b>is</b> Bob.</p><script>x</script></body></html>\n"
    place = {"S3Uri": f"s3://{bucket}/in", "ContentType": "text/html"}
    job = start(server, bucket, {"a.html": page.encode()}, InputDataConfig=place)
    job.completed()
    output = job.output()["fr.a.html"].decode()
    assert output == page.replace("My name <b>is</b> Bob.", "[fr Ɱý ñáɱé <b>íš</b> Ƀóƀ.]")
