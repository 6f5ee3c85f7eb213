//! The runner and the operations together: a job's whole life, undisturbed,
//! stopped, failing, and crashing at every touch of the storage.

mod disturbed;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use objects::Objects;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::disturbed::{Disturbance, DisturbedObjects, NEVER, Shared};
use crate::test_app::{TestApp, request};

/// An app with a job of five documents, one of them bad, into two languages.
async fn with_job(disturbance: Disturbance) -> (TestApp, Arc<DisturbedObjects>, String) {
    let mut disturbed = None;
    let app = TestApp::start_with(|inner| {
        let objects = Arc::new(DisturbedObjects::new(inner, disturbance));
        disturbed = Some(Arc::clone(&objects));
        Arc::new(Shared(objects))
    })
    .await;
    for key in ["docs/a.txt", "docs/b.txt", "docs/sub/c.txt", "docs/sub/d/e.txt"] {
        app.put(key, format!("Text of {key}.\n")).await;
    }
    app.put("docs/bad.txt", &b"\xFF\xFE"[..]).await;
    app.put("docs/sub/", "").await;
    let id = app.submit("t", json!({ "TargetLanguageCodes": ["fr", "es"] })).await;
    (app, disturbed.unwrap(), id)
}

/// What an undisturbed run of [`with_job`] leaves, the job's id replaced.
async fn undisturbed() -> (BTreeMap<String, String>, Value) {
    let (app, _, id) = with_job(Disturbance::FailOnce).await;
    app.run_until_idle().await;
    (anonymous(app.output(&id).await, &id), end(&app, &id).await)
}

fn anonymous(output: BTreeMap<String, String>, id: &str) -> BTreeMap<String, String> {
    output.into_iter().map(|(key, text)| (key, text.replace(id, "ID"))).collect()
}

/// How the job ended, but for its times and its id.
async fn end(app: &TestApp, id: &str) -> Value {
    let job = app.describe(id).await;
    json!({ "status": job["JobStatus"], "counts": job["JobDetails"], "message": job["Message"] })
}

#[tokio::test]
async fn a_folder_is_translated_and_its_details_say_how() {
    let (output, end) = undisturbed().await;
    let keys: Vec<&str> = output.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "details/es.auxiliary-translation-details.json",
            "details/fr.auxiliary-translation-details.json",
            "es.a.txt",
            "es.b.txt",
            "fr.a.txt",
            "fr.b.txt",
            "sub/d/es.e.txt",
            "sub/d/fr.e.txt",
            "sub/es.c.txt",
            "sub/fr.c.txt",
        ]
    );
    assert_eq!(output["fr.a.txt"], "[fr Ŧéẋŧ óƒ đóçš/á.ŧẋŧ.]\n");
    let bad = json!({
        "errorCode": "InvalidRequestException",
        "errorMessage": "Invalid utf-8 encoded texts detected",
    });
    let details: Value =
        serde_json::from_str(&output["details/fr.auxiliary-translation-details.json"]).unwrap();
    let expected = json!({
        "sourceLanguageCode": "en",
        "targetLanguageCode": "fr",
        "charactersTranslated": "90",
        "documentCountWithCustomerError": "1",
        "documentCountWithServerError": "0",
        "inputDataPrefix": "s3://in-bucket/docs",
        "outputDataPrefix": "s3://out-bucket/res/111122223333-TranslateText-ID/",
        "details": [
            { "sourceFile": "a.txt", "targetFile": "fr.a.txt", "auxiliaryData": {} },
            { "sourceFile": "b.txt", "targetFile": "fr.b.txt", "auxiliaryData": {} },
            { "sourceFile": "bad.txt", "auxiliaryData": { "error": bad } },
            { "sourceFile": "sub/c.txt", "targetFile": "sub/fr.c.txt", "auxiliaryData": {} },
            { "sourceFile": "sub/d/e.txt", "targetFile": "sub/d/fr.e.txt", "auxiliaryData": {} },
        ],
    });
    assert_eq!(details, expected);
    let counts = json!({
        "InputDocumentsCount": 5, "TranslatedDocumentsCount": 4, "DocumentsWithErrorsCount": 1,
    });
    let message = "Your job has completed with errors. See the details folder of the job output.";
    let expected =
        json!({ "status": "COMPLETED_WITH_ERROR", "counts": counts, "message": message });
    assert_eq!(end, expected);
}

