//! What a client is told when there is no answer: a status and `{"error": {"kind", "message", "hint"}}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fervor::picture::Format;
use fervor::{Error, ErrorKind};
use serde::Serialize;

/// Seconds after which a client that was turned away may come again.
const RETRY_AFTER: u64 = 1;

/// An error as a client sees it. Nothing of the machine is in it: no path, no trace of the stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApiError {
    #[serde(skip)]
    pub status: StatusCode,
    /// Whose problem it is and of what sort: `input`, `too_large`, `unsupported`, `slow`, `not_found`, `method`, `key`,
    /// `origin`, `rate`, `busy`, `timeout`, `internal`.
    pub kind: &'static str,
    /// What went wrong, ending with the value that was wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), hint: Some(hint.into()) }
    }

    /// 422: the request is understood and cannot be answered.
    pub fn input(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "input", message, hint)
    }

    /// 400: the request cannot be read.
    pub fn malformed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "input", message, hint)
    }

    /// 413: a body or a picture over its limit.
    pub fn too_large(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message, hint)
    }

    /// 415: not a picture that can be read.
    pub fn unsupported(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", message, hint)
    }

    /// 408: the body did not come in time.
    pub fn slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "slow", "the request did not arrive in time", "send it again over a faster line")
    }

    /// 404.
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("there is nothing at {what}"),
            "GET /openapi.json lists what there is",
        )
    }

    /// 405.
    pub fn method(method: impl std::fmt::Display) -> Self {
        let hint = "GET /openapi.json lists what there is";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", format!("this address does not take {method}"), hint)
    }

    /// 401: no API key, or a wrong one.
    pub fn key() -> Self {
        let hint = "send the header `Authorization: Bearer KEY`";
        Self::new(StatusCode::UNAUTHORIZED, "key", "this service asks for a key", hint)
    }

    /// 403: a page of another origin.
    pub fn origin() -> Self {
        let hint = "the operator can allow an origin with --allow-origin";
        Self::new(StatusCode::FORBIDDEN, "origin", "pages of other origins may not use this service", hint)
    }

    /// 429: over the rate of one client.
    pub fn rate() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate", "too many requests", "wait for the seconds that Retry-After says")
    }

    /// 503: the queue or the memory for requests is full.
    pub fn busy() -> Self {
        let hint = "send the request again after the seconds that Retry-After says";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "the service is busy", hint)
    }

    /// 503: the answer was not ready in time.
    pub fn timeout() -> Self {
        let hint = "send the request again after the seconds that Retry-After says";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "the answer was not ready in time", hint)
    }

    /// 500: a fault of the service. What it was stands in the log.
    pub fn internal() -> Self {
        let hint = "the service goes on; its log names the fault by the request's X-Request-Id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "a fault of the service", hint)
    }

    /// The error of a picture with these bytes: 413 over a limit, 415 of no readable format, 422 damaged.
    pub fn of_picture(error: &Error, bytes: &[u8]) -> Self {
        if error.kind() != ErrorKind::Input {
            tracing::error!(error = error.message(), "a picture could not be answered");
            return Self::internal();
        }
        let status = match Format::of(bytes) {
            _ if error.reason() == fervor::Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            None if !bytes.is_empty() => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let kind = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported",
            _ => "input",
        };
        Self { status, kind, message: error.explained(), hint: error.hint() }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body<'a> {
            error: &'a ApiError,
        }
        let mut response = (self.status, Json(Body { error: &self })).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        // For routes that must say it in another form.
        response.extensions_mut().insert(self);
        response
    }
}
