//! `fervor serve`: the HTTP service and the page.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;

use fervor::{Analyzer, Bundle, DetectorOptions, Error, Result};
use fervor_serve::{App, Key, Package, Settings, VideoSettings};
use tokio::net::TcpListener;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{LogFormat, Serve};
use crate::verdict::Verdict;
use crate::{environment, page, setup, talk};

/// Models that the page may load into the browser, beside those of the service.
const BROWSER_MODELS: [&str; 2] = ["fervor-nano", "fervor-48"];

/// Runs the command until it is told to stop.
///
/// # Errors
/// Usage, a model that does not load, an address that cannot be listened on.
pub fn run(args: &Serve) -> Result<Verdict> {
    log(args.log)?;
    let settings = settings(args)?;
    // Each worker finds and classifies faces on one thread: requests are what runs in parallel.
    let analyzer = |name: &String| {
        let bundle = Arc::new(Bundle::find(name)?.with_lanes(settings.threads));
        setup::analyzer(args.faces, bundle, DetectorOptions::default().with_threads(1).with_detail(args.detail))
    };
    let analyzers = args.model.iter().map(analyzer).collect::<Result<Vec<Analyzer>>>()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.threads.min(4))
        .enable_all()
        .build()
        .map_err(|e| Error::input("the service cannot start its threads").with_source(e))?;
    runtime.block_on(async { listen(args, App::with_models(analyzers, settings)?).await })?;
    Ok(Verdict::Yes)
}

async fn listen(args: &Serve, app: App) -> Result<()> {
    let cannot = |e: std::io::Error| {
        let hint = match e.kind() {
            std::io::ErrorKind::AddrInUse => "another program has the port: --port 0 takes a free one",
            std::io::ErrorKind::PermissionDenied => "ports under 1024 need rights: --port 8080",
            _ => "--host takes an address of this machine, 127.0.0.1 or 0.0.0.0 for example",
        };
        Error::input(format!("cannot listen on {}:{}", args.host, args.port)).with_source(e).with_hint(hint)
    };
    let listener = TcpListener::bind((args.host.as_str(), args.port)).await.map_err(cannot)?;
    let address: SocketAddr = listener.local_addr().map_err(cannot)?;
    // Whoever reads the address below may stop the service from then on.
    let stop = stop().map_err(|e| Error::input("signals cannot be listened to").with_source(e))?;
    let models: Vec<&str> = app.models().iter().map(|model| model.name.as_str()).collect();
    talk::note(format_args!("fervor serves {} on http://{address}/  (Ctrl-C stops it)", models.join(", ")));
    if !address.ip().is_loopback() && app.settings().api_key.is_none() {
        talk::warn("everybody who reaches this address may use the service: --api-key-file asks for a key");
    }
    fervor_serve::serve(listener, app, stop).await.map_err(cannot)
}

/// Ends at Ctrl-C or SIGTERM.
fn stop() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let [mut interrupt, mut terminate] = {
        use tokio::signal::unix::{SignalKind, signal};
        [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?]
    };
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}

fn settings(args: &Serve) -> Result<Settings> {
    let default = Settings::default();
    Ok(Settings {
        max_upload: args.max_upload,
        queue: args.queue,
        threads: args.threads.unwrap_or(default.threads),
        timeout: args.timeout,
        api_key: args.api_key_file.as_deref().map(api_key).transpose()?,
        allow_origins: args.allow_origin.clone(),
        host_names: args.host_name.clone(),
        max_connections: args.max_connections,
        rate: args.rate,
        video: args.video.then(|| VideoSettings { bytes: args.max_video, ..VideoSettings::default() }),
        package: in_browser(args)?,
    })
}

/// What the page computes with in the browser: small models first, since they are loaded over the network.
fn in_browser(args: &Serve) -> Result<Option<Arc<Package>>> {
    if args.package.is_none() && !Package::is_builtin() {
        return Ok(None);
    }
    let own = args.model.iter().filter(|name| !BROWSER_MODELS.contains(&name.as_str())).cloned();
    let models: Vec<String> = BROWSER_MODELS.into_iter().map(str::to_owned).chain(own).collect();
    page::package(args.package.as_deref(), &models).map(|package| Some(Arc::new(package)))
}

/// The key is the file's first line.
fn api_key(path: &std::path::Path) -> Result<String> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::input(format!("the key cannot be read: {}", path.display())).with_source(e))?;
    let key = text.lines().next().unwrap_or_default().trim();
    let plain = key.bytes().all(|b| b.is_ascii_graphic());
    if !plain || !(8..=Key::LONGEST).contains(&key.len()) {
        return Err(Error::input(format!("no usable key in {}", path.display())).with_hint(format!(
            "its first line must hold 8 to {} characters of ASCII without spaces, for example of `openssl rand -hex 32`",
            Key::LONGEST
        )));
    }
    Ok(key.to_owned())
}

/// Logs go to standard error: lines for people on a terminal, JSON for machines elsewhere.
fn log(format: Option<LogFormat>) -> Result<()> {
    let directives = environment::value("FERVOR_LOG").unwrap_or_else(|| "info".to_owned());
    let refused = || {
        Error::input(format!("FERVOR_LOG cannot be read: {directives:?}"))
            .with_hint("give off, error, warn, info, debug or trace, also of a part: FERVOR_LOG=warn,fervor_serve=debug")
    };
    let filter: Targets = directives.parse().map_err(|e| refused().with_source(e))?;
    // A word that is no level would be the name of a part, which alone would be heard.
    if directives.split(',').any(|word| !word.contains('=') && word.trim().parse::<LevelFilter>().is_err()) {
        return Err(refused());
    }
    let terminal = std::io::stderr().is_terminal();
    let format = format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json });
    let log = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(std::io::stderr).with_ansi(terminal);
    match format {
        LogFormat::Text => log.compact().finish().with(filter).init(),
        LogFormat::Json => log.json().flatten_event(true).finish().with(filter).init(),
    }
    Ok(())
}
