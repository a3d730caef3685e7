//! Scores a model on a folder with a sub-folder for each expression:
//! `cargo run -p fervor-lab --example evaluate_folder -- my-model.onnx my-faces`.

use std::path::{Path, PathBuf};

use fervor::preprocess::Filter;
use fervor::{Bundle, LabelMap, Picture, Result, builtin};
use fervor_lab::dataset::{Dataset, Manifest, OpenOptions};
use fervor_lab::evaluate::{DataInfo, Evaluation};
use fervor_lab::report;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let bundle = Bundle::find(&args.next().unwrap_or(builtin::DEFAULT.to_owned()))?;
    let drawn = tempfile::tempdir()?;
    let folder = match args.next() {
        Some(folder) => PathBuf::from(folder),
        None => {
            draw(drawn.path())?;
            drawn.path().to_owned()
        }
    };

    let dataset = Dataset::open(&folder, &OpenOptions::default())?;
    for problem in dataset.problems() {
        eprintln!("left out: {}: {}", problem.id, problem.message);
    }
    // Every class of the folder must be one of the model's; another name would be refused here.
    let map = LabelMap::same_names(dataset.labels(), &bundle.card().labels)?;
    let all: Vec<usize> = (0..dataset.len()).collect();
    let info = DataInfo { name: dataset.name().to_owned(), manifest_sha256: Manifest::of(&dataset).sha256() };
    let evaluation = Evaluation::of_bundle(&bundle, &dataset, info, "all", &all, &map, &|_, _| {})?;
    println!("{}", report::text(&evaluation.report()?));
    Ok(())
}

/// A folder of two classes: crops of the photograph's face, and faces of two dots and a line.
fn draw(folder: &Path) -> Result<()> {
    let photograph = Picture::open("examples/astronaut.png")?;
    let written = |place: &str, picture: &Picture| {
        let (path, png) = (folder.join(place), picture.encode_png()?);
        std::fs::create_dir_all(path.parent().expect("a class's folder"))
            .and_then(|()| fervor::files::write_whole(&path, &png))
            .map_err(|e| fervor::Error::output("the picture cannot be written").with_source(e).context(path.display()))
    };
    for shift in [0, 6, 12] {
        let face = photograph.cropped(162 + shift, 58 + shift, 120, 120)?.resized(48, 48, Filter::Bilinear)?;
        written(&format!("happy/{shift}.png"), &Picture::from_gray(48, 48, &face.luma())?)?;
    }
    for mouth in [34, 35, 36] {
        let gray: Vec<u8> = (0..48 * 48)
            .map(|i| match (i % 48, i / 48) {
                (14..=18 | 30..=34, 17..=20) => 40,
                (17..=31, y) if y == mouth => 70,
                (x, y) if (x - 24) * (x - 24) + (y - 24) * (y - 24) < 21 * 21 => 190,
                _ => 110,
            })
            .collect();
        written(&format!("neutral/{mouth}.png"), &Picture::from_gray(48, 48, &gray)?)?;
    }
    Ok(())
}
