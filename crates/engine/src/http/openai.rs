//! A server that completes chats: several texts in one request, each checked,
//! and those that did not come back right asked for one by one.
//!
//! Start reading at [`OpenAi::translate`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use serde_json::{Value, json};
use ureq::http::HeaderValue;

use super::caller::{CallError, Caller};
use super::client::Call;
use super::settings::{Endpoint, HttpProblem, HttpSettings, check_key};
use super::{answer, prompt};
use crate::Request;

/// How much chance there is in the tries for a single text: none at first.
const TEMPERATURES: [f64; 2] = [0.0, 0.3];
/// The same if what came without chance was no good.
const RETRY_TEMPERATURES: [f64; 2] = [0.3, 0.7];

/// How a request is put, from what gives the best answers to what every server takes.
const FORMS: [Form; 4] = [
    Form { format: Format::Schema, has_temperature: true },
    Form { format: Format::Object, has_temperature: true },
    Form { format: Format::Free, has_temperature: true },
    Form { format: Format::Free, has_temperature: false },
];

#[derive(Clone, Copy, Debug)]
struct Form {
    format: Format,
    has_temperature: bool,
}

/// What a server is asked to see to.
#[derive(Clone, Copy, Debug)]
enum Format {
    /// That the answer is JSON of the right form.
    Schema,
    /// That the answer is a JSON object.
    Object,
    /// Nothing.
    Free,
}

/// The server.
#[derive(Debug)]
pub(super) struct OpenAi {
    caller: Caller,
    url: Arc<str>,
    authorization: Option<HeaderValue>,
    model: Option<String>,
    /// The first of [`FORMS`] that the server was seen to take.
    form: AtomicUsize,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

impl OpenAi {
    pub(super) fn new(settings: &HttpSettings, endpoint: &Endpoint) -> Result<Self, HttpProblem> {
        let bearer = |key| -> Result<HeaderValue, HttpProblem> {
            check_key(key)?;
            let value = HeaderValue::from_str(&format!("Bearer {}", key.expose()));
            let mut value = value.map_err(|_| HttpProblem::ApiKey)?;
            value.set_sensitive(true);
            Ok(value)
        };
        Ok(Self {
            caller: Caller::new(settings, endpoint),
            url: endpoint.chat_completions().into(),
            authorization: settings.api_key.as_ref().map(bearer).transpose()?,
            model: settings.model.clone(),
            form: AtomicUsize::new(0),
        })
    }

    pub(super) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The translations of `texts`, none of which is blank.
    pub(super) fn translate(
        &self,
        request: &Request<'_>,
        texts: &[&str],
    ) -> Result<Vec<String>, CallError> {
        let mut found = vec![None; texts.len()];
        if !request.is_retry && 1 < texts.len() {
            found = match self.ask(request, texts, 0.0) {
                // Perhaps too much at once.
                Err(CallError::Refused { status: 400 | 413 | 422, .. }) => found,
                answer => answer?,
            };
        }
        let finish = |(found, text): (Option<String>, &&str)| match found {
            Some(translation) => Ok(translation),
            None => self.ask_for_one(request, text),
        };
        found.into_iter().zip(texts).map(finish).collect()
    }

    fn ask_for_one(&self, request: &Request<'_>, text: &str) -> Result<String, CallError> {
        let temperatures = if request.is_retry { RETRY_TEMPERATURES } else { TEMPERATURES };
        for temperature in temperatures {
            let found = self.ask(request, &[text], temperature)?.pop().flatten();
            if let Some(translation) = found {
                return Ok(translation);
            }
        }
        let reason = "the model's answers are not the JSON that it was asked for: take a larger \
                      model, or a server that can be told the form of an answer";
        Err(CallError::Failed(reason.to_owned()))
    }

    /// Asks for all `texts` at once. Takes a simpler form if the server does not
    /// want the one it is asked in, and remembers that if it helped.
    fn ask(
        &self,
        request: &Request<'_>,
        texts: &[&str],
        temperature: f64,
    ) -> Result<Vec<Option<String>>, CallError> {
        let first = self.form.load(Ordering::Relaxed);
        let mut refused = None;
        for (index, form) in FORMS.iter().enumerate().skip(first) {
            let call = Call {
                url: Arc::clone(&self.url),
                authorization: self.authorization.clone(),
                body: Some(self.body(request, texts, temperature, *form)),
            };
            match self.caller.call(&call, request.stop) {
                Ok(body) => {
                    self.form.fetch_max(index, Ordering::Relaxed);
                    return read(&body, texts);
                }
                Err(err @ CallError::Refused { status: 400 | 415 | 422, .. }) => {
                    refused = Some(err);
                }
                Err(err) => return Err(err),
            }
        }
        // No form was to blame.
        Err(refused.unwrap_or_else(|| CallError::Failed("there is no form left".to_owned())))
    }

    fn body(
        &self,
        request: &Request<'_>,
        texts: &[&str],
        temperature: f64,
        form: Form,
    ) -> Arc<[u8]> {
        let has_examples = !request.examples.is_empty();
        let instructions = prompt::instructions(request.pair, request.style, has_examples);
        let mut body = json!({
            "messages": [
                { "role": "system", "content": instructions },
                { "role": "user", "content": prompt::items(texts, request.examples) }
            ],
            "stream": false
        });
        if let Some(model) = &self.model {
            body["model"] = model.as_str().into();
        }
        if form.has_temperature {
            body["temperature"] = temperature.into();
        }
        let format = match form.format {
            Format::Schema => json!({ "type": "json_schema", "json_schema": prompt::schema() }),
            Format::Object => json!({ "type": "json_object" }),
            Format::Free => Value::Null,
        };
        if !format.is_null() {
            body["response_format"] = format;
        }
        body.to_string().into_bytes().into()
    }
}

fn read(body: &[u8], texts: &[&str]) -> Result<Vec<Option<String>>, CallError> {
    let completion: Completion = serde_json::from_slice(body).map_err(|_| {
        CallError::Failed(
            "the server's answer is no chat completion: check engines.http.url and \
             engines.http.kind"
                .to_owned(),
        )
    })?;
    let content = completion.choices.into_iter().next().and_then(|choice| choice.message.content);
    Ok(answer::translations(&content.unwrap_or_default(), texts))
}
