//! `fervor import`: a network from elsewhere becomes a bundle.

use fervor::bundle::Foreign;
use fervor::onnx::ModelProto;
use fervor::{Error, Reason, Result};

use crate::cli::Import;
use crate::output::{spares, write_whole};
use crate::talk;
use crate::verdict::Verdict;

/// Runs the command.
///
/// # Errors
/// A network or a card that cannot be read or do not fit each other, a place that cannot be written.
pub fn run(args: &Import) -> Result<Verdict> {
    spares("--output", &args.output, [args.network.as_path(), &args.card])?;
    let read = |path: &std::path::Path| {
        std::fs::read(path).map_err(|e| Error::input(format!("cannot read {}", path.display())).with_source(e))
    };
    let text = String::from_utf8(read(&args.card)?)
        .map_err(|_| Error::input(format!("the card is no text: {}", args.card.display())))?;
    let card: Foreign = toml::from_str(&text).map_err(|e| {
        Error::input(format!("not a card of a network from elsewhere: {}", args.card.display()))
            .with_source(e.to_string().trim_end().to_owned())
            .with_hint("it needs name, labels, size, color and output; docs/import.md lists the keys")
    })?;
    let network = read(&args.network)?;
    let bundle = check(&network).and_then(|()| card.bundle(&network, &text)).map_err(|e| e.context(args.network.display()))?;
    write_whole(&args.output, bundle.bytes())?;
    talk::note("the file as it came and the bundle give the same logits for three pictures");
    talk::answer(format_args!(
        "{}: {}, {} classes, {} bytes",
        args.output.display(),
        card.name,
        card.labels.len(),
        bundle.size()
    ))?;
    Ok(Verdict::Yes)
}

/// Refuses what is a bundle already, and a network of which part would be lost. What is no ONNX is told when it is read.
fn check(network: &[u8]) -> Result<()> {
    let Ok(model) = ModelProto::parse(network) else { return Ok(()) };
    if model.metadata("fervor.card").is_some() {
        return Err(Error::input("it is a bundle already")
            .because(Reason::Exists)
            .with_hint("give it to --model as it is; `fervor calibrate` writes another card into it"));
    }
    let outputs: Vec<&str> = model.graph.iter().flat_map(|graph| &graph.output).map(|output| output.name.as_str()).collect();
    if outputs.len() > 1 {
        return Err(Error::model(format!("expected a network with one output, found {}: {}", outputs.len(), outputs.join(", ")))
            .because(Reason::Unsupported)
            .with_hint("leave only the output with a number a class, for example with onnx.utils.extract_model of Python"));
    }
    Ok(())
}
