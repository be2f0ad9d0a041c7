//! Requests and responses: which address does what.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::answers::{Malformed, VARIANTS, sets};
use super::{Site, runs};
use crate::report::explore::page::FILES;
use crate::report::explore::{FIGURES, errors, levers};

type Body = BoxBody<Bytes, std::convert::Infallible>;

/// The largest request, in bytes.
const LARGEST: usize = 256 << 10;

/// Sent with everything. Nothing but our own files may run or be loaded, and nobody may frame the page.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Why there is no answer.
struct Refusal(StatusCode, &'static str);

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self(StatusCode::BAD_REQUEST, malformed.0)
    }
}

/// Answers a request, whatever it is.
pub async fn answer(site: &Arc<Site>, request: Request<Incoming>) -> Response<Body> {
    let mut response = match routed(site, request).await {
        Ok(response) => response,
        Err(Refusal(status, why)) => {
            let mut response = json_body(&json!({ "error": why }));
            *response.status_mut() = status;
            if status == StatusCode::METHOD_NOT_ALLOWED {
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
            }
            response
        }
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn routed(site: &Arc<Site>, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
    if let Some(why) = site.guard.refusal(&request) {
        return Err(Refusal(StatusCode::FORBIDDEN, why));
    }
    let path = request.uri().path().to_owned();
    let posted = matches!(path.as_str(), "/answer" | "/simulate" | "/yaml");
    let known = posted || path == "/levers" || FILES.iter().any(|file| file.0 == path);
    match *request.method() {
        _ if !known => Err(Refusal(StatusCode::NOT_FOUND, "there is nothing here")),
        Method::GET if !posted => Ok(file(&path)),
        Method::POST if posted => {
            let body = body(request).await?;
            match path.as_str() {
                "/answer" => answered(site, &body).await,
                "/simulate" => simulated(site, &body),
                _ => yaml(site, &body).await,
            }
        }
        _ => Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, "this address takes another method")),
    }
}

fn file(path: &str) -> Response<Body> {
    FILES.iter().find(|file| file.0 == path).map_or_else(
        || {
            let mut table = levers::table();
            table["figures"] = json!(FIGURES);
            json_body(&table)
        },
        |(_, kind, text)| response(Full::new(Bytes::from_static(text.as_bytes())).boxed(), kind),
    )
}

/// The JSON that was sent.
async fn body(request: Request<Incoming>) -> Result<Value, Refusal> {
    if !is_json(request.headers()) {
        // What a form of another site can send is not JSON.
        return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json"));
    }
    let collected = Limited::new(request.into_body(), LARGEST).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Refusal(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large")
        } else {
            Refusal(StatusCode::BAD_REQUEST, "the request broke off")
        }
    })?;
    serde_json::from_slice(&collected.to_bytes())
        .map_err(|_| Refusal(StatusCode::BAD_REQUEST, "the request is not JSON"))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// The closed form of one or two variants.
async fn answered(site: &Arc<Site>, body: &Value) -> Result<Response<Body>, Refusal> {
    let Some(variants) = body["variants"].as_array().filter(|list| (1..=VARIANTS).contains(&list.len())) else {
        return Err(Malformed("`variants` must be a list of one or two").into());
    };
    let variants: Vec<Vec<String>> = variants.iter().map(sets).collect::<Result<_, _>>()?;
    let ticket = site.turns.take(format!("{} answer", page(body)?));
    let seat = Arc::clone(&site.answering).acquire_owned().await;
    let (site, turn) = (Arc::clone(site), ticket.turn());
    let done = spawn_blocking(move || {
        let done = site.base.answer(&variants, &|| !turn.is_over());
        drop(seat);
        done
    });
    match done.await {
        Ok(done) => Ok(json_body(&done.unwrap_or_else(|| json!({ "overtaken": true })))),
        Err(_) => Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, "the answer can't be computed")),
    }
}

fn simulated(site: &Arc<Site>, body: &Value) -> Result<Response<Body>, Refusal> {
    let sets = sets(body)?;
    let Some(variant) = body["variant"].as_u64().filter(|variant| *variant < VARIANTS as u64) else {
        return Err(Malformed("`variant` must be 0 or 1").into());
    };
    let ticket = site.turns.take(format!("{} simulation {variant}", page(body)?));
    Ok(response(runs::stream(site, ticket, sets).boxed(), "text/event-stream"))
}

/// A scenario file to keep, or what is wrong with it.
async fn yaml(site: &Arc<Site>, body: &Value) -> Result<Response<Body>, Refusal> {
    let sets = sets(body)?;
    let site = Arc::clone(site);
    match spawn_blocking(move || site.base.yaml(&sets)).await {
        Ok(Ok((name, text))) => Ok(json_body(&json!({ "file": name, "text": text }))),
        Ok(Err(wrong)) => Ok(json_body(&json!({ "errors": errors(&wrong) }))),
        Err(_) => Err(Refusal(StatusCode::INTERNAL_SERVER_ERROR, "the file can't be written")),
    }
}

/// Which page asks: any short text that it made up for itself.
fn page(body: &Value) -> Result<&str, Malformed> {
    body["page"].as_str().filter(|page| page.len() <= 64).ok_or(Malformed("`page` must be a short text"))
}

fn json_body(value: &Value) -> Response<Body> {
    response(Full::new(Bytes::from(value.to_string())).boxed(), "application/json")
}

fn response(body: Body, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
