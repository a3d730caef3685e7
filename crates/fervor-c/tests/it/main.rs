//! The header and the library as a C program uses them, compiled with the sanitizers for addresses and undefined behaviour.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the library of this build lies.
fn built() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    test.parent().expect("a file lies in a folder").to_owned()
}

fn compile(folder: &Path, compiler: &str, flags: &[&str]) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = folder.join("test");
    let ran = Command::new(compiler)
        .args(flags)
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-g"])
        .arg("-I")
        .arg(here.join("include"))
        .arg(here.join("tests/it/test.c"))
        .arg("-o")
        .arg(&program)
        .arg("-L")
        .arg(built())
        .args(["-lfervor_c", "-lpthread", "-lm"])
        .arg(format!("-Wl,-rpath,{}", built().display()))
        .output()
        .expect("a C compiler is there");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    program
}

fn run(program: &Path) -> String {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/astronaut.png");
    let ran = Command::new(program).arg(example).output().expect("a program runs");
    let (said, complaints) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}{complaints}");
    said.into_owned()
}

#[test]
#[cfg(target_os = "linux")]
fn a_c_program_gets_faces_rows_and_reasons_and_leaks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sanitized = ["-std=c11", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];
    let said = run(&compile(folder.path(), "cc", &sanitized));
    assert!(said.contains("all of it holds"), "{said}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_header_is_cpp_too() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(&compile(folder.path(), "c++", &["-x", "c++", "-std=c++17"]));
    assert!(said.contains("all of it holds"), "{said}");
}
