//! `fervor inspect` and `fervor models`: what a bundle says of itself.

use fervor::bundle::Head;
use fervor::{Bundle, Card, Result, builtin};
use fervor_draw::chart::thousands;
use serde::Serialize;

use crate::cli::{Format, Inspect, Models};
use crate::verdict::Verdict;
use crate::{setup, talk};

/// What is shown of a bundle.
#[derive(Serialize)]
struct Info<'a> {
    schema: &'static str,
    sha256: &'a str,
    bytes: usize,
    sealed: bool,
    parameters: u64,
    multiply_adds: Option<u64>,
    card: &'a Card,
}

impl<'a> Info<'a> {
    fn of(bundle: &'a Bundle) -> Self {
        let cost = bundle.cost();
        Self {
            schema: "fervor.inspect/1",
            sha256: bundle.sha256(),
            bytes: bundle.size(),
            sealed: bundle.is_sealed(),
            parameters: cost.parameters,
            multiply_adds: cost.multiply_adds,
            card: bundle.card(),
        }
    }
}

/// Shows one bundle.
///
/// # Errors
/// A bundle that does not load.
pub fn inspect(args: &Inspect) -> Result<Verdict> {
    let bundle = setup::model(&args.model, None)?;
    let info = Info::of(&bundle);
    match args.format {
        Format::Json => talk::answer(serde_json::to_string_pretty(&info).expect("a card is plain data")),
        Format::Text => talk::answer(text(&info)),
    }?;
    Ok(Verdict::Yes)
}

/// Lists the built-in bundles.
///
/// # Errors
/// A built-in bundle that does not load.
pub fn models(args: &Models) -> Result<Verdict> {
    let bundles = builtin::names().map(|name| setup::model(name, None)).collect::<Result<Vec<_>>>()?;
    match args.format {
        Format::Json => {
            let infos: Vec<Info> = bundles.iter().map(Info::of).collect();
            talk::answer(serde_json::to_string_pretty(&infos).expect("a card is plain data"))
        }
        Format::Text => {
            let lines: Vec<String> = bundles.iter().map(|bundle| listed(bundle.card())).collect();
            talk::answer(lines.join("\n"))
        }
    }?;
    Ok(Verdict::Yes)
}

fn numbers(card: &Card) -> String {
    match &card.eight_bit {
        Some(eight_bit) => format!("8 bits, in steps of {} maps", eight_bit.greatest.len()),
        None => "32 bits".to_owned(),
    }
}

fn heads(card: &Card) -> String {
    let shown = card.heads.iter().map(|head| {
        let (name, weight, removed) = (&head.name, head.weight, 100.0 * head.prior_removed);
        let prior = if removed > 0.0 { format!(", {removed:.0} % of its prior taken out") } else { String::new() };
        format!("{name} x {weight:.2}{prior}")
    });
    let mut parts: Vec<String> = shown.collect();
    let biases = summed_biases(&card.heads);
    if biases.iter().any(|bias| *bias != 0.0) {
        parts.push(format!("added: {}", biased(card.labels.names(), &biases)));
    }
    if card.heads.is_empty() { "one".to_owned() } else { parts.join("; ") }
}

/// What heads add to each class's answer, all together.
pub fn summed_biases(heads: &[Head]) -> Vec<f32> {
    let mut sums = vec![0.0; heads.first().map_or(0, |head| head.prior.len())];
    for head in heads {
        sums.iter_mut().zip(&head.biases).for_each(|(sum, bias)| *sum += head.weight * bias);
    }
    sums
}

/// `angry +0.12, happy -0.40`.
pub fn biased(names: &[String], biases: &[f32]) -> String {
    names.iter().zip(biases).map(|(label, bias)| format!("{label} {bias:+.2}")).collect::<Vec<_>>().join(", ")
}

fn listed(card: &Card) -> String {
    let default = if card.name == builtin::DEFAULT { " (default)" } else { "" };
    format!("{}{default}\n  {}\n  classes: {}", card.name, card.description, card.labels)
}

