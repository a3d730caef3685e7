//! What the package is made of; `build.rs` reads this, too.

/// The scripts that the page loads, and what decodes files.
pub const FILES: [&str; 11] = [
    "fervor.js",
    "builds.js",
    "core.js",
    "error.js",
    "fervor_files.js",
    "fervor_web.js",
    "live.js",
    "sources.js",
    "threads.js",
    "worker.js",
    "fervor_files.wasm",
];

/// What answers, built for each kind of browser; a package that was made in a hurry has the first alone.
pub const BUILDS: [&str; 3] = ["fervor_relaxed.wasm", "fervor_simd.wasm", "fervor_plain.wasm"];