#[tokio::test]
async fn a_crash_at_any_touch_of_the_storage_changes_nothing() {
    let (expected, expected_end) = undisturbed().await;
    for disturbance in [Disturbance::CrashBefore, Disturbance::CrashAfter] {
        for at in 0.. {
            let (mut app, objects, id) = with_job(disturbance).await;
            objects.arm(at);
            let has_crashed = tokio::select! {
                () = app.run_until_idle() => false,
                () = objects.crashed.notified() => true,
            };
            app.restart();
            app.run_until_idle().await;
            let output = anonymous(app.output(&id).await, &id);
            assert_eq!(output, expected, "{disturbance:?} at {at}");
            assert_eq!(end(&app, &id).await, expected_end, "{disturbance:?} at {at}");
            if !has_crashed {
                assert!(15 < at, "the job touches the storage more often than {at} times");
                break;
            }
        }
    }
}

/// The documents of which the details say that they were translated, and the
/// documents that are there, must be the same.
fn agree(output: &BTreeMap<String, String>, end: &Value) {
    let mut listed = Vec::new();
    let mut failed = 0;
    for target in ["es", "fr"] {
        let details = output.get(&format!("details/{target}.auxiliary-translation-details.json"));
        let Some(details) = details else { continue };
        let details: Value = serde_json::from_str(details).unwrap();
        for entry in details["details"].as_array().unwrap() {
            match entry["targetFile"].as_str() {
                Some(file) => listed.push(file.to_owned()),
                None => failed += 1,
            }
        }
    }
    listed.sort();
    let there: Vec<&String> = output.keys().filter(|key| !key.starts_with("details/")).collect();
    assert_eq!(listed.iter().collect::<Vec<_>>(), there);
    let counts = &end["counts"];
    assert_eq!(counts["TranslatedDocumentsCount"].as_u64().unwrap_or(0) * 2, listed.len() as u64);
    assert_eq!(counts["DocumentsWithErrorsCount"].as_u64().unwrap_or(0) * 2, failed);
}

#[tokio::test]
async fn a_stop_after_a_crash_leaves_only_what_the_details_list() {
    for at in 0.. {
        let (mut app, objects, id) = with_job(Disturbance::CrashAfter).await;
        objects.arm(at);
        let has_crashed = tokio::select! {
            () = app.run_until_idle() => false,
            () = objects.crashed.notified() => true,
        };
        let answer = app.stop(&id).await;
        app.restart();
        app.run_until_idle().await;
        let output = app.output(&id).await;
        let end = end(&app, &id).await;
        agree(&output, &end);
        if !has_crashed {
            break;
        }
        assert_eq!(answer, "STOP_REQUESTED", "at {at}");
        let status = end["status"].as_str().unwrap();
        assert!(matches!(status, "STOPPED" | "COMPLETED_WITH_ERROR"), "{status} at {at}");
    }
}

#[tokio::test]
async fn a_hiccup_of_the_storage_is_not_seen() {
    let (expected, expected_end) = undisturbed().await;
    for at in 0.. {
        let (app, objects, id) = with_job(Disturbance::FailOnce).await;
        objects.arm(at);
        app.run_until_idle().await;
        assert_eq!(anonymous(app.output(&id).await, &id), expected, "at {at}");
        assert_eq!(end(&app, &id).await, expected_end, "at {at}");
        if objects.is_untouched() {
            break;
        }
    }
}

