//! What a client is told when there is no answer: a status and `{"error": {"kind", "reason", "message", "hint"}}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fervor::prediction::ErrorInfo;
use fervor::{Error, ErrorKind, Reason, Remedy};
use serde::Serialize;

use crate::settings::MOST_PICTURES;

/// Seconds after which a client that was turned away may come again.
const RETRY_AFTER: u64 = 1;

/// Characters of a message, at most: it may repeat what a client sent.
const LONGEST: usize = 1000;

/// An error as a client sees it. Nothing of the machine is in it: no path, no trace of the stack, no setting of its operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApiError {
    /// The status of the answer.
    #[serde(skip)]
    pub status: StatusCode,
    /// The error object. Kinds: `input`, `too_large`, `unsupported`, `slow`, `not_found`, `method`, `key`, `origin`, `host`, `rate`,
    /// `busy`, `timeout`, `internal`. The reason is there wherever it is about what was sent.
    #[serde(flatten)]
    pub info: ErrorInfo,
}

impl ApiError {
    fn new(
        status: StatusCode,
        kind: &'static str,
        reason: Option<Reason>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(LONGEST) {
            message.truncate(end);
            message.push('…');
        }
        Self { status, info: ErrorInfo { kind: kind.into(), reason, message, hint: Some(hint.into()) } }
    }

    /// 422: the request is understood and cannot be answered.
    pub fn input(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "input", Some(Reason::Invalid), message, hint)
    }

    /// 400: the request cannot be read.
    pub fn malformed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "input", Some(Reason::Invalid), message, hint)
    }

    /// 400: the client broke off.
    pub fn broken_off() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "input", Some(Reason::Truncated), "the request broke off", "send it again")
    }

    /// 413: a body or a picture over its limit.
    pub fn too_large(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", Some(Reason::TooLarge), message, hint)
    }

    /// 413: more pictures than a request may hold.
    pub fn too_many_pictures() -> Self {
        Self::too_large(format!("a request holds at most {MOST_PICTURES} pictures"), "send the others in another request")
    }

    /// 415: not a picture that can be read.
    pub fn unsupported(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", Some(Reason::Unsupported), message, hint)
    }

    /// 408: the body did not come in time.
    pub fn slow() -> Self {
        let hint = "send it again over a faster line";
        Self::new(StatusCode::REQUEST_TIMEOUT, "slow", None, "the request did not arrive in time", hint)
    }

    /// 404.
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            Some(Reason::Missing),
            format!("there is nothing at {what}"),
            "GET /openapi.json lists what there is",
        )
    }

    /// 404: a model that is not loaded.
    pub fn no_model(name: &str, loaded: &str) -> Self {
        let message = format!("there is no model {name:?}");
        Self::new(StatusCode::NOT_FOUND, "not_found", Some(Reason::Missing), message, format!("loaded: {loaded}"))
    }

    /// 405.
    pub fn method(method: impl std::fmt::Display) -> Self {
        let hint = "GET /openapi.json lists what there is";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", None, format!("this address does not take {method}"), hint)
    }

    /// 401: no API key, or a wrong one.
    pub fn key() -> Self {
        let hint = "send the header `Authorization: Bearer KEY`";
        Self::new(StatusCode::UNAUTHORIZED, "key", None, "this service asks for a key", hint)
    }

    /// 403: a page of another origin.
    pub fn origin() -> Self {
        let hint = "use the service's own page, or ask its operator to allow this page's origin";
        Self::new(StatusCode::FORBIDDEN, "origin", None, "pages of other origins may not use this service", hint)
    }

    /// 403: a name that this service does not go by, as a page of another site sends it that had its own name lead here.
    pub fn host() -> Self {
        let hint = "use the address that the service was started with, or ask its operator to allow this name";
        Self::new(StatusCode::FORBIDDEN, "host", None, "the service does not go by the name in the header Host", hint)
    }

    /// 429: over the rate of one client.
    pub fn rate() -> Self {
        let hint = "wait for the seconds that Retry-After says";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate", None, "too many requests", hint)
    }

    /// 503: the queue or the memory for requests is full.
    pub fn busy() -> Self {
        let hint = "send the request again after the seconds that Retry-After says";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", None, "the service is busy", hint)
    }

    /// 503: the answer was not ready in time.
    pub fn timeout() -> Self {
        let hint = "send the request again after the seconds that Retry-After says";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", None, "the answer was not ready in time", hint)
    }

    /// 500: a fault of the service. What it was stands in the log.
    pub fn internal() -> Self {
        let hint = "the service goes on; its log names the fault by the request's X-Request-Id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", None, "a fault of the service", hint)
    }

    /// The error of a picture: 413 over a limit, 415 of no readable format, 422 damaged; a fault of ours is a 500.
    pub fn of_picture(error: &Error) -> Self {
        let (status, kind) = match (error.kind(), error.reason()) {
            (ErrorKind::Input, Reason::TooLarge) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            (ErrorKind::Input, Reason::NotAPicture | Reason::Unsupported) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported"),
            (ErrorKind::Input, _) => (StatusCode::UNPROCESSABLE_ENTITY, "input"),
            _ => {
                tracing::error!(error = error.explained(), "a picture could not be answered");
                return Self::internal();
            }
        };
        let hint = error.remedy().map(for_client);
        Self { status, info: ErrorInfo { kind: kind.into(), hint, ..ErrorInfo::from(error) } }
    }

    /// The same error, told of one of several things.
    #[must_use]
    pub fn of(mut self, what: impl std::fmt::Display) -> Self {
        self.info.message = format!("{what}: {}", self.info.message);
        self
    }
}

/// What whoever sent the picture can do.
fn for_client(remedy: &Remedy) -> String {
    match remedy {
        Remedy::Shrink => "make the picture smaller".to_owned(),
        Remedy::UseDecoder { .. } | Remedy::InstallFfmpeg => {
            "send MP4 or MOV with H.264 or HEVC of 8 bits, Motion JPEG, or an animated GIF, WebP or PNG".to_owned()
        }
        Remedy::CopyAgain => "copy or download the file again, then send it".to_owned(),
        other => other.to_string(),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An error of 80 MiB was answered with 125 MB.
    #[test]
    fn a_message_repeats_no_more_than_a_part_of_what_was_sent() {
        let error = ApiError::malformed("é".repeat(5000), "shorter");
        assert_eq!((error.info.message.chars().count(), error.info.message.ends_with('…')), (1001, true));
        assert_eq!(ApiError::malformed("é".repeat(1000), "shorter").info.message.chars().count(), 1000);
    }

    #[test]
    fn a_picture_is_refused_by_what_is_wrong_with_it() {
        let cases = [
            (Error::input("x").because(Reason::TooLarge).with_remedy(Remedy::Shrink), 413, "too_large"),
            (Error::input("x").because(Reason::NotAPicture), 415, "unsupported"),
            (Error::input("x").because(Reason::Unsupported), 415, "unsupported"),
            (Error::input("x").because(Reason::Truncated).with_remedy(Remedy::CopyAgain), 422, "input"),
            (Error::input("x").because(Reason::Empty), 422, "input"),
            (Error::model("x").because(Reason::NotFinite), 500, "internal"),
        ];
        for (error, status, kind) in cases {
            let ApiError { status: said, info } = ApiError::of_picture(&error);
            assert_eq!((said.as_u16(), info.kind.as_ref()), (status, kind), "{error:?}");
            assert_eq!(info.reason, (status != 500).then_some(error.reason()), "{error:?}");
            assert!(!info.hint.unwrap_or_default().contains("limit"), "a client raises no limit: {error:?}");
        }
    }
}
