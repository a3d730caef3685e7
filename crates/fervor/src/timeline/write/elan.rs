//! ELAN's annotation format (EAF 3.0): two tiers a track, times in milliseconds, the film beside it.

use std::io::{self, Write};

use super::text::milliseconds;
use super::textgrid::tiers;
use crate::timeline::{EpisodeOptions, Timeline};
use crate::xml::escape;

/// The type that the tiers have.
const KIND: &str = "expression";

pub(super) fn write(timeline: &Timeline, options: &EpisodeOptions, out: &mut dyn Write) -> io::Result<()> {
    // Annotations (from, to, text) of each tier, in milliseconds; ELAN wants each at least one long.
    let whole = |(from, to, text): (f64, f64, String)| {
        let from = milliseconds(from);
        (from, milliseconds(to).max(from + 1), text)
    };
    let tiers = tiers(timeline, options).into_iter();
    let tiers: Vec<(String, Vec<_>)> =
        tiers.map(|(name, intervals)| (name, intervals.into_iter().map(whole).collect())).collect();
    let mut times: Vec<u64> = tiers.iter().flat_map(|(_, all)| all.iter().flat_map(|&(from, to, _)| [from, to])).collect();
    times.sort_unstable();
    times.dedup();
    let slot = |time: &u64| times.binary_search(time).map_or(0, |index| index + 1);
    let count: usize = tiers.iter().map(|(_, all)| all.len()).sum();

    // The date is fixed: the same timeline gives the same file.
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<ANNOTATION_DOCUMENT AUTHOR="" DATE="1970-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">"#
    )?;
    let beside = || timeline.source().rsplit(['/', '\\']).next().unwrap_or_default();
    let name = timeline.path.as_deref().unwrap_or_else(beside);
    writeln!(out, "    <HEADER MEDIA_FILE=\"\" TIME_UNITS=\"milliseconds\">")?;
    writeln!(
        out,
        r#"        <MEDIA_DESCRIPTOR MEDIA_URL="{0}" MIME_TYPE="{1}" RELATIVE_MEDIA_URL="{0}"/>"#,
        escape(&address(name)),
        mime(name)
    )?;
    writeln!(out, "        <PROPERTY NAME=\"lastUsedAnnotationId\">{count}</PROPERTY>\n    </HEADER>\n    <TIME_ORDER>")?;
    for (index, time) in times.iter().enumerate() {
        writeln!(out, r#"        <TIME_SLOT TIME_SLOT_ID="ts{}" TIME_VALUE="{time}"/>"#, index + 1)?;
    }
    writeln!(out, "    </TIME_ORDER>")?;
    let mut number = 0;
    for (name, annotations) in &tiers {
        writeln!(out, r#"    <TIER LINGUISTIC_TYPE_REF="{KIND}" TIER_ID="{}">"#, escape(name))?;
        for (from, to, text) in annotations {
            number += 1;
            writeln!(
                out,
                "        <ANNOTATION>\n            <ALIGNABLE_ANNOTATION ANNOTATION_ID=\"a{number}\" TIME_SLOT_REF1=\"ts{}\" \
                 TIME_SLOT_REF2=\"ts{}\">\n                <ANNOTATION_VALUE>{}</ANNOTATION_VALUE>\n            \
                 </ALIGNABLE_ANNOTATION>\n        </ANNOTATION>",
                slot(from),
                slot(to),
                escape(text)
            )?;
        }
        writeln!(out, "    </TIER>")?;
    }
    writeln!(out, r#"    <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="{KIND}" TIME_ALIGNABLE="true"/>"#)?;
    writeln!(out, "</ANNOTATION_DOCUMENT>")
}

/// A path as a relative address.
fn address(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    let part = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    let address: String = path.bytes().map(part).collect();
    if address.starts_with("../") { address } else { format!("./{address}") }
}

/// What ELAN calls a film by its ending.
fn mime(name: &str) -> &'static str {
    let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "mp4" | "m4v" => "video/mp4",
        "mov" | "qt" => "video/quicktime",
        "mpg" | "mpeg" => "video/mpeg",
        _ => "video/*",
    }
}