#[tokio::test]
async fn a_full_storage_fails_the_job_and_says_so() {
    // The listing and the reads come first.
    for at in 6..20 {
        let (app, objects, id) = with_job(Disturbance::Full).await;
        objects.arm(at);
        app.run_until_idle().await;
        let end = end(&app, &id).await;
        assert_eq!(end["status"], "FAILED", "at {at}");
        let message = "The output folder could not be written: the storage is full";
        assert_eq!(end["message"], message, "at {at}");
        // Details cannot be written to a full storage; what is there is whole.
        let (expected, _) = undisturbed().await;
        let output = anonymous(app.output(&id).await, &id);
        for (key, text) in &output {
            assert_eq!(Some(text), expected.get(key), "{key} at {at}");
            let other = key.replace("fr.", "es.");
            let is_whole = key.starts_with("details/") || output.contains_key(&other);
            assert!(is_whole, "{key} without {other} at {at}");
        }
    }
}

#[tokio::test]
async fn the_loop_works_stops_and_ends() {
    let (app, _, id) = with_job(Disturbance::FailOnce).await;
    let shutdown = CancellationToken::new();
    let mut running = JoinSet::new();
    running.spawn(Arc::clone(&app.runner).run(shutdown.clone()));
    until(&app, &id, "COMPLETED_WITH_ERROR").await;
    let second = app.submit("second", Value::Null).await;
    let answer = app.stop(&second).await;
    assert!(matches!(answer.as_str(), "STOPPED" | "STOP_REQUESTED"), "{answer}");
    let end = app.status(&second).await;
    assert!(matches!(end.as_str(), "STOPPED" | "STOP_REQUESTED" | "COMPLETED_WITH_ERROR"));
    shutdown.cancel();
    running.join_next().await.unwrap().unwrap();
}

