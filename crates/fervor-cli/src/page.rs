//! `fervor page`: the page of the service as a folder or a file that needs no service, and the package for the browser that both take.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fervor::files::{WholeFolder, write_whole};
use fervor::{Bundle, Error, Result};
use fervor_serve::Package;

use crate::cli::Page;
use crate::talk;
use crate::verdict::Verdict;

/// Runs the command.
///
/// # Errors
/// No package for the browser, a model that does not load, a folder that cannot be written.
pub fn run(args: &Page) -> Result<Verdict> {
    let single = args.out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("html"));
    let usual = ["fervor-nano", "fervor-48"].map(str::to_owned);
    let models = match args.model.as_slice() {
        [] if single => &usual[..1],
        [] => &usual,
        models => models,
    };
    let package = package(args.package.as_deref(), models)?;
    let out = args.out.display();
    let unwritable = |e: std::io::Error| Error::output(format!("the page cannot be written: {out}")).with_source(e);
    if single {
        let html = fervor_serve::single(&package);
        write_whole(&args.out, html.as_bytes()).map_err(unwritable)?;
        talk::note(format_args!("{:.1} MB in one file: any browser opens it", html.len() as f64 / 1e6));
        return Ok(Verdict::Yes);
    }
    let files = fervor_serve::folder(&package);
    let folder = WholeFolder::create(&args.out).map_err(unwritable)?;
    for (name, bytes) in &files {
        let path = folder.path().join(name);
        path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, bytes)).map_err(unwritable)?;
    }
    folder.finish().map_err(unwritable)?;
    let bytes: usize = files.values().map(|bytes| bytes.len()).sum();
    talk::note(format_args!(
        "{} files, {:.1} MB: any web server can give them, for example `python3 -m http.server --directory {out}`",
        files.len(),
        bytes as f64 / 1e6
    ));
    Ok(Verdict::Yes)
}

/// Fervor for the browser: of this folder, or what is inside the program.
///
/// # Errors
/// There is none, or a model that does not load.
pub fn package(folder: Option<&Path>, models: &[String]) -> Result<Package> {
    let models = models.iter().map(|name| Bundle::find(name).map(Arc::new)).collect::<Result<Vec<Arc<Bundle>>>>()?;
    match folder {
        Some(folder) => Package::open(folder, models),
        None => Package::builtin(models),
    }
    .map_err(|e| e.with_hint("in Fervor's repository, `cargo xtask web` makes it: then --package target/npm/fervor-web"))
}
