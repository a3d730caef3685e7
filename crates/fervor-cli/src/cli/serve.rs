//! Arguments of the service.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use super::{Faces, parse};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Args)]
pub struct Serve {
    /// The address to listen on; 0.0.0.0 for all
    #[arg(long, default_value = "127.0.0.1", env = "FERVOR_HOST")]
    pub host: String,
    /// 0 takes a free one
    #[arg(long, default_value_t = 8080, env = "FERVOR_PORT")]
    pub port: u16,
    /// A built-in model's name or the path of a bundle; several times for a choice of models, of which the first answers unasked
    #[arg(long, default_value = fervor::builtin::DEFAULT, env = "FERVOR_MODEL")]
    pub model: Vec<String>,
    #[arg(long, value_enum, default_value_t = Faces::Auto, env = "FERVOR_FACES")]
    pub faces: Faces,
    /// Look for faces at every picture's full size: finds small ones in large pictures, and takes longer
    #[arg(long, env = "FERVOR_DETAIL", value_parser = BoolishValueParser::new())]
    pub detail: bool,
    /// The largest picture; a request with several may hold eight times as much
    #[arg(long, value_name = "SIZE", default_value = "10MiB", value_parser = parse::size, env = "FERVOR_MAX_UPLOAD")]
    pub max_upload: usize,
    /// Pictures waiting or worked on at once; beyond that the answer is 503
    #[arg(long, value_name = "N", default_value = "128", value_parser = parse::queue, env = "FERVOR_QUEUE")]
    pub queue: usize,
    /// Workers [default: a core each]
    #[arg(long, value_parser = parse::threads, allow_negative_numbers = true, env = "FERVOR_THREADS")]
    pub threads: Option<usize>,
    /// Time for an answer once its request is there; a body may take longer as long as it comes on
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse::time, env = "FERVOR_TIMEOUT")]
    pub timeout: std::time::Duration,
    /// Clients must send the key that is this file's first line
    #[arg(long, value_name = "FILE", env = "FERVOR_API_KEY_FILE")]
    pub api_key_file: Option<PathBuf>,
    /// Another origin whose pages may use the service, such as https://example.org; * for all
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', value_parser = parse::origin, env = "FERVOR_ALLOW_ORIGIN")]
    pub allow_origin: Vec<String>,
    /// A public name that the service goes by, such as faces.example.org; * for any. Addresses, localhost and names of inner
    /// networks need not be given, and none with a key
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = parse::host_name, env = "FERVOR_HOST_NAME")]
    pub host_name: Vec<String>,
    /// Connections at once; fewer where the system lets the program open fewer files
    #[arg(long, value_name = "N", default_value = "2048", value_parser = parse::queue, env = "FERVOR_MAX_CONNECTIONS")]
    pub max_connections: usize,
    /// Requests of one client address, such as 5/s; behind a proxy all clients have its address
    #[arg(long, value_name = "N/s", value_parser = parse::rate, env = "FERVOR_RATE")]
    pub rate: Option<f64>,
    /// Take videos at POST /video, too: decoded by this program alone, one at a time, ten minutes and 20,000 frames at most
    #[arg(long, env = "FERVOR_VIDEO", value_parser = BoolishValueParser::new())]
    pub video: bool,
    /// The largest video
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = parse::size, requires = "video", env = "FERVOR_MAX_VIDEO")]
    pub max_video: usize,
    /// Offer on the page to compute in the browser: the folder of the npm package, as `cargo xtask web` writes it [default: the
    /// package inside this program, where there is one]
    #[arg(long, value_name = "DIR", env = "FERVOR_PACKAGE")]
    pub package: Option<PathBuf>,
    /// [default: text on a terminal, else json; FERVOR_LOG=warn and the like set how much]
    #[arg(long, value_enum, env = "FERVOR_LOG_FORMAT")]
    pub log: Option<LogFormat>,
}

#[derive(Debug, Args)]
pub struct Page {
    /// The folder to write, which must not be there yet; a name that ends in .html is one file, which opens without any server
    pub out: PathBuf,
    /// A built-in model's name or the path of a bundle; several times for a choice of models, of which the first is loaded unasked
    /// [default: fervor-nano, in a folder fervor-48, too]
    #[arg(long)]
    pub model: Vec<String>,
    /// The folder of the npm package, as `cargo xtask web` writes it [default: the package inside this program, where there is one]
    #[arg(long, value_name = "DIR", env = "FERVOR_PACKAGE")]
    pub package: Option<PathBuf>,
}