async fn until(app: &TestApp, id: &str, status: &str) {
    let reached = async {
        while app.status(id).await != status {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.expect("it gets there");
}

#[tokio::test]
async fn a_waiting_job_is_stopped_and_leaves_nothing() {
    let (app, _, id) = with_job(Disturbance::FailOnce).await;
    assert_eq!(app.stop(&id).await, "STOPPED");
    app.run_until_idle().await;
    let job = app.describe(&id).await;
    assert_eq!(job["JobStatus"], "STOPPED");
    assert_eq!(job["Message"], "Your job was stopped at your request.");
    assert_eq!(job.get("JobDetails"), None);
    assert!(job["EndTime"].is_number());
    assert_eq!(app.output(&id).await, BTreeMap::new());
}

#[tokio::test]
async fn a_running_job_is_asked_to_stop_and_then_stops() {
    let (app, _, id) = with_job(Disturbance::FailOnce).await;
    assert!(app.step().await, "it is listed");
    let answer = app.call("StopTextTranslationJob", json!({ "JobId": id })).await;
    assert_eq!(answer, Ok(json!({ "JobId": id, "JobStatus": "STOP_REQUESTED" })));
    assert_eq!(app.status(&id).await, "STOP_REQUESTED");
    app.run_until_idle().await;
    let end = end(&app, &id).await;
    assert_eq!(end["status"], "STOPPED");
    agree(&app.output(&id).await, &end);
    assert_eq!(app.stop(&id).await, "STOPPED");
}

#[tokio::test]
async fn a_stop_after_the_last_document_completes() {
    let (app, _, id) = with_job(Disturbance::FailOnce).await;
    assert!(app.step().await && app.step().await, "it is listed and worked on");
    assert_eq!(app.stop(&id).await, "STOP_REQUESTED");
    app.run_until_idle().await;
    assert_eq!(app.status(&id).await, "COMPLETED_WITH_ERROR");
    assert_eq!(app.stop(&id).await, "COMPLETED_WITH_ERROR");
}

#[tokio::test]
async fn a_document_that_vanished_or_changed_is_an_error_and_the_others_go_on() {
    let (app, _, id) = with_job(Disturbance::FailOnce).await;
    assert!(app.step().await, "it is listed");
    app.put("docs/b.txt", "another text").await;
    app.put("docs/late.txt", "too late to be listed").await;
    let access = crate::test_app::access();
    app.objects.delete(&access, "in-bucket", "docs/a.txt").await.unwrap();
    app.run_until_idle().await;
    let output = app.output(&id).await;
    let details: Value =
        serde_json::from_str(&output["details/fr.auxiliary-translation-details.json"]).unwrap();
    let message =
        |index: usize| details["details"][index]["auxiliaryData"]["error"]["errorMessage"].clone();
    assert_eq!(
        message(0),
        "The document could not be read: the object 'docs/a.txt' does not exist"
    );
    assert_eq!(
        message(1),
        "The document could not be read: the object 'docs/b.txt' has changed since the input \
         folder was listed"
    );
    let counts = json!({
        "InputDocumentsCount": 5, "TranslatedDocumentsCount": 2, "DocumentsWithErrorsCount": 3,
    });
    assert_eq!(end(&app, &id).await["counts"], counts);
}

#[tokio::test]
async fn an_input_that_is_gone_when_the_job_begins_fails_it() {
    let app = TestApp::start().await;
    app.put("docs/a.txt", "a").await;
    let id = app.submit("t", Value::Null).await;
    let access = crate::test_app::access();
    app.objects.delete(&access, "in-bucket", "docs/a.txt").await.unwrap();
    app.run_until_idle().await;
    let end = end(&app, &id).await;
    assert_eq!(end["status"], "FAILED");
    assert!(end["message"].as_str().unwrap().starts_with("The input folder could not be listed: "));
}

#[tokio::test]
async fn an_output_inside_the_input_is_not_translated_again() {
    let app = TestApp::start().await;
    app.put("docs/a.txt", "a").await;
    let output = json!({ "OutputDataConfig": { "S3Uri": "s3://in-bucket/docs" } });
    let id = app.submit("t", output).await;
    // As if its own first output were there already when the listing goes on.
    app.put(&format!("docs/111122223333-TranslateText-{id}/fr.a.txt"), "b").await;
    app.run_until_idle().await;
    assert_eq!(end(&app, &id).await["counts"]["InputDocumentsCount"], 1);
}

#[tokio::test]
async fn a_document_nobody_survives_is_given_up_on() {
    let (mut app, objects, id) = with_job(Disturbance::CrashBefore).await;
    // Behind the listing, every first read: no document is ever recorded.
    for at in [1, 0, 0, 0, 0] {
        objects.arm(at);
        tokio::select! {
            () = app.run_until_idle() => panic!("it crashes first"),
            () = objects.crashed.notified() => (),
        }
        app.crash();
    }
    objects.arm(NEVER);
    app.run_until_idle().await;
    assert_eq!(app.status(&id).await, "COMPLETED_WITH_ERROR");
    let output = app.output(&id).await;
    assert!(
        output["details/fr.auxiliary-translation-details.json"]
            .contains("The server failed 5 times while this document was in work")
    );
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_at_once() {
    let app = TestApp::start().await;
    app.put("docs/a.txt", "a").await;
    app.put("bad/sub/details/a.txt", "a").await;
    app.put("empty/", "").await;
    let input =
        |uri: &str| json!({ "InputDataConfig": { "S3Uri": uri, "ContentType": "text/plain" } });
    let cases = [
        (
            input("s3://no-such-bucket/docs"),
            "InvalidRequestException: The input folder could not be listed: the bucket 'no-such-bucket' does not exist",
        ),
        (
            input("s3://in-bucket/none"),
            "InvalidRequestException: the input folder 's3://in-bucket/none' holds no documents",
        ),
        (
            input("s3://in-bucket/docs/a.txt"),
            "InvalidRequestException: the input folder 's3://in-bucket/docs/a.txt' holds no documents",
        ),
        (
            input("s3://in-bucket/empty"),
            "InvalidRequestException: the input folder 's3://in-bucket/empty' holds no documents",
        ),
        (
            input("s3://in-bucket/bad"),
            "InvalidRequestException: The input folder contains a nested folder named details: sub/details/a.txt",
        ),
        (
            input("s3://in-bucket"),
            "InvalidRequestException: the input 's3://in-bucket' is the top of a bucket: name a folder inside it",
        ),
        (
            json!({ "OutputDataConfig": { "S3Uri": "s3://no-such-bucket" } }),
            "InvalidRequestException: The output folder could not be written: the bucket 'no-such-bucket' does not exist",
        ),
        (
            json!({ "TerminologyNames": ["t"] }),
            "ResourceNotFoundException: no resource named 't' exists",
        ),
        (
            json!({ "SourceLanguageCode": "xx" }),
            "UnsupportedLanguagePairException: Unsupported language pair: xx to fr. Source language 'xx' is not supported",
        ),
    ];
    for (changes, expected) in cases {
        let refused = app.call("StartTextTranslationJob", request("t", changes)).await;
        assert_eq!(refused, Err(expected.to_owned()));
    }
    let jobs = app.call("ListTextTranslationJobs", json!({})).await;
    assert_eq!(jobs, Ok(json!({ "TextTranslationJobPropertiesList": [] })));
    app.submit("t", Value::Null).await;
}

#[tokio::test]
async fn two_identical_requests_at_once_make_one_job() {
    let app = TestApp::start().await;
    app.put("docs/a.txt", "a").await;
    let (one, two) = tokio::join!(app.submit("t", Value::Null), app.submit("t", Value::Null));
    assert_eq!(one, two);
    let other = request("t", json!({ "JobName": "other" }));
    let refused = app.call("StartTextTranslationJob", other).await;
    assert_eq!(
        refused,
        Err("InvalidParameterValueException: the client token 't' was used before with a \
             different request"
            .to_owned())
    );
}

#[tokio::test]
async fn pages_of_jobs_hold_each_job_once() {
    let app = TestApp::start().await;
    app.put("docs/a.txt", "a").await;
    let mut ids = Vec::new();
    for token in ["a", "b", "c"] {
        ids.push(app.submit(token, Value::Null).await);
    }
    let (mut seen, mut body) = (Vec::new(), json!({ "MaxResults": 1 }));
    loop {
        let page = app.call("ListTextTranslationJobs", body.clone()).await.unwrap();
        let jobs = page["TextTranslationJobPropertiesList"].as_array().unwrap();
        seen.extend(jobs.iter().map(|job| job["JobId"].as_str().unwrap().to_owned()));
        match page.get("NextToken") {
            Some(token) => body["NextToken"] = token.clone(),
            None => break,
        }
    }
    ids.sort();
    seen.sort();
    assert_eq!(seen, ids);
    body["Filter"] = json!({ "JobName": "x" });
    let refused = app.call("ListTextTranslationJobs", body).await.unwrap_err();
    assert!(refused.starts_with("InvalidRequestException: "), "{refused}");
    let both = json!({ "Filter": { "JobName": "x", "JobStatus": "FAILED" } });
    let refused = app.call("ListTextTranslationJobs", both).await.unwrap_err();
    assert!(refused.starts_with("InvalidFilterException: "), "{refused}");
}

#[tokio::test]
async fn an_empty_document_needs_no_language() {
    let app = TestApp::start().await;
    app.put("docs/empty.txt", "").await;
    app.put("docs/blank.txt", " \n\n").await;
    let id = app.submit("t", json!({ "SourceLanguageCode": "auto" })).await;
    app.run_until_idle().await;
    assert_eq!(app.status(&id).await, "COMPLETED");
    let output = app.output(&id).await;
    assert_eq!((output["fr.empty.txt"].as_str(), output["fr.blank.txt"].as_str()), ("", " \n\n"));
}
