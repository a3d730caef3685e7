//! A data set small enough to train on in a test: the seven classes are bright bars at seven heights.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use fervor::Result;
use fervor_lab::dataset::Dataset;
use fervor_train::recipe::LabelsFrom;
use fervor_train::{Backend, Outcome, Progress, Recipe, TrainOptions, train};
use tempfile::TempDir;

pub struct World {
    folder: TempDir,
    pub recipe: Recipe,
    pub resume: Option<PathBuf>,
    /// Stop after this many steps.
    pub stop_after: Option<usize>,
    /// Stopped before its first step.
    pub stop_at_once: bool,
}

const RECIPE: &str = r#"
    name = "tiny"
    seed = 3
    epochs = 3
    batch_size = 16
    ema = 0.5
    [preprocess]
    size = 24
    color = "gray"
    filter = "bilinear"
    framing = { margin = { margin = 0.0 } }
    [network]
    name = "fervor-48"
    widths = [8, 8, 16]
    blocks = [1, 1]
    dropout = 0.2
    [optimizer]
    name = "sgd"
    learning_rate = 0.1
    weight_decay = 1e-4
    [schedule]
    name = "one-cycle"
    warmup_epochs = 1
    [loss]
    label_smoothing = 0.05
    [augment]
    flip = true
    shift = 0.02
    brightness = 0.05
"#;

impl World {
    pub fn new(overrides: &[&str]) -> Self {
        Self::try_with(overrides).unwrap()
    }

    pub fn try_with(overrides: &[&str]) -> Result<Self> {
        Ok(Self::of(Recipe::parse(RECIPE, overrides)?))
    }

    /// With another text of the recipe.
    pub fn with(overrides: &[&str], edit: impl Fn(&str) -> String) -> Self {
        Self::of(Recipe::parse(&edit(RECIPE), overrides).unwrap())
    }

    fn of(recipe: Recipe) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut csv = "emotion,pixels,Usage\n".to_owned();
        let mut votes = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n".to_owned();
        for picture in 0..105 {
            let (class, round) = (picture % 7, picture / 7);
            let usage = if round < 10 { "Training" } else { "PublicTest" };
            let value = |row: usize, column: usize| {
                let bar = (4 + 6 * class..8 + 6 * class).contains(&row);
                let grain = (row * 31 + column * 17 + picture * 101) % 40;
                if bar { 200 + grain } else { 30 + grain }
            };
            let pixels: Vec<String> = (0..48 * 48).map(|i| value(i / 48, i % 48).to_string()).collect();
            writeln!(csv, "{class},{},{usage}", pixels.join(" ")).unwrap();
            // Seven of ten voters agree with each other, not with the labels; in round 0 they are at odds.
            let mut counts = [0; 10];
            counts[class] = if round == 0 { 5 } else { 7 };
            counts[class + 1] = 10 - counts[class];
            writeln!(votes, "{}", counts.map(|count| count.to_string()).join(",")).unwrap();
        }
        std::fs::write(folder.path().join("votes.csv"), votes).unwrap();
        std::fs::write(folder.path().join("faces.csv"), csv).unwrap();
        Self { folder, recipe, resume: None, stop_after: None, stop_at_once: false }
    }

    pub fn out(&self) -> PathBuf {
        self.folder.path().join("runs")
    }

    pub fn data(&self) -> Dataset {
        let votes = Some(self.folder.path().join("votes.csv"))
            .filter(|_| self.recipe.data.labels_from == LabelsFrom::Votes || self.recipe.loss.votes_head > 0.0);
        let data = Dataset::open(&self.folder.path().join("faces.csv"), &self.recipe.open_options(votes)).unwrap();
        self.recipe.labelled(data).unwrap().0
    }

    pub fn train(&self) -> Result<Outcome> {
        self.train_into(&self.out())
    }

    pub fn train_into(&self, out: &Path) -> Result<Outcome> {
        self.run(self.data(), out)
    }

    pub fn train_on(&self, data: Dataset) -> Result<Outcome> {
        self.run(data, &self.out())
    }

    fn run(&self, dataset: Dataset, out: &Path) -> Result<Outcome> {
        let stop = AtomicBool::new(self.stop_at_once);
        let mut steps = 0;
        train(TrainOptions {
            recipe: self.recipe.clone(),
            dataset,
            out: out.to_owned(),
            resume: self.resume.clone(),
            backend: Backend::Cpu,
            threads: 2,
            stop: &stop,
            progress: &mut |progress| {
                if let Progress::Step { .. } = progress {
                    steps += 1;
                    stop.store(self.stop_after.is_some_and(|after| steps >= after), Ordering::Relaxed);
                }
            },
        })
    }
}
