//! Arguments of the commands about films.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Analysis, parse};

/// What `fervor video` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VideoFormat {
    /// frames.csv: a row a face and frame, and one where there is none
    Csv,
    /// frames.jsonl: the same as JSON lines
    Jsonl,
    /// frames.parquet: the same as a Parquet table
    Parquet,
    /// tracks.csv: a row a face over time, with its shares and their coverage
    Tracks,
    /// episodes.csv: onset, apex and offset of each expression
    Episodes,
    /// report.html: the film with boxes, lanes and tables; opens from the disk
    Report,
    /// timeline.png: the lanes as a picture
    Chart,
    /// episodes.vtt: subtitles of web pages
    Vtt,
    /// episodes.srt: subtitles of players
    Srt,
    /// episodes.eaf: for ELAN
    Elan,
    /// episodes.TextGrid: for Praat
    Textgrid,
    /// episodes.boris.tsv: tabular events of BORIS
    Boris,
    /// All of these
    All,
}

/// Whose columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VideoLayout {
    Openface,
    Pyfeat,
    Imotions,
    Facereader,
    Fer,
}

#[derive(Debug, Args)]
pub struct Video {
    /// Videos, animations (GIF, WebP, PNG), folders of them, or - for standard input
    #[arg(required = true)]
    pub input: Vec<OsString>,
    /// Where everything is written; of several films each has a folder of its name in it
    #[arg(long, short, value_name = "DIR")]
    pub output: PathBuf,
    /// What is written: summary.json always, and of these what is named, as --format csv,elan
    #[arg(
        long = "format",
        value_name = "FORMATS",
        value_enum,
        value_delimiter = ',',
        default_values_t = [VideoFormat::Csv, VideoFormat::Tracks, VideoFormat::Episodes, VideoFormat::Report, VideoFormat::Chart]
    )]
    pub formats: Vec<VideoFormat>,
    /// Also the frames in the columns of another program, for scripts that read its tables; what is not measured has no column
    #[arg(long, value_name = "PROGRAMS", value_enum, value_delimiter = ',')]
    pub layout: Vec<VideoLayout>,
    /// Also the film itself with boxes, labels and bars, and with its sound: needs ffmpeg; of one film
    #[arg(long, value_name = "FILE.mp4")]
    pub annotate: Option<PathBuf>,
    /// Look at one frame in so much time, as 0.2s [default: every frame]
    #[arg(long, value_name = "TIME", value_parser = parse::span, conflicts_with = "fps")]
    pub every: Option<f64>,
    /// Look at so many frames a second [default: every frame]
    #[arg(long, value_name = "RATE", value_parser = parse::frames_a_second)]
    pub fps: Option<f64>,
    /// Leave out what is shown before, as 90, 1:30 or 0:01:30.5
    #[arg(long, value_name = "TIME", value_parser = parse::moment)]
    pub start: Option<f64>,
    /// Leave out what is shown from here on
    #[arg(long, value_name = "TIME", value_parser = parse::moment)]
    pub end: Option<f64>,
    /// Averages answers over time, backwards and forwards alike: the time constant in seconds; 0 not at all
    #[arg(long, value_name = "SECONDS", default_value_t = fervor::Timeline::SMOOTHING, value_parser = parse::seconds)]
    pub smoothing: f64,
    /// An episode reaches this probability
    #[arg(long, value_name = "SHARE", default_value_t = fervor::timeline::EpisodeOptions::default().reach, value_parser = parse::score)]
    pub reach: f32,
    /// An episode keeps this probability from its onset to its offset
    #[arg(long, value_name = "SHARE", default_value_t = fervor::timeline::EpisodeOptions::default().keep, value_parser = parse::score)]
    pub keep: f32,
    /// An episode lasts at least so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = fervor::timeline::EpisodeOptions::default().least, value_parser = parse::seconds)]
    pub least: f64,
    /// An interruption up to so many seconds does not end an episode
    #[arg(long, value_name = "SECONDS", default_value_t = fervor::timeline::EpisodeOptions::default().bridge, value_parser = parse::seconds)]
    pub bridge: f64,
    #[command(flatten)]
    pub analysis: Analysis,
    /// Look at whole frames so often, in seconds; in the frames between, faces are looked for where they were, which is quicker, and a new one is found at the next look; 0 looks at every frame whole
    #[arg(long, value_name = "SECONDS", default_value_t = fervor_video::pipeline::Settings::default().look, value_parser = parse::seconds)]
    pub look: f64,
    /// The least score of a face, 0 to 1
    #[arg(long, value_name = "SCORE", default_value_t = fervor::DetectorOptions::default().threshold, value_parser = parse::score)]
    pub threshold: f32,
    /// Copy the film beside its report, so that the folder can be given away whole
    #[arg(long)]
    pub copy: bool,
    /// Pass over films that an earlier run with the same settings finished; one that was interrupted begins anew
    #[arg(long)]
    pub resume: bool,
    /// Look into the folders inside folders, too
    #[arg(long, short)]
    pub recursive: bool,
    /// What decodes films: this program, an ffmpeg process, or whichever can
    #[arg(long, default_value = "auto", value_parser = ["auto", "own", "ffmpeg"])]
    pub decoder: String,
}
