"""TranslateText and TranslateDocument, called by boto3 and the AWS CLI."""

import base64
import io
import zipfile

import docx
import pytest

from jobs import pseudo

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
NEURAL = '[engines]\norder = ["neural"]\n'


@pytest.fixture
def translate(server):
    return server.translate


def text(client, text, source="en", target="fr", **more):
    answer = client.translate_text(
        Text=text, SourceLanguageCode=source, TargetLanguageCode=target, **more
    )
    del answer["ResponseMetadata"]
    return answer


def refused(server, operation, body):
    answer = server.call(operation, body)
    assert answer.status == 400
    return answer.error


# Texts


def test_a_text_is_translated(translate):
    assert text(translate, "Hello {name}") == {
        "TranslatedText": "[fr Ĥéļļó {name}]",
        "SourceLanguageCode": "en",
        "TargetLanguageCode": "fr",
    }
    lines = "  One.\n\nTwo.\n "
    assert text(translate, lines)["TranslatedText"] == pseudo(lines, "fr")


def test_markup_is_kept(translate):
    html = "<p>Good morning.</p> <p translate=no>Keep me.</p>"
    expected = "<p>[es Ĝóóđ ɱóŕñíñĝ.]</p> <p translate=no>Keep me.</p>"
    assert text(translate, html, target="es")["TranslatedText"] == expected
    inline = 'My name <b>is</b> <span translate="no">Bob &amp; Co</span>, not <i>you</i>.'
    translated = text(translate, inline, target="es")["TranslatedText"]
    for kept in ("<b>íš</b>", '<span translate="no">Bob &amp; Co</span>', "<i>ýóú</i>"):
        assert kept in translated, translated


def test_neural_translations_keep_markup_where_it_belongs(new_server):
    translate = new_server(NEURAL).start().translate
    red = text(translate, "The <b>red</b> house is big.", target="es")["TranslatedText"]
    assert "<b>roja</b>" in red and "casa" in red, red
    link = 'Click the <a href="x">button</a> to save your changes.'
    assert '<a href="x">botón</a>' in text(translate, link, target="es")["TranslatedText"]
    names = text(translate, "Hello {name}, you have %d new messages.", target="es")
    assert "{name}" in names["TranslatedText"] and "%d" in names["TranslatedText"]
    opaque = "Press <span translate=no>Save As</span> to continue."
    pressed = text(translate, opaque, target="es")["TranslatedText"]
    assert pressed.count("<span translate=no>Save As</span>") == 1 and "continuar" in pressed


def test_a_language_is_detected(translate):
    german = text(translate, "Die Bücherei ist am Wochenende geschlossen.", source="auto")
    assert german["SourceLanguageCode"] == "de"
    with pytest.raises(translate.exceptions.DetectedLanguageLowConfidenceException) as unsure:
        text(translate, "12345 ???", source="auto")
    assert unsure.value.response["DetectedLanguageCode"] == "en"


def test_settings_that_took_effect_are_told(translate):
    formal = text(translate, "Hello", target="de", Settings={"Formality": "FORMAL"})
    assert formal["AppliedSettings"] == {"Formality": "FORMAL"}
    assert "AppliedSettings" not in text(
        translate, "Hello", target="pl", Settings={"Formality": "FORMAL"}
    )


def test_an_engine_that_cannot_be_formal_says_so(new_server):
    translate = new_server(NEURAL).start().translate
    answer = text(translate, "Hello", target="es", Settings={"Formality": "FORMAL"})
    assert "AppliedSettings" not in answer


def test_the_same_language_is_copied(translate):
    assert text(translate, "a <b>c", target="en")["TranslatedText"] == "a <b>c"


def test_sizes_are_exact(server, translate):
    assert text(translate, "a" * 10_000)["TranslatedText"].startswith("[fr á")
    for long in ("a" * 10_001, "é" * 5_001):
        with pytest.raises(translate.exceptions.TextSizeLimitExceededException) as refusal:
            text(translate, long)
        assert refusal.value.response["Error"]["Message"] == (
            "Input text size exceeds limit. Max length of request text allowed is 10000 bytes "
            f"while in this request the text size is {len(long.encode())} bytes"
        )


