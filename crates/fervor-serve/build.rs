//! With the feature `browser`: packs the files of the package for the browser, so that the program grows by no more than what servers
//! send of them.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "browser")]
    browser::pack();
}

#[cfg(feature = "browser")]
mod browser {
    use std::fs::{self, File};
    use std::path::PathBuf;
    use std::{env, io};

    use flate2::{Compression, GzBuilder};

    pub fn pack() {
        const FOLDER: &str = "FERVOR_WEB_PACKAGE";
        println!("cargo::rerun-if-env-changed={FOLDER}");
        let folder = env::var_os(FOLDER).map(PathBuf::from).unwrap_or_else(|| {
            panic!("the feature `browser` takes the package from the folder {FOLDER}: `cargo xtask web` makes it")
        });
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo says where"));
        let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{FOLDER}: {} cannot be read: {e}", folder.display()));
        for entry in entries {
            let path = entry.expect("a folder's entry").path();
            if !path.extension().is_some_and(|ending| ending == "js" || ending == "wasm") {
                continue;
            }
            println!("cargo::rerun-if-changed={}", path.display());
            let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
            let mut packer = GzBuilder::new().write(File::create(out.join(name + ".gz")).expect("a file"), Compression::best());
            io::copy(&mut File::open(&path).expect("a file"), &mut packer).expect("the package is read");
            packer.finish().expect("the package is written");
        }
    }
}
