//! Which site a request comes from. Any page may have a browser send forms to any address, and may let its own name lead to this
//! machine; this service answers its own page, those that are allowed, and programs.

use std::net::IpAddr;

use axum::http::header::{HOST, HeaderName, ORIGIN};
use axum::http::{HeaderMap, Method};

use crate::settings::Settings;

/// What browsers say of where a request comes from, and pages cannot forge.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Endings that no public name has: who owns one of these stands in the same network.
const INNER: [&str; 6] = ["localhost", "local", "internal", "lan", "test", "home.arpa"];

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a request that has something done (a form, a WebSocket) may come from where it comes.
pub fn is_welcome(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = text(headers, &ORIGIN) else {
        // Programs say nothing; browsers say it of every form. Of a link that a person follows they say `none` or the site.
        return !headers.contains_key(ORIGIN) && !matches!(text(headers, &FETCH_SITE), Some("cross-site" | "same-site"));
    };
    if allowed.iter().any(|allowed| allowed == "*" || allowed == origin) {
        return true;
    }
    match text(headers, &FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => origin.split_once("://").map(|(_, host)| host) == text(headers, &HOST),
    }
}

/// Whether a request has something done by itself.
pub fn acts(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether the service goes by the name that a request calls it.
///
/// Behind a key any name will do: another site's page does not know the key. Without one these do: addresses, `localhost`, names
/// that only an inner network knows, and those that the operator gave. Another name may be one that its owner lets lead here, so
/// that the owner's page counts as ours.
pub fn is_ours(headers: &HeaderMap, settings: &Settings) -> bool {
    if settings.api_key.is_some() || !headers.contains_key(HOST) {
        return true;
    }
    let Some(name) = text(headers, &HOST).and_then(name_of) else { return false };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let ends = |ending: &str| name.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    name.parse::<IpAddr>().is_ok()
        || !name.contains('.')
        || INNER.iter().any(|ending| ends(ending))
        || settings.host_names.iter().any(|ours| ours == "*" || ours.eq_ignore_ascii_case(&name))
}

/// The name without its port.
fn name_of(host: &str) -> Option<&str> {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map(|(address, _)| address);
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    (!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))).then_some(name)
}

/// The address by which a request reached the service, for examples that can be copied; absent where it cannot be told.
pub fn address(headers: &HeaderMap) -> Option<String> {
    let host = text(headers, &HOST)?;
    name_of(host)?;
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b)) && port.len() <= 64;
    let scheme = match text(headers, &HeaderName::from_static("x-forwarded-proto")) {
        Some("https") => "https",
        _ => "http",
    };
    plain.then(|| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn programs_and_the_own_page_are_welcome_and_other_sites_are_not() {
        let welcome = |pairs: &[(&'static str, &str)]| is_welcome(&headers(pairs), &["https://ally.example".to_owned()]);
        assert!(welcome(&[("host", "x:1")]), "a program");
        assert!(welcome(&[("host", "x:1"), ("origin", "http://x:1")]));
        assert!(welcome(&[("host", "inner:1"), ("origin", "https://x"), ("sec-fetch-site", "same-origin")]), "behind a proxy");
        assert!(welcome(&[("host", "x:1"), ("origin", "https://ally.example"), ("sec-fetch-site", "cross-site")]));
        assert!(!welcome(&[("host", "x:1"), ("origin", "http://y:1")]));
        assert!(!welcome(&[("host", "x:1"), ("origin", "http://x:2")]));
        assert!(!welcome(&[("host", "x:1"), ("origin", "null")]));
        assert!(!welcome(&[("host", "x:1"), ("origin", "http://x:1"), ("sec-fetch-site", "cross-site")]));
        assert!(!welcome(&[("host", "x:1"), ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn a_public_name_that_nobody_gave_is_not_ours() {
        let ours = |host: &str, settings: &Settings| is_ours(&headers(&[("host", host)]), settings);
        let plain = Settings::default();
        let inner = [
            "localhost",
            "localhost:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "10.1.2.3",
            "fervor",
            "LOCALHOST.",
            "fervor.local:80",
        ];
        for host in inner.into_iter().chain(["a.localhost", "fervor.ns.svc.cluster.local"]) {
            assert!(ours(host, &plain), "{host}");
        }
        for host in ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "notlocal.alocal.com", "", "[::1", "a b"] {
            assert!(!ours(host, &plain), "{host}");
        }
        let named = Settings { host_names: vec!["Faces.example.org".into()], ..Settings::default() };
        assert!(ours("faces.example.org:443", &named) && ours("localhost", &named) && !ours("evil.example", &named));
        assert!(ours("evil.example", &Settings { api_key: Some("correct-horse".into()), ..Settings::default() }));
        assert!(is_ours(&HeaderMap::new(), &plain));
    }

    #[test]
    fn an_address_is_repeated_only_where_it_is_one() {
        let of = |host: &str| address(&headers(&[("host", host)]));
        assert_eq!(of("127.0.0.1:9000").as_deref(), Some("http://127.0.0.1:9000"));
        assert_eq!(of("[::1]:9000").as_deref(), Some("http://[::1]:9000"));
        assert_eq!(of("x\"><script>"), None);
        let secure = address(&headers(&[("host", "faces.example.org"), ("x-forwarded-proto", "https")]));
        assert_eq!(secure.as_deref(), Some("https://faces.example.org"));
    }
}
