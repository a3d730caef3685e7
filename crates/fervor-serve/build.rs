//! With the feature `browser`: packs the files of the package for the browser into one stream, so that what its builds have in common
//! is in the program once.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "browser")]
    browser::pack();
}

#[cfg(feature = "browser")]
#[path = "src/package/names.rs"]
mod names;

#[cfg(feature = "browser")]
mod browser {
    use std::path::PathBuf;
    use std::{env, fs, io::Write};

    use lzma_rust2::{XzOptions, XzWriter};

    use crate::names::{BUILDS, FILES};

    /// Of `xz`: its window of 8 MB holds all files at once.
    const PRESET: u32 = 6;

    pub fn pack() {
        const FOLDER: &str = "FERVOR_WEB_PACKAGE";
        println!("cargo::rerun-if-env-changed={FOLDER}");
        println!("cargo::rerun-if-changed=src/package/names.rs");
        let folder = env::var_os(FOLDER).map(PathBuf::from).unwrap_or_else(|| {
            panic!("the feature `browser` takes the package from the folder {FOLDER}: `cargo xtask web` makes it")
        });
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo says where"));
        let mut packer = XzWriter::new(Vec::new(), XzOptions::with_preset(PRESET)).expect("a preset");
        let mut index = String::from("&[");
        // The builds beside each other: they are nearly the same.
        for name in BUILDS.into_iter().chain(FILES) {
            let path = folder.join(name);
            println!("cargo::rerun-if-changed={}", path.display());
            let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{FOLDER}: {} cannot be read: {e}", path.display()));
            packer.write_all(&bytes).expect("memory takes what is written");
            index += &format!("({name:?}, {}), ", bytes.len());
        }
        let packed = packer.finish().expect("memory takes what is written");
        fs::write(out.join("package.xz"), packed).expect("Cargo's folder takes files");
        fs::write(out.join("package.rs"), index + "]").expect("Cargo's folder takes files");
    }
}
