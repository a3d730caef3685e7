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

/// Rounds of a measurement.
pub fn rounds(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=1_000_000) => Ok(n),
        _ => Err("give a number from 1 to 1000000".to_owned()),
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

/// How far apart and how far down the eyes stand, as shares of a frame's side.
pub fn eyes(text: &str) -> Result<(f32, f32), String> {
    let shares =
        text.split_once(',').and_then(|(distance, height)| Some((distance.trim().parse().ok()?, height.trim().parse().ok()?)));
    match shares {
        Some((distance, height)) if (0.05..=0.95).contains(&distance) && (0.05..=0.95).contains(&height) => {
            Ok((distance, height))
        }
        _ => Err("give two shares from 0.05 to 0.95, for example 0.36,0.32".to_owned()),
    }
}

/// A number of seconds, not negative, at most an hour.
pub fn seconds(text: &str) -> Result<f64, String> {
    match text.strip_suffix('s').unwrap_or(text).parse() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("give seconds from 0 to 3600, for example 0.3".to_owned()),
    }
}

/// A time between frames, such as `0.2s` or `200ms`.
pub fn span(text: &str) -> Result<f64, String> {
    let seconds = match text.strip_suffix("ms") {
        Some(number) => number.parse::<f64>().ok().map(|ms| ms / 1e3),
        None => text.strip_suffix('s').unwrap_or(text).parse().ok(),
    };
    match seconds {
        Some(seconds) if (0.001..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("give a time from 1ms to 86400s, for example 0.2s".to_owned()),
    }
}

/// Frames a second.
pub fn frames_a_second(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.001..=1000.0).contains(&rate) => Ok(rate),
        _ => Err("give frames a second from 0.001 to 1000, for example 5".to_owned()),
    }
}

/// A place in a film: seconds, `1:30` or `1:02:03.5`.
pub fn moment(text: &str) -> Result<f64, String> {
    let parts: Vec<&str> = text.strip_suffix('s').unwrap_or(text).split(':').collect();
    let numbers: Option<Vec<f64>> = parts.iter().map(|part| part.parse().ok().filter(|part| (0.0..1e7).contains(part))).collect();
    match numbers {
        Some(numbers) if numbers.len() <= 3 && numbers[1..].iter().all(|&part| part < 60.0) => {
            Ok(numbers.iter().fold(0.0, |time, part| 60.0 * time + part))
        }
        _ => Err("give a place in the film, for example 90, 1:30 or 0:01:30.5".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_given_as_people_write_them() {
        assert_eq!(
            ["90", "1:30", "0:01:30.5", "90s"].map(|text| moment(text).ok()),
            [Some(90.0), Some(90.0), Some(90.5), Some(90.0)]
        );
        assert!(["-1", "1:75", "1:2:3:4", "", "soon", "nan"].iter().all(|text| moment(text).is_err()));
        assert_eq!(["0.2s", "200ms", "0.2"].map(|text| span(text).ok()), [Some(0.2); 3]);
        assert!(["0", "-1s", "inf", "nan"].iter().all(|text| span(text).is_err()));
    }
}
