//! How the server is, for whoever watches it: alive, ready, and which models are
//! loaded.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use engine::Installed;
use serde_json::{Value, json};

use super::Http;

pub(super) async fn live() -> &'static str {
    "alive\n"
}

/// Ready as soon as it is reached: the port opens when everything stands.
pub(super) async fn ready(State(http): State<Arc<Http>>) -> Response {
    let engines: Vec<Value> = http
        .app
        .engines
        .installed()
        .map(|(name, installed)| {
            let models: Vec<Value> = installed.iter().filter_map(model).collect();
            json!({ "name": name, "models": models })
        })
        .collect();
    let body = json!({ "status": "ready", "engines": engines });
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], format!("{body}\n")).into_response()
}

/// What is for every pair is no model.
fn model(installed: &Installed) -> Option<Value> {
    let pair = installed.pair?;
    let state = match installed {
        Installed { problem: Some(_), .. } => "damaged",
        Installed { is_loading: true, .. } => "loading",
        Installed { memory_bytes: 0, .. } => "unloaded",
        Installed { .. } => "loaded",
    };
    Some(json!({
        "pair": format!("{}-{}", pair.source, pair.target),
        "state": state,
        "memory_bytes": installed.memory_bytes,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl Fn(&mut Installed), expected: &str) {
        let mut installed = Installed {
            pair: Some(engine::parse_pair("en-zh-TW").unwrap()),
            origin: String::new(),
            version: None,
            size_bytes: 9,
            memory_bytes: 0,
            is_loading: false,
            problem: None,
        };
        change(&mut installed);
        let memory = installed.memory_bytes;
        let shown = json!({ "pair": "en-zh-TW", "state": expected, "memory_bytes": memory });
        assert_eq!(model(&installed), Some(shown));
    }

    #[test]
    fn every_model_is_in_one_state() {
        check(|_| (), "unloaded");
        check(|it| it.is_loading = true, "loading");
        check(|it| it.memory_bytes = 5, "loaded");
        check(|it| it.problem = Some("gone".to_owned()), "damaged");
    }
}
