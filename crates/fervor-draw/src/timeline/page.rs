//! The report of one film: a page that holds everything but the film, which plays from where it lies.

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fervor::prediction::adjective;
use fervor::timeline::{EpisodeOptions, Timeline, TrackSummary};
use serde_json::{Value, json};

use super::{LANES_SCRIPT, LANES_STYLE};
use crate::chart::escape;
use crate::color;

/// What a page shows beside the timeline.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Page {
    /// The film's address, seen from the page: a relative path with `/`, as it is called on the disk.
    pub film: Option<String>,
    /// A small picture of each track's face, as a JPEG file's bytes.
    pub faces: BTreeMap<u64, Vec<u8>>,
    /// Files beside the page, with what is in them.
    pub files: Vec<(String, String)>,
}

/// The page as HTML: it opens from the disk, and nothing of it comes from elsewhere.
pub fn page(timeline: &Timeline, options: &EpisodeOptions, extra: &Page) -> String {
    let data = serde_json::to_string(&data(timeline, options, extra)).expect("values of ours are JSON");
    let script = format!("{}\n{}", inlined(LANES_SCRIPT), inlined(include_str!("../../page/report.js")));
    let style = format!("{}{LANES_STYLE}", include_str!("../../page/report.css"));
    let parts = [
        ("{{title}}", escape(file_name(timeline.source()))),
        ("{{style}}", style),
        // A `</script>` in a name must not end the data.
        ("{{data}}", data.replace('<', "\\u003c")),
        ("{{script}}", script),
    ];
    // Part by part: what is filled in is not looked through again.
    let mut rest = include_str!("../../page/report.html");
    let mut page = String::with_capacity(data_size(timeline) + 64 * 1024);
    while let Some(start) = rest.find("{{") {
        let (before, mark) = rest.split_at(start);
        let end = mark.find("}}").map_or(mark.len(), |end| end + 2);
        page.push_str(before);
        let text = parts.iter().find(|(name, _)| *name == &mark[..end]).map_or(&mark[..end], |(_, text)| text.as_str());
        page.push_str(text);
        rest = &mark[end..];
    }
    page.push_str(rest);
    page
}

fn data_size(timeline: &Timeline) -> usize {
    timeline.len() * 64
}

/// An ES module's text inside a page: all modules in one, so without words about each other.
fn inlined(module: &str) -> String {
    let lines = module.lines().filter(|line| !line.starts_with("import "));
    lines.fold(String::new(), |text, line| text + line.strip_prefix("export ").unwrap_or(line) + "\n")
}

fn file_name(source: &str) -> &str {
    source.rsplit(['/', '\\']).next().unwrap_or(source)
}

/// What the page's script draws: numbers in columns, so that an hour stays a few megabytes.
fn data(timeline: &Timeline, options: &EpisodeOptions, extra: &Page) -> Value {
    let labels = timeline.labels().names();
    let micro = |time: f64| (1e6 * time).round() / 1e6;
    let failed = timeline.frames().enumerate().filter_map(|(at, frame)| frame.error().map(|error| (at, &error.message)));
    let flags = fervor::quality::Flag::ALL.map(fervor::quality::Flag::name);
    let mut summaries = timeline.tracks();
    // Who is there longest comes first.
    summaries.sort_by(|a, b| b.seen_s.total_cmp(&a.seen_s));
    let episodes = timeline.episodes(options);
    let tracks: Vec<Value> = summaries
        .iter()
        .map(|summary| {
            let own: Vec<_> = episodes.iter().filter(|episode| episode.track == summary.track).collect();
            track(timeline, summary, json!(own), extra.faces.get(&summary.track))
        })
        .collect();
    json!({
        "source": timeline.source(),
        "model": timeline.model().name,
        "labels": labels,
        "words": labels.iter().map(|label| adjective(label)).collect::<Vec<_>>(),
        "colours": labels.iter().map(|label| color::of_label(label)).collect::<Vec<_>>(),
        "flagNames": flags,
        "width": timeline.size().map(|size| size.0),
        "height": timeline.size().map(|size| size.1),
        "start": micro(timeline.start()),
        "end": micro(timeline.end()),
        "times": timeline.frames().map(|frame| micro(frame.time())).collect::<Vec<_>>(),
        "indices": timeline.frames().map(|frame| frame.index()).collect::<Vec<_>>(),
        "failed": failed.collect::<Vec<_>>(),
        "tracks": tracks,
        "rule": options,
        "video": extra.film.as_deref().map(address),
        "video_name": extra.film.as_deref().map(file_name),
        "files": extra.files,
    })
}