fn text(info: &Info) -> String {
    let card = info.card;
    let p = &card.preprocess;
    let [channels, size, _] = p.shape();
    let mut lines = vec![
        format!("{}  {}", card.name, card.description),
        String::new(),
        row("classes", &card.labels.to_string()),
        row(
            "input",
            &format!(
                "{channels} x {size} x {size}, raw 0..255; {}, {} filter{}",
                framing(p),
                format!("{:?}", p.filter).to_lowercase(),
                p.standardize.map_or_else(String::new, |s| format!(", brought to mean {} and deviation {}", s.mean, s.deviation))
            ),
        ),
        row("parameters", &thousands(info.parameters as i64)),
        row(
            "multiply-adds",
            &info.multiply_adds.map_or_else(
                || "unknown".to_owned(),
                |n| format!("{:.1} million a face", (n * card.views.count() as u64) as f64 / 1e6),
            ),
        ),
        row("views of a face", &card.views.to_string()),
        row("heads", &heads(card)),
        row("computes in", &numbers(card)),
        row("file", &format!("{:.2} MB, sha256 {}", info.bytes as f64 / 1e6, info.sha256)),
        row("seal", if info.sealed { "weights, card and training pictures are as they were made" } else { "none" }),
        row("temperature", &card.temperature.to_string()),
        row("doubt", &doubt(card)),
        row("licence", &card.licence),
        row(
            "trained on",
            &format!(
                "{}: {} pictures; {} chose the epoch; manifest {}",
                card.data.name, card.data.training_pictures, card.data.validation_pictures, card.data.manifest_sha256
            ),
        ),
    ];
    lines
        .extend(began_from(card).map(|from| row("began from", &format!("{from}; what that was trained on counts as seen, too"))));
    lines.extend([row(
        "recipe",
        &format!("{} ({}), epoch {}", card.recipe.name, &card.recipe.sha256.get(..12).unwrap_or(""), card.recipe.epoch),
    )]);
    lines.extend(card.metrics.iter().map(|(name, value)| row(name, &format!("{value:.4}"))));
    lines.join("\n")
}

/// The model that a training began from, where its recipe names one.
fn began_from(card: &Card) -> Option<String> {
    let recipe: toml::Table = card.recipe.toml.parse().ok()?;
    Some(recipe.get("transfer")?.get("from")?.as_str()?.to_owned())
}

/// What the card says of uncertain answers, flags and sets.
fn doubt(card: &Card) -> String {
    let mut parts = vec![format!("uncertain under {:.0} %", 100.0 * fervor::Probabilities::UNCERTAIN)];
    if !card.flag_factors.is_empty() {
        let raised = card.flag_factors.iter().filter(|(_, factor)| **factor >= 1.005);
        let factors: Vec<String> = raised.map(|(flag, factor)| format!("{} x {factor:.2}", flag.name())).collect();
        let none = "as that of others";
        parts.push(format!(
            "temperature of flagged faces: {}",
            if factors.is_empty() { none.to_owned() } else { factors.join(", ") }
        ));
    }
    if let Some(sets) = card.conformal {
        parts.push(format!("sets at {:.0} %: classes of {:.3} or more", 100.0 * sets.coverage, sets.threshold));
    }
    if !card.class_biases.is_empty() {
        parts.push(format!("class biases in the network: {}", biased(card.labels.names(), &card.class_biases)));
    }
    parts.join("; ")
}

fn framing(preprocess: &fervor::Preprocess) -> String {
    use fervor::preprocess::Framing;
    match preprocess.framing {
        Framing::Margin { margin, shift_y } => format!("box with margin {margin}, shifted down {shift_y}"),
        Framing::Aligned { eye_distance, eye_y } => format!("aligned, eyes {eye_distance} apart at height {eye_y}"),
    }
}

fn row(name: &str, value: &str) -> String {
    format!("{name:<22} {value}")
}
