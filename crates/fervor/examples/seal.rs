//! Seals a model file from before seals: `cargo run -p fervor --example seal -- OLD.onnx NEW.onnx`.
//!
//! The new file is the old one and the hash of it behind it; weights, card and answers stay as they are.

use std::path::PathBuf;

use fervor::files::write_whole;
use fervor::{Bundle, Error};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [old, new] = std::env::args_os()
        .skip(1)
        .map(PathBuf::from)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| Error::input("two files are needed: the old model, and the sealed one that is written"))?;
    let bundle = Bundle::open(&old)?;
    let sealed = bundle.sealed()?;
    assert!(sealed.bytes().starts_with(bundle.bytes()));
    write_whole(&new, sealed.bytes())?;
    println!("{}  {}", sealed.sha256(), new.display());
    Ok(())
}
