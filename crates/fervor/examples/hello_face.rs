//! The first answer: `cargo run --example hello_face -- photo.jpg`.

fn main() -> fervor::Result<()> {
    let path = std::env::args().nth(1).unwrap_or("examples/astronaut.png".to_owned());
    let analyzer = fervor::Analyzer::builtin()?;
    let picture = fervor::Picture::open(path)?;
    for face in analyzer.analyze(&picture)? {
        println!("looks {}: {:.0} %", face.label(), 100.0 * face.confidence());
    }
    Ok(())
}
