"""ListLanguages: which languages there are, and how they are called."""

import pytest


def languages(server, **request):
    answer = server.translate.list_languages(**request)
    return [
        (language["LanguageCode"], language["LanguageName"]) for language in answer["Languages"]
    ]


def test_all_languages_come_on_one_page_ordered_by_their_english_names(server):
    answer = server.translate.list_languages()
    assert answer["DisplayLanguageCode"] == "en" and "NextToken" not in answer
    found = languages(server)
    codes, names = [code for code, _ in found], [name for _, name in found]
    assert len(found) == len(set(codes)) == 76
    assert (codes[0], codes[-1]) == ("af", "cy")
    assert names == sorted(names)
    for named in [("auto", "Auto"), ("fr-CA", "Canadian French"), ("zh-TW", "Chinese Traditional")]:
        assert named in found


def test_pages_follow_each_other(server):
    pages, token = [], {}
    while True:
        answer = server.translate.list_languages(MaxResults=10, **token)
        pages.append([language["LanguageCode"] for language in answer["Languages"]])
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert [len(page) for page in pages] == [10] * 7 + [6]
    assert sum(pages, []) == [code for code, _ in languages(server)]


def test_a_token_of_something_else_is_refused(server):
    body = {"NextToken": "garbage"}
    status, name, text = server.call("ListLanguages", body).error
    assert (status, name) == (400, "InvalidParameterValueException") and text


def test_names_come_in_the_language_of_the_reader(server):
    answer = server.call("ListLanguages", {"DisplayLanguageCode": "de"}).json
    assert answer["DisplayLanguageCode"] == "de"
    names = {entry["LanguageCode"]: entry["LanguageName"] for entry in answer["Languages"]}
    assert (names["fr"], names["es"], names["auto"]) == ("Französisch", "Spanisch", "Auto")
    assert list(names) == [code for code, _ in languages(server)]


@pytest.mark.parametrize("code", ["xx", "EN", "pl", ""])
def test_a_language_without_names_is_refused(server, code):
    answer = server.call("ListLanguages", {"DisplayLanguageCode": code})
    text = answer.json["Message"]
    assert answer.status == 400 and text
    assert answer.json == {
        "__type": "UnsupportedDisplayLanguageCodeException",
        "Message": text,
        "DisplayLanguageCode": code,
    }


@pytest.mark.parametrize(
    "number, limit", [(0, "greater than or equal to 1"), (501, "less than or equal to 500")]
)
def test_a_page_has_1_to_500_languages(server, number, limit):
    answer = server.call("ListLanguages", {"MaxResults": number})
    assert answer.error == (
        400,
        "ValidationException",
        f"1 validation error detected: Value '{number}' at 'maxResults' failed to satisfy "
        f"constraint: Member must have value {limit}",
    )


def test_only_what_is_installed_is_listed(new_server):
    server = new_server('[engines]\norder = ["neural"]\n').start()
    assert languages(server) == [
        ("auto", "Auto"),
        ("en", "English"),
        ("es-MX", "Mexican Spanish"),
        ("es", "Spanish"),
    ]
    assert languages(server, DisplayLanguageCode="es") == [
        ("auto", "Auto"),
        ("en", "inglés"),
        ("es-MX", "español de México"),
        ("es", "español"),
    ]


def test_the_full_catalog_can_be_asked_for(new_server, server):
    config = '[engines]\norder = ["neural"]\n[catalog]\nlanguages = "full"\n'
    assert languages(new_server(config).start()) == languages(server)
