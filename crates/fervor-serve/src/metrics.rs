//! What is counted, and its text for Prometheus (exposition format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use fervor::LabelSet;

/// Upper bounds of the latency buckets, in seconds.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper bounds of the buckets of counts.
const COUNTS: &[f64] = &[0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// Everything that is counted since the start.
pub struct Metrics {
    started: f64,
    labels: LabelSet,
    requests: Mutex<BTreeMap<(String, &'static str, u16), u64>>,
    seconds: Mutex<BTreeMap<String, Histogram>>,
    /// Time that pictures spend.
    pub stages: Stages,
    /// Pictures classified together.
    pub batch_pictures: Histogram,
    /// Faces classified together.
    pub batch_faces: Histogram,
    pub pictures: Counter,
    pub pictures_failed: Counter,
    faces: Vec<Counter>,
    pub uncertain: Counter,
    /// Live connections by WebSocket.
    pub sockets: Gauge,
    pub frames_answered: Counter,
    pub frames_dropped: Counter,
    pub connections: Gauge,
}

/// Seconds in each part of a picture's way.
pub struct Stages {
    pub wait: Histogram,
    pub decode: Histogram,
    pub find: Histogram,
    pub classify: Histogram,
}

/// A number that only grows.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }
}

/// A number that goes up and down.
#[derive(Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    pub fn up(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub fn down(&self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Observations in cumulative buckets.
pub struct Histogram {
    bounds: &'static [f64],
    /// One more than bounds: the last is what lies above all of them.
    buckets: Vec<AtomicU64>,
    /// In millionths.
    sum: AtomicU64,
}

impl Histogram {
    fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, buckets: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    /// Counts one value.
    pub fn observe(&self, value: f64) {
        let bucket = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum.fetch_add((value * 1e6) as u64, Relaxed);
    }

    fn write(&self, out: &mut String, name: &str, labels: &str) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut total = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            total += count.load(Relaxed);
            let bound = self.bounds.get(index).map_or("+Inf".to_owned(), f64::to_string);
            let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {total}");
        }
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(out, "{name}_sum{braces} {}", self.sum.load(Relaxed) as f64 / 1e6);
        let _ = writeln!(out, "{name}_count{braces} {total}");
    }
}

