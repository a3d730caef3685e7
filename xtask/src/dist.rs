//! `cargo xtask dist`: all that is published, in `target/dist`: a program for each processor with its manual pages and completions, as an
//! archive and as a Debian package; the npm package; the wheel, where maturin is; the bill of materials; checksums.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::Result;
use crate::archive::{self, File, Files};
use crate::fixed::{self, Processor};
use crate::workspace::{self, read, root, version, write};
use crate::{bill, web};

/// Makes all of it; twice, and compared, where that is asked for.
pub fn run(twice: bool) -> Result<()> {
    let out = root().join("target/dist");
    let first = make(&out)?;
    if twice {
        let again = root().join("target/dist-again");
        // Everything of the first time is out of reach.
        workspace::begin_again(&["static", "web", "wheel"])?;
        let second = make(&again)?;
        let apart: Vec<&String> =
            first.iter().filter(|(name, hash)| second.get(*name) != Some(hash)).map(|(name, _)| name).collect();
        if !apart.is_empty() {
            return Err(format!("made twice, these differ: {apart:?}").into());
        }
        println!("made twice in different folders: the same bytes, all {} files", first.len());
    }
    Ok(())
}

/// Makes all of it in a folder; the hash of each file.
fn make(out: &Path) -> Result<BTreeMap<String, String>> {
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    let (version, time) = (version()?, time()?);
    web::package(web::FLAVOURS)?;
    write(&out.join(format!("fervor-web-{version}.tgz")), npm(time)?)?;
    let mut extras = None;
    for processor in Processor::ALL {
        let program = fixed::build(processor)?;
        // The first is of this machine's kind, and says what its manual is.
        let extras = match &extras {
            Some(extras) => extras,
            None => extras.insert(Extras::of(&program)?),
        };
        let name = format!("fervor-{version}-{}-linux", processor.name());
        write(&out.join(format!("{name}.tar.gz")), archive::tar_gz(&tree(&name, &program, extras)?, time, false)?)?;
        let (control, data) = debian(processor, &version, &program, extras)?;
        write(&out.join(format!("fervor_{version}_{}.deb", processor.debian())), archive::deb(&control, &data, time)?)?;
    }
    write(&out.join(format!("fervor-{version}.cdx.json")), bill::of("fervor-cli", &format!("{},browser", fixed::FEATURES))?)?;
    wheel(out, time)?;
    let mut hashes = BTreeMap::new();
    for entry in fs::read_dir(out)? {
        let path = entry?.path();
        let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
        hashes.insert(name, Sha256::digest(read(&path)?).iter().map(|byte| format!("{byte:02x}")).collect());
    }
    let sums: String = hashes.iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect();
    write(&out.join("SHA256SUMS"), &sums)?;
    print!("{sums}");
    Ok(hashes)
}

/// The time that all files have: that of the last commit, or what SOURCE_DATE_EPOCH says.
fn time() -> Result<u64> {
    if let Ok(time) = env::var("SOURCE_DATE_EPOCH") {
        return Ok(time.parse()?);
    }
    let said = Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root()).output()?;
    String::from_utf8_lossy(&said.stdout)
        .trim()
        .parse()
        .map_err(|_| "no commit says when this was made: set SOURCE_DATE_EPOCH".into())
}

/// What goes with a program: its manual pages and completions by their names, as it writes them itself.
struct Extras {
    manual: BTreeMap<String, Vec<u8>>,
    completions: BTreeMap<&'static str, Vec<u8>>,
}

impl Extras {
    fn of(program: &Path) -> Result<Self> {
        let folder = root().join("target/dist-man");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        workspace::run(Command::new(program).args(["man", "--output"]).arg(&folder))?;
        let mut manual = BTreeMap::new();
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            manual.insert(path.file_name().expect("an entry has a name").to_string_lossy().into_owned(), read(&path)?);
        }
        let mut completions = BTreeMap::new();
        for shell in ["bash", "zsh", "fish"] {
            let said = Command::new(program).args(["completions", shell]).output()?;
            completions.insert(shell, said.stdout);
        }
        Ok(Self { manual, completions })
    }
}

