//! `fervor explain`: which parts of a face an answer rests on, and how far such maps can be trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fervor::{Bundle, Error, Limits, Picture, Result};
use fervor_lab::dataset::OpenOptions;
use fervor_lab::explain::{self, Explanation, Faithfulness, Ranking};
use fervor_lab::sweep::{Steps, Sweep, evenly};

use crate::cli::{Explain, ExplainScore, Format, Pictures};
use crate::inputs::{self, Inputs, Source, Wanted};
use crate::output::{spares, warn_inside, write_whole};
use crate::verdict::Verdict;
use crate::{data, setup, talk};

/// Runs the command.
///
/// # Errors
/// Usage, a model that does not load, a folder that cannot be written. A picture that fails is told, and the others go on.
pub fn run(args: &Explain) -> Result<Verdict> {
    setup::threads(args.pictures.analysis.threads);
    if args.output.exists() && !args.output.is_dir() {
        return Err(Error::input(format!("--output needs a folder, this is a file: {}", args.output.display())));
    }
    let Pictures { input, list, recursive, .. } = &args.pictures;
    let wanted = Wanted { input, list: list.as_deref(), recursive: *recursive, holders: false, own: Some(&args.output) };
    warn_inside("--output", &args.output, input);
    let Inputs { sources, notes, .. } = inputs::expand(wanted)?;
    notes.iter().for_each(talk::note);
    let analyzer = setup::analyzer(
        args.pictures.analysis.faces,
        Arc::new(setup::model(&args.pictures.analysis.model, args.pictures.analysis.threads)?),
        setup::detector(&args.pictures),
    )?;
    let (mut failed, mut replaced) = (0, Vec::new());
    for source in &sources {
        match one(&analyzer, source, &sources, &args.output, &mut replaced) {
            Ok(lines) => lines.iter().try_for_each(talk::answer)?,
            Err(error) => {
                failed += 1;
                talk::warn(talk::at(&source.name(), &error));
            }
        }
    }
    if let Some(first) = replaced.first() {
        let sheets = if replaced.len() == 1 { "a sheet".to_owned() } else { format!("{} sheets", replaced.len()) };
        talk::note(format_args!("{sheets} of before replaced, another --output keeps them: {}", first.display()));
    }
    Ok(match failed {
        0 => Verdict::Yes,
        _ if failed == sources.len() => Verdict::Failed,
        _ => Verdict::No,
    })
}

/// Explains the faces of one picture; a line for each sheet written, none of them over one of the sources. What takes the place of an
/// earlier sheet goes into `replaced`.
fn one(
    analyzer: &fervor::Analyzer,
    source: &Source,
    sources: &[Source],
    output: &Path,
    replaced: &mut Vec<PathBuf>,
) -> Result<Vec<String>> {
    let picture = source.read(&Limits::default())?;
    let bundle = analyzer.bundle();
    let preprocess = &bundle.card().preprocess;
    let prepared = analyzer.prepare(&picture)?;
    if prepared.faces() == 0 {
        return Ok(vec![format!("{}: no face found", talk::name(&source.name()))]);
    }
    let mut lines = Vec::new();
    for (number, (face, quality, chip)) in prepared.iter().enumerate() {
        let explanation = Explanation::of(bundle, chip, Some(quality))?;
        let answer = explanation.probabilities();
        let title = format!("Why {}? {} of {}", answer.short_words(), bundle.card().name, source.name());
        let sheet = explain::sheet(&title, &picture, face, preprocess, &explanation)?;
        let mut name = source.relative().into_os_string();
        name.push(format!("-face{}.png", number + 1));
        let path = output.join(name);
        spares("--output", &path, sources.iter().filter_map(Source::file))?;
        let there = path.exists();
        write_whole(&path, &sheet.encode_png()?)?;
        if there {
            replaced.push(path.clone());
        }
        let (name, sheet) = (source.name(), path.display().to_string());
        lines.push(format!("{}: {}: {}", talk::name(&name), answer.sentence(), talk::name(&sheet)));
    }
    Ok(lines)
}

