//! `fervor serve` as a process: what it answers, what it keeps (nothing), how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::world::{World, astronaut};

struct Service {
    child: Child,
    address: String,
    log: BufReader<std::process::ChildStderr>,
    /// What it said until it served.
    said: String,
}

impl Service {
    /// Starts in `folder`, which is also its home and its place for temporary files.
    fn start(folder: &Path, flags: &[&str]) -> Self {
        Self::start_in(folder, flags, &[])
    }

    /// The same with more in its environment.
    fn start_in(folder: &Path, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fervor"))
            .args(["serve", "--port", "0"])
            .args(flags)
            .current_dir(folder)
            .env("HOME", folder)
            .env("TMPDIR", folder)
            .env("FERVOR_LOG", "trace")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let (mut line, mut said) = (String::new(), String::new());
        while !line.contains("http://") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the service ended: {said}");
            said += &line;
        }
        let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
        Self { child, address, log, said }
    }

    fn post(&self, name: &str, picture: &[u8]) -> String {
        let head = format!("--e\r\nContent-Disposition: form-data; name=\"image\"; filename=\"{name}\"\r\n\r\n");
        let body = [head.as_bytes(), picture, b"\r\n--e--\r\n"].concat();
        let head = format!(
            "POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=e\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// Asks it to end, as Ctrl-C does; its exit code and its log.
    fn end(mut self) -> (Option<i32>, String) {
        Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        let mut log = String::new();
        self.log.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Service {
    /// A test that fails leaves nothing running.
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[test]
#[cfg(unix)]
fn nothing_is_kept_and_nothing_is_told_of_a_picture() {
    let world = World::new();
    let service = Service::start(&world.path(""), &["--log", "json"]);
    let said = service.post("my-secret-face.png", &std::fs::read(astronaut()).unwrap());
    assert!(said.starts_with("HTTP/1.1 200 OK") && said.contains("\"label\":\"happy\""), "{said}");
    assert!(service.post("my-secret-notes.txt", b"my-secret-notes").starts_with("HTTP/1.1 415"));
    #[cfg(target_os = "linux")]
    for entry in std::fs::read_dir(format!("/proc/{}/fd", service.child.id())).unwrap().flatten() {
        // The first three are the caller's: standard output can be a file.
        if ["0", "1", "2"].iter().any(|standard| entry.file_name() == *standard) {
            continue;
        }
        let target = std::fs::read_link(entry.path()).unwrap_or_default();
        let is_file = target.is_file() && !target.starts_with("/dev") && !target.starts_with("/proc");
        assert!(!is_file, "a file is open: {}", target.display());
    }
    let (code, log) = service.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("secret") && !log.contains("happy"), "{log}");
    let answered: Vec<serde_json::Value> = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|row: &serde_json::Value| row["message"] == "answered")
        .collect();
    assert_eq!(answered.iter().map(|row| row["status"].as_u64().unwrap()).collect::<Vec<_>>(), [200, 415], "{log}");
    assert!(answered.iter().all(|row| row["id"].is_string() && row["ms"].is_number() && row["route"] == "/predict"), "{log}");
    let left: Vec<_> = std::fs::read_dir(world.path("")).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
#[cfg(unix)]
fn what_others_set_in_the_environment_does_not_stop_it() {
    let world = World::new();
    let foreign = [
        ("FERVOR_PORT", "tcp://10.96.12.7:80"),
        ("FERVOR_HOST", "tcp://10.96.12.7:80"),
        ("FERVOR_QUEUE", "tcp://10.96.12.7:80"),
        ("FERVOR_MODEL", ""),
        ("FERVOR_THREADS", ""),
        ("FERVOR_RATE", ""),
        ("FERVOR_API_KEY_FILE", ""),
    ];
    let service = Service::start_in(&world.path(""), &[], &foreign);
    for name in ["FERVOR_PORT", "FERVOR_HOST", "FERVOR_QUEUE"] {
        assert!(service.said.contains(&format!("{name}=tcp://10.96.12.7:80 is passed over")), "{}", service.said);
    }
    assert!(!service.said.contains("FERVOR_MODEL") && service.said.contains("fervor serves fervor-48 on"), "{}", service.said);
    assert_eq!(service.end().0, Some(0));
}

#[test]
#[cfg(unix)]
fn several_models_are_served_beside_each_other() {
    let world = World::new();
    let service = Service::start(&world.path(""), &["--model", "fervor-nano", "--model", "fervor-48"]);
    assert!(service.said.contains("fervor serves fervor-nano, fervor-48 on"), "{}", service.said);
    let said = service.post("a.png", &std::fs::read(astronaut()).unwrap());
    assert!(said.contains("\"model\":{\"name\":\"fervor-nano\""), "{said}");
    assert_eq!(service.end().0, Some(0));
}

#[test]
fn wrong_settings_are_refused_before_it_starts() {
    let world = World::new().file("short", b"abc\n").file("spaced", b"a key with spaces\n");
    for (words, said) in [
        ("serve --max-upload 10X", "10MiB"),
        ("serve --queue 0", "1 to 100000"),
        ("serve --timeout soon", "10s"),
        ("serve --rate 0", "5/s"),
        ("serve --allow-origin example.org/path", "https://example.org"),
        ("serve --api-key-file missing", "missing"),
        ("serve --api-key-file short", "8 to 256 characters"),
        ("serve --api-key-file spaced", "8 to 256 characters"),
        ("serve --model nothing", "nothing"),
        ("serve --model fervor-48 --model fervor-48", "two models go by this name: fervor-48"),
        ("serve --host-name https://a.example", "without scheme"),
        ("serve --max-connections 0", "1 to 100000"),
        ("serve --host nowhere.invalid", "nowhere.invalid"),
    ] {
        world.fervor(words).exits(2).says(said);
    }
    // It turned all logs off.
    let typo = world.run(&["serve", "--port", "0"], b"", &[("FERVOR_LOG", "json")]);
    typo.exits(2).says("FERVOR_LOG cannot be read: \"json\"").says("warn,fervor_serve=debug");
}