/// The archive: a folder with the program and what goes with it.
fn tree(name: &str, program: &Path, extras: &Extras) -> Result<Files> {
    let mut files = Files::new();
    let mut put = |path: &str, file: File| files.insert(format!("{name}/{path}"), file);
    put("fervor", File::program(read(program)?));
    for file in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        put(file, File::plain(read(&root().join(file))?));
    }
    for (page, bytes) in &extras.manual {
        put(&format!("man/{page}"), File::plain(bytes.clone()));
    }
    for (shell, bytes) in &extras.completions {
        put(&format!("completions/fervor.{shell}"), File::plain(bytes.clone()));
    }
    Ok(files)
}

/// A Debian package's control file and its tree.
fn debian(processor: Processor, version: &str, program: &Path, extras: &Extras) -> Result<(String, Files)> {
    let mut files = Files::new();
    let mut put = |path: &str, file: File| files.insert(format!("usr/{path}"), file);
    put("bin/fervor", File::program(read(program)?));
    let copyright = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nCopyright: the Fervor \
                     authors\nLicense: MIT or Apache-2.0\n";
    put("share/doc/fervor/copyright", File::plain(copyright));
    put("share/doc/fervor/changelog.gz", File::plain(archive::gz(&read(&root().join("CHANGELOG.md"))?)?));
    for (page, bytes) in &extras.manual {
        put(&format!("share/man/man1/{page}.gz"), File::plain(archive::gz(bytes)?));
    }
    let places = [
        ("bash", "share/bash-completion/completions/fervor"),
        ("zsh", "share/zsh/vendor-completions/_fervor"),
        ("fish", "share/fish/vendor_completions.d/fervor.fish"),
    ];
    for (shell, place) in places {
        put(place, File::plain(extras.completions[shell].clone()));
    }
    let size = files.values().map(|file| file.bytes.len().div_ceil(1024)).sum::<usize>();
    let control = format!(
        "Package: fervor\nVersion: {version}\nArchitecture: {}\nMaintainer: the Fervor authors <fervor@localhost>\nInstalled-Size: {size}\nSection: \
         graphics\nPriority: optional\nDescription: which expression does a face show?\n Finds the faces in pictures and says which \
         expression each shows, offline,\n as a command, a service and a page.\n",
        processor.debian()
    );
    Ok((control, files))
}

/// The npm package as `npm pack` makes it.
fn npm(time: u64) -> Result<Vec<u8>> {
    let folder = root().join(web::PLACE);
    let mut files = Files::new();
    for path in all_of(&folder)? {
        let name = path.strip_prefix(&folder)?.to_string_lossy().replace('\\', "/");
        files.insert(format!("package/{name}"), File::plain(read(&path)?));
    }
    archive::tar_gz(&files, time, false)
}

/// All files in a folder and below.
fn all_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files.extend(all_of(&path)?) } else { files.push(path) }
    }
    Ok(files)
}

/// The Python wheel, where what makes wheels is there.
fn wheel(out: &Path, time: u64) -> Result<()> {
    let manifest = root().join("crates/fervor-py/pyproject.toml");
    let there = Command::new("maturin").arg("--version").output().is_ok_and(|said| said.status.success());
    if !there || !manifest.is_file() {
        println!("without the wheel: maturin is not there (pip install maturin)");
        return Ok(());
    }
    // maturin takes nothing from outside the package's folder.
    const BILL: &str = "fervor-py.cdx.json";
    write(&root().join("crates/fervor-py").join(BILL), bill::of("fervor-py", "")?)?;
    workspace::run(
        Command::new("maturin")
            .args(["build", "--release", "--locked", "--sbom-include", BILL, "--target-dir"])
            .arg(workspace::target("wheel"))
            .arg("--out")
            .arg(out)
            .env("RUSTFLAGS", workspace::remap())
            .env("SOURCE_DATE_EPOCH", time.to_string())
            .current_dir(root().join("crates/fervor-py")),
    )
}