fn track(timeline: &Timeline, summary: &TrackSummary, episodes: Value, face: Option<&Vec<u8>>) -> Value {
    let (mut at, mut boxes, mut p, mut flags) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (position, frame) in timeline.frames().enumerate() {
        for face in frame.faces().filter(|face| face.track == summary.track) {
            at.push(position);
            let bounds = face.bounds;
            boxes.extend([bounds.x, bounds.y, bounds.width, bounds.height].map(|side| side.round() as i32));
            p.extend(face.smoothed.iter().map(|p| (1000.0 * p).round() as u16));
            let bit = |(bit, flag)| u32::from(face.flags().any(|raised| raised == flag)) << bit;
            flags.push(fervor::quality::Flag::ALL.into_iter().enumerate().map(bit).sum::<u32>());
        }
    }
    let face = face.map(|jpeg| format!("data:image/jpeg;base64,{}", BASE64.encode(jpeg)));
    json!({
        "track": summary.track,
        "first_s": summary.first_s,
        "last_s": summary.last_s,
        "seen": summary.seen,
        "trusted": summary.trusted,
        "uncertain": summary.uncertain,
        "dominant": summary.dominant,
        "shares": summary.classes.iter().map(|class| class.share).collect::<Vec<_>>(),
        "episodes": episodes,
        "face": face,
        "at": at,
        "boxes": boxes,
        "p": p,
        "flags": flags,
    })
}

/// A path as an address: what a browser would read otherwise is escaped.
fn address(path: &str) -> String {
    let mut address = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => address.push(byte.into()),
            byte => write!(address, "%{byte:02X}").expect("writing to a string"),
        }
    }
    // A name with a colon before the first slash would be read as a scheme; escaped, it is a name.
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use fervor::LabelSet;
    use fervor::prediction::ModelInfo;

    fn timeline(source: &str) -> Timeline {
        let labels = LabelSet::new(["happy", "sad"]).unwrap();
        let mut timeline = Timeline::of_labels(source, ModelInfo { name: "m".into(), sha256: "0".into() }, labels);
        timeline.push(0, 0.0, &[], &[]).unwrap();
        timeline
    }

    #[test]
    fn a_page_is_whole_and_names_do_not_break_it() {
        let name = "a {{data}} <script><b>.mp4";
        let extra =
            Page { film: Some(format!("../{name}")), files: vec![("frames.csv".into(), "rows".into())], ..Page::default() };
        let page = page(&timeline(name), &EpisodeOptions::default(), &extra);
        assert_eq!(page.matches("<script").count(), 2, "those of the page itself");
        assert!(page.contains("a {{data}} &lt;script&gt;&lt;b&gt;.mp4"));
        assert!(page.contains("../a%20%7B%7Bdata%7D%7D%20%3Cscript%3E%3Cb%3E.mp4"));
        for outside in ["http://", "https://", "import ", "export ", "src=\"", "{{script}}"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn modules_inside_one_page_share_no_name() {
        let script = format!("{}{}", inlined(LANES_SCRIPT), inlined(include_str!("../../page/report.js")));
        let kinds = ["const ", "let ", "function ", "class "];
        let named = script.lines().filter_map(|line| kinds.iter().find_map(|kind| line.strip_prefix(kind)));
        let mut names: Vec<&str> = named.filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next()).collect();
        names.retain(|name| !name.is_empty());
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert!(all > 20 && names.len() == all, "{names:?}");
    }

    #[test]
    fn modules_become_one() {
        assert_eq!(inlined("import { a } from \"./b.js\";\nexport const x = 1;\n  export y\n"), "const x = 1;\n  export y\n");
    }
}
