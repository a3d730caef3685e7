//! A model from a file: `cargo run --example own_model -- my-model.onnx photo.jpg`.

use std::path::Path;
use std::sync::Arc;

use fervor::{Analyzer, Bundle, Picture, Result};

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let model = args.next().unwrap_or("crates/fervor/models/fervor-nano/fervor-nano.onnx".to_owned());
    let picture = args.next().unwrap_or("examples/astronaut.png".to_owned());

    // Loading proves the file: the network must give the logits that its card states.
    let bundle = Arc::new(Bundle::open(Path::new(&model))?);
    let card = bundle.card();
    println!("{}: {}", card.name, card.description);
    println!("classes: {}; trained on {}", card.labels, card.data.name);

    let analyzer = Analyzer::auto(bundle)?;
    for face in analyzer.analyze(&Picture::open(picture)?)? {
        for (class, probability) in face.probabilities.ranked() {
            println!("{class:>10} {:5.1} %", 100.0 * probability);
        }
    }
    Ok(())
}
