//! What arguments may be: each parser gives a value inside its bounds, or says what to give instead.

/// A size in bytes, such as `10MiB`.
#[cfg(feature = "serve")]
pub fn size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text[digits.len()..].trim() {
        "" | "B" => 1,
        "KiB" | "K" | "k" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        _ => 0,
    };
    match digits.parse::<usize>().ok().and_then(|number| number.checked_mul(unit)) {
        Some(bytes @ 1024..=0x4000_0000) => Ok(bytes),
        _ => Err("give a size from 1KiB to 1GiB, for example 10MiB".to_owned()),
    }
}

/// A name that a service goes by, or `*`.
#[cfg(feature = "serve")]
pub fn host_name(text: &str) -> Result<String, String> {
    if text == "*" || (!text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))) {
        Ok(text.to_owned())
    } else {
        Err("give a name without scheme and port, for example faces.example.org".to_owned())
    }
}

/// A length of a queue, a number of connections.
#[cfg(feature = "serve")]
pub fn queue(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=100_000) => Ok(n),
        _ => Err("give a number from 1 to 100000".to_owned()),
    }
}

/// A time, such as `10s` or `500ms`.
#[cfg(feature = "serve")]
pub fn time(text: &str) -> Result<std::time::Duration, String> {
    let milliseconds = match text.strip_suffix("ms") {
        Some(number) => number.parse::<f64>().ok(),
        None => text.strip_suffix('s').unwrap_or(text).parse::<f64>().ok().map(|seconds| 1000.0 * seconds),
    };
    match milliseconds {
        Some(ms) if (1.0..=3_600_000.0).contains(&ms) => Ok(std::time::Duration::from_micros((1000.0 * ms) as u64)),
        _ => Err("give a time from 1ms to 3600s, for example 10s".to_owned()),
    }
}

/// Requests a second, such as `5/s`.
#[cfg(feature = "serve")]
pub fn rate(text: &str) -> Result<f64, String> {
    match text.strip_suffix("/s").unwrap_or(text).parse() {
        Ok(rate) if (0.001..=1e6).contains(&rate) => Ok(rate),
        _ => Err("give requests a second, for example 5/s".to_owned()),
    }
}

/// An origin that pages may come from, or `*`.
#[cfg(feature = "serve")]
pub fn origin(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").or(text.strip_prefix("http://")).unwrap_or_default();
    let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
    if text == "*" || (!host.is_empty() && plain) {
        Ok(text.to_owned())
    } else {
        Err("give scheme, host and port without a path, for example https://example.org".to_owned())
    }
}

/// A share, 0 to 1.
pub fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("give a share from 0 to 1, for example 0.65".to_owned()),
    }
}

/// A score, 0 to 1.
pub fn score(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(score) if (0.0..=1.0).contains(&score) => Ok(score),
        _ => Err("give a score from 0 to 1, for example 0.5".to_owned()),
    }
}

/// A percentage, 0 to 100.
pub fn percent(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("give a percentage from 0 to 100, for example 85".to_owned()),
    }
}

/// A number of threads.
pub fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=1024) => Ok(n),
        _ => Err("give a number from 1 to 1024".to_owned()),
    }
}

/// A number of pictures.
pub fn pictures(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=1_000_000) => Ok(n),
        _ => Err("give a number from 1 to 1000000".to_owned()),
    }
}

/// What is added around a face, as a share of its side.
pub fn margin(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(share) if (0.0..=2.0).contains(&share) => Ok(share),
        _ => Err("give a share from 0 to 2, for example 0.2".to_owned()),
    }
}