@pytest.mark.parametrize("hostile", [
    "x" * 10_000, "漢" * 3_300, "😀" * 2_500, "\u202e\u202d" * 1_000 + "a", "<" * 9_999,
    "{" * 9_999, "a. " * 3_000, "\u0301" * 5_000, "<b>" * 3_000, "&lt;" * 2_500, "\x01\x02 a \x1b[0m",
])
def test_hostile_texts_harm_nobody(new_server, hostile):
    translate = new_server('[engines]\norder = ["neural", "pseudo"]\n').start().translate
    for target in ("es", "fr"):
        assert text(translate, hostile, target=target)["TranslatedText"]
    assert "perro" in text(translate, "I have a dog.", target="es")["TranslatedText"]


def test_a_text_is_translated_by_the_cli(server):
    answer = server.aws(
        "translate", "translate-text", "--text", "Hello", "--source-language-code", "en",
        "--target-language-code", "fr",
    )
    assert '"[fr \\u0124\\u00e9\\u013c\\u013c\\u00f3]"' in answer.stdout.decode() or (
        "[fr Ĥéļļó]" in answer.stdout.decode()
    )


# Documents


def document(client, content, content_type="text/plain", source="en", target="es", **more):
    answer = client.translate_document(
        Document={"Content": content, "ContentType": content_type},
        SourceLanguageCode=source,
        TargetLanguageCode=target,
        **more,
    )
    return answer["TranslatedDocument"]["Content"]


def test_a_text_document_is_translated(translate):
    assert document(translate, b"One.\n") == pseudo("One.\n", "es").encode()


def test_a_page_is_translated(translate):
    page = b"<html><head><title>One</title><style>p {}</style></head><body class=a><p>Two<br>three</body>"
    translated = document(translate, page, "text/html").decode()
    assert "<style>p {}</style>" in translated and "<body class=a><p>" in translated
    assert "<title>[es Óñé]</title>" in translated and "<br>" in translated


def test_a_word_document_is_translated(translate):
    source = docx.Document()
    paragraph = source.add_paragraph("My name ")
    paragraph.add_run("is").bold = True
    paragraph.add_run(" Bob.")
    source.add_table(1, 1).cell(0, 0).text = "Cell"
    source.sections[0].footer.paragraphs[0].text = "Foot"
    written = io.BytesIO()
    source.save(written)
    translated = docx.Document(io.BytesIO(document(translate, written.getvalue(), DOCX)))
    runs = translated.paragraphs[0].runs
    assert translated.paragraphs[0].text == pseudo("My name is Bob.", "es")
    assert [run.text for run in runs if run.bold] == ["íš"]
    assert translated.tables[0].cell(0, 0).text == pseudo("Cell", "es")
    assert translated.sections[0].footer.paragraphs[0].text == pseudo("Foot", "es")


def test_documents_that_cannot_be_translated_are_refused(server):
    def body(content, content_type="text/plain", source="en", target="es"):
        return {
            "Document": {"Content": base64.b64encode(content).decode(), "ContentType": content_type},
            "SourceLanguageCode": source,
            "TargetLanguageCode": target,
        }

    zipped = io.BytesIO()
    zipfile.ZipFile(zipped, "w").writestr("a", "b")
    for error, request in [
        ("UnsupportedLanguagePairException", body(b"a", source="fr", target="de")),
        ("InvalidRequestException", body(b"a", DOCX)),
        ("InvalidRequestException", body(zipped.getvalue(), DOCX)),
        ("InvalidRequestException", body(b"a", DOCX.replace("wordprocessingml", "x"))),
        ("InvalidRequestException", body(b"a\xff")),
        ("LimitExceededException", body(b"1" * 100_001)),
        ("ValidationException", body(b"1" * 102_401)),
        ("SerializationException", body(b"a") | {"Document": {"Content": "!", "ContentType": "text/plain"}}),
    ]:
        found = refused(server, "TranslateDocument", request)
        assert found[1] == error, found