/// Runs `fervor explain-score`.
///
/// # Errors
/// A model or data set that cannot be read, or a split without samples.
pub fn score(args: &ExplainScore) -> Result<Verdict> {
    setup::threads(args.threads);
    let bundle = setup::model(&args.model, Some(1))?;
    let dataset = data::open(&args.data, OpenOptions::default())?;
    let (split, indices) = data::choose(&dataset, args.split.as_deref())?;
    let all: Vec<usize> = (0..indices.len()).collect();
    let dataset = data::faces(dataset.subset(&indices), args.faces, &all, &bundle.card().preprocess)?;
    let indices: Vec<usize> = (0..dataset.len()).collect();
    let chosen = evenly(&indices, args.limit);
    let bar = talk::bar(chosen.len() as u64, "pictures");
    let all = chosen.len();
    // A picture takes long enough for the bar to move with each.
    let steps = Steps::new(all, &|_, _| {});
    let sweep = Sweep { dataset: &dataset, samples: &chosen, steps: &steps };
    let view = |index: usize, picture: &Picture| {
        let chip = bundle.card().preprocess.whole(picture);
        let explanation = Explanation::of(&bundle, &chip, None)?;
        let score = explain::faithfulness(&bundle, &chip, &explanation, index as u64)?;
        bar.inc(1);
        Ok(Some((chip, score)))
    };
    // All that the network is asked, it is asked for each picture alone.
    let swept = sweep.run(view, |chips| Ok(vec![Vec::new(); chips.len()]))?;
    bar.finish_and_clear();
    talk::left_out(&swept.unreadable());
    let scores: Vec<[Faithfulness; 3]> = swept.answers.into_iter().map(|answer| answer.seen).collect();
    if scores.is_empty() {
        return Err(Error::input(format!("no picture of split {split} could be read, of {all} that were looked at")));
    }
    let table = Table::of(&scores);
    match args.format {
        Format::Json => talk::answer(table.json(&bundle, dataset.name(), &split)),
        Format::Text => talk::answer(table.text(&split)),
    }?;
    Ok(Verdict::Yes)
}

/// Means over pictures, and how often the explanation beats each other order.
struct Table {
    n: usize,
    means: [Faithfulness; 3],
    /// Share of the pictures where the explanation has the lower deletion, and the higher insertion.
    wins: [[f64; 2]; 3],
}

impl Table {
    fn of(scores: &[[Faithfulness; 3]]) -> Self {
        let n = scores.len();
        let mean = |value: &dyn Fn(&[Faithfulness; 3]) -> f64| scores.iter().map(value).sum::<f64>() / n as f64;
        let means = [0, 1, 2].map(|i| Faithfulness { deletion: mean(&|s| s[i].deletion), insertion: mean(&|s| s[i].insertion) });
        let share = |better: bool| f64::from(u8::from(better));
        let wins = [0, 1, 2]
            .map(|i| [mean(&|s| share(s[0].deletion < s[i].deletion)), mean(&|s| share(s[0].insertion > s[i].insertion))]);
        Self { n, means, wins }
    }

    fn text(&self, split: &str) -> String {
        let mut text = format!("{} pictures of split {split}; area under the probability of the answered class\n", self.n);
        text += "order        deletion (lower is better)   insertion (higher is better)   explained is better\n";
        for ((ranking, mean), wins) in Ranking::ALL.iter().zip(&self.means).zip(&self.wins) {
            let better = match ranking {
                Ranking::Explained => String::new(),
                _ => format!("{:>5.1} % / {:.1} %", 100.0 * wins[0], 100.0 * wins[1]),
            };
            let row = format!("{:<10} {:>12.4} {:>30.4} {better:>36}", ranking.name(), mean.deletion, mean.insertion);
            text += row.trim_end();
            text.push('\n');
        }
        text.trim_end().to_owned()
    }

    fn json(&self, bundle: &Bundle, data: &str, split: &str) -> String {
        let rows: serde_json::Map<String, serde_json::Value> = Ranking::ALL
            .iter()
            .zip(&self.means)
            .zip(&self.wins)
            .map(|((ranking, mean), wins)| {
                let row = serde_json::json!({
                    "deletion": mean.deletion,
                    "insertion": mean.insertion,
                    "explained_is_better": { "deletion": wins[0], "insertion": wins[1] },
                });
                (ranking.name().to_owned(), row)
            })
            .collect();
        let model = serde_json::json!({ "name": bundle.card().name, "sha256": bundle.sha256() });
        let report = serde_json::json!({
            "schema": "fervor.explain/1", "model": model, "data": data, "split": split, "n": self.n, "orders": rows,
        });
        serde_json::to_string_pretty(&report).expect("numbers and words are JSON")
    }
}
