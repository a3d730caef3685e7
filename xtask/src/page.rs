//! `cargo xtask page OUT`: the package, and the page around it.

use crate::workspace::{cargo, run};
use crate::{Result, web};

/// Writes the page.
pub fn write(out: &str) -> Result<()> {
    web::package(web::FLAVOURS)?;
    let out = std::path::absolute(out)?;
    run(cargo().args(["run", "--release", "--locked", "--package", "fervor-cli", "--", "page", "--package", web::PLACE]).arg(out))
}