impl Metrics {
    /// Nothing counted yet; `labels` are the classes of all models.
    pub fn new(labels: LabelSet) -> Self {
        let seconds = || Histogram::new(SECONDS);
        Self {
            started: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()),
            requests: Mutex::default(),
            seconds: Mutex::default(),
            stages: Stages { wait: seconds(), decode: seconds(), find: seconds(), classify: seconds() },
            batch_pictures: Histogram::new(COUNTS),
            batch_faces: Histogram::new(COUNTS),
            pictures: Counter::default(),
            pictures_failed: Counter::default(),
            faces: labels.names().iter().map(|_| Counter::default()).collect(),
            labels,
            uncertain: Counter::default(),
            sockets: Gauge::default(),
            frames_answered: Counter::default(),
            frames_dropped: Counter::default(),
            connections: Gauge::default(),
        }
    }

    /// The classes of all models.
    pub fn labels(&self) -> &LabelSet {
        &self.labels
    }

    /// Counts an answered request. `route` is the route's pattern, never what the client wrote.
    pub fn request(&self, route: &str, method: &'static str, status: u16, seconds: f64) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((route.to_owned(), method, status)).or_default() += 1;
        drop(requests);
        let mut latencies = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        latencies.entry(route.to_owned()).or_insert_with(|| Histogram::new(SECONDS)).observe(seconds);
    }

    /// Counts a face by its label.
    pub fn face(&self, label: &str, uncertain: bool) {
        if let Some(index) = self.labels.index_of(label) {
            self.faces[index].add(1);
        }
        self.uncertain.add(u64::from(uncertain));
    }

    /// The text. `models` are the names of those that answer, `queue` is what is inside the engine and what fits.
    pub fn text<'a>(&self, models: impl IntoIterator<Item = &'a str>, queue: (usize, usize)) -> String {
        let mut out = String::with_capacity(8192);
        let head = |out: &mut String, name: &str, kind: &str, help: &str| {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        };
        let single = |out: &mut String, name: &str, kind: &str, help: &str, value: f64| {
            head(out, name, kind, help);
            let _ = writeln!(out, "{name} {value}");
        };
        let count = |counter: &Counter| counter.0.load(Relaxed) as f64;

        head(&mut out, "fervor_build_info", "gauge", "Version of the program and the models that answer.");
        for model in models {
            let _ =
                writeln!(out, "fervor_build_info{{version=\"{}\",model=\"{}\"}} 1", env!("CARGO_PKG_VERSION"), escaped(model));
        }
        head(&mut out, "fervor_requests_total", "counter", "Answered requests.");
        for ((route, method, status), count) in &*self.requests.lock().unwrap_or_else(PoisonError::into_inner) {
            let route = escaped(route);
            let _ = writeln!(out, "fervor_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}} {count}");
        }
        head(&mut out, "fervor_request_seconds", "histogram", "Time from a request's head to its answer.");
        for (route, histogram) in &*self.seconds.lock().unwrap_or_else(PoisonError::into_inner) {
            histogram.write(&mut out, "fervor_request_seconds", &format!("route=\"{}\"", escaped(route)));
        }
        head(&mut out, "fervor_picture_seconds", "histogram", "Time of a picture (of a batch: classify) in each stage.");
        let Stages { wait, decode, find, classify } = &self.stages;
        for (stage, histogram) in [("wait", wait), ("decode", decode), ("find", find), ("classify", classify)] {
            histogram.write(&mut out, "fervor_picture_seconds", &format!("stage=\"{stage}\""));
        }
        head(&mut out, "fervor_batch_pictures", "histogram", "Pictures classified together.");
        self.batch_pictures.write(&mut out, "fervor_batch_pictures", "");
        head(&mut out, "fervor_batch_faces", "histogram", "Faces classified together.");
        self.batch_faces.write(&mut out, "fervor_batch_faces", "");
        single(&mut out, "fervor_queue_length", "gauge", "Pictures waiting or worked on.", queue.0 as f64);
        single(&mut out, "fervor_queue_capacity", "gauge", "Pictures that may wait or be worked on.", queue.1 as f64);
        single(&mut out, "fervor_pictures_total", "counter", "Pictures answered.", count(&self.pictures));
        single(
            &mut out,
            "fervor_pictures_failed_total",
            "counter",
            "Pictures answered with an error.",
            count(&self.pictures_failed),
        );
        head(&mut out, "fervor_faces_total", "counter", "Faces by their most probable class.");
        for (label, faces) in self.labels.names().iter().zip(&self.faces) {
            let _ = writeln!(out, "fervor_faces_total{{label=\"{}\"}} {}", escaped(label), count(faces));
        }
        single(&mut out, "fervor_faces_uncertain_total", "counter", "Faces whose answer was uncertain.", count(&self.uncertain));
        single(&mut out, "fervor_sockets", "gauge", "Open WebSockets.", self.sockets.0.load(Relaxed) as f64);
        head(&mut out, "fervor_frames_total", "counter", "Frames that came by WebSocket, or in videos.");
        for (outcome, frames) in [("answered", &self.frames_answered), ("dropped", &self.frames_dropped)] {
            let _ = writeln!(out, "fervor_frames_total{{outcome=\"{outcome}\"}} {}", count(frames));
        }
        single(&mut out, "fervor_connections", "gauge", "Open connections.", self.connections.0.load(Relaxed) as f64);
        single(&mut out, "process_start_time_seconds", "gauge", "Start of the process since the epoch.", self.started);
        if let Some(bytes) = resident_bytes() {
            single(&mut out, "process_resident_memory_bytes", "gauge", "Resident memory.", bytes);
        }
        out
    }
}

/// As a label's value must be written.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Where the system tells it (Linux).
fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_end_with_everything() {
        let histogram = Histogram::new(&[1.0, 2.0]);
        [0.5, 1.0, 1.5, 9.0].into_iter().for_each(|value| histogram.observe(value));
        let mut text = String::new();
        histogram.write(&mut text, "x", "a=\"b\"");
        let expected = "x_bucket{a=\"b\",le=\"1\"} 2\nx_bucket{a=\"b\",le=\"2\"} 3\nx_bucket{a=\"b\",le=\"+Inf\"} 4\nx_sum{a=\"b\"} 12\nx_count{a=\"b\"} 4\n";
        assert_eq!(text, expected);
    }
}
