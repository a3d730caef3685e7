//! Remedies as a user of this program can carry them out: flags and commands, which the library does not know.

#[cfg(feature = "lab")]
use std::path::Path;

use fervor::Remedy;
#[cfg(feature = "lab")]
use fervor_lab::audit;

/// What to do, in this program's flags and commands.
pub fn words(remedy: &Remedy) -> String {
    match remedy {
        Remedy::BlendHeads => "fit how its heads become one answer: fervor calibrate --blend".to_owned(),
        Remedy::LookThroughFilm => "fervor video looks at films".to_owned(),
        Remedy::TrainBundle => "a Fervor model is one .onnx file as `fervor train` writes it".to_owned(),
        Remedy::MapClass { class } => {
            let [to, out] = ["CLASS", "-"].map(|target| quoted(&format!("{class}={target}")));
            format!("say what to do with it: --map {to} or --map {out}")
        }
        Remedy::DrawSplits { rule } if rule.split(':').count() == 2 => {
            format!(
                "--set data.split={rule} takes one out of train and leaves test alone; keras takes one out of test as Keras' \
                 validation_split does"
            )
        }
        Remedy::DrawSplits { rule } => format!("draw the parts: --set data.split={rule}"),
        Remedy::ChooseSplit => "choose the part with --split".to_owned(),
        Remedy::GiveVotes => "give the table of votes with --votes".to_owned(),
        Remedy::StartFrom => "name it with --from, for example --from fervor-48 or --from runs/RUN/best.onnx".to_owned(),
        Remedy::ResumeOrRename { run } => {
            format!("continue it with --resume {}, or start another one with --set name=OTHER or another --out", quoted(run))
        }
        Remedy::RenameRun => "start the run again under another name: --set name=OTHER".to_owned(),
        Remedy::ContinueAsBegun => "continue it with its own recipe.toml and without --set, or start a new run".to_owned(),
        // No flag of this program raises it.
        Remedy::Shrink => "make it smaller".to_owned(),
        Remedy::LowerRate => "a lower rate helps, for example --set optimizer.learning_rate=..., or a longer warm-up".to_owned(),
        Remedy::UseDevice { device } => format!("use --device {device}"),
        Remedy::InstallFfmpeg => "install ffmpeg, which decodes nearly every video, and have it on the PATH".to_owned(),
        Remedy::UseDecoder { decoder } => format!("let {decoder} decode it: --decoder {decoder}"),
        Remedy::BuildWith { feature } => format!("build it with: cargo build --release --features {feature}"),
        // What is left names no flag of this program.
        remedy => remedy.to_string(),
    }
}

/// What helps against a finding about the data at a path: a command to copy, or a flag of the audit.
#[cfg(feature = "lab")]
pub fn of_finding(remedy: &audit::Remedy, data: &Path) -> String {
    let data = quoted(&data.display().to_string());
    match remedy {
        audit::Remedy::Fix { copy, faces } => {
            let (faces, copy) = (if *faces { " --faces" } else { "" }, if *copy { " --copy" } else { "" });
            format!("fervor audit {data}{faces} --fix OUT{copy}")
        }
        audit::Remedy::SplitTogether { rule } => format!("fervor split {data} --ratios {rule} --output manifest.json"),
        audit::Remedy::WeighClasses { setting } => format!("fervor train RECIPE --data {data} --set {setting}"),
        audit::Remedy::CropFaces => format!("fervor crop {data} OUT"),
        audit::Remedy::LookForFaces => "--faces looks for pictures with none or several".to_owned(),
        audit::Remedy::LookForSuspects => "--suspects ranks labels that are probably wrong".to_owned(),
        // Switched off is all there is to say.
        remedy => remedy.to_string(),
    }
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:=,@%~".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(all(test, feature = "lab"))]
mod tests {
    use super::*;

    #[test]
    fn remedies_can_be_typed_as_they_stand() {
        let class = "not sure".to_owned();
        assert!(words(&Remedy::MapClass { class }).ends_with("--map 'not sure=CLASS' or --map 'not sure=-'"));
        assert!(words(&Remedy::ResumeOrRename { run: "runs/a b".to_owned() }).contains("--resume 'runs/a b',"));
        assert!(words(&Remedy::DrawSplits { rule: "90:10".into() }).contains("--set data.split=90:10 takes one out of train"));
        assert_eq!(words(&Remedy::advice("look again")), "look again");
        let finding = audit::Remedy::Fix { copy: true, faces: false };
        assert_eq!(of_finding(&finding, Path::new("my data")), "fervor audit 'my data' --fix OUT --copy");
        let finding = audit::Remedy::SplitTogether { rule: "80:10:10".to_owned() };
        assert_eq!(of_finding(&finding, Path::new("a.csv")), "fervor split a.csv --ratios 80:10:10 --output manifest.json");
    }
}
