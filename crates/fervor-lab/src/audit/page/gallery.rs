//! A finding's pictures: single ones in a grid, copies side by side in their groups, files as a list.

use crate::audit::source::PictureSource;
use crate::audit::value::{Finding, Group, Item};
use crate::audit::words::one_line;
use crate::report::page::inline;
use crate::words::{thousands, whole_percent};
use fervor::error::Result;
use fervor_draw::chart::escape;

/// Single pictures, groups, members of a group, and lines that a page shows of one finding.
const SINGLE: usize = 36;
const GROUPS: usize = 16;
const MEMBERS: usize = 8;
const LINES: usize = 24;

/// The gallery of a finding; empty where it has nothing to show.
///
/// # Errors
/// Only where a picture cannot be encoded.
pub(super) fn of(finding: &Finding, pictures: PictureSource) -> Result<String> {
    if !finding.groups.is_empty() {
        return groups(finding, pictures);
    }
    // Files that cannot be read, folders and the like have no picture.
    let visible = finding.items.iter().take(SINGLE).any(|item| item.label.is_some());
    if !visible {
        return Ok(lines(&finding.items));
    }
    let mut out = String::from("<div class=\"gallery small\">\n");
    for item in finding.items.iter().take(SINGLE) {
        out += &figure(item, pictures)?;
    }
    out += "</div>\n";
    out += &more(finding.items.len(), SINGLE);
    Ok(out)
}

fn groups(finding: &Finding, pictures: PictureSource) -> Result<String> {
    let mut out = String::from("<div class=\"groups\">\n");
    for (group, members) in finding.grouped().take(GROUPS) {
        out += &format!("<div class=\"group\"><div class=\"note\">{}</div><div class=\"members\">\n", escape(&said_of(group)));
        for item in members.iter().take(MEMBERS) {
            out += &figure(item, pictures)?;
        }
        out += "</div>";
        out += &more(members.len(), MEMBERS);
        out += "</div>\n";
    }
    out += "</div>\n";
    out += &more(finding.groups.len(), GROUPS);
    out += &lines(finding.ungrouped());
    Ok(out)
}

/// "3 copies, 97 % alike, labels differ".
fn said_of(group: &Group) -> String {
    let mut parts = vec![format!("{} pictures", thousands(group.len))];
    if group.similarity < 1.0 {
        parts.push(format!("{} alike", whole_percent(group.similarity)));
    }
    for (is, word) in [(group.conflicting, "labels differ"), (group.across_splits, "across splits")] {
        if is {
            parts.push(word.to_owned());
        }
    }
    parts.join(", ")
}

fn figure(item: &Item, pictures: PictureSource) -> Result<String> {
    let shot = match pictures(&item.id) {
        Some(picture) => inline(&picture)?,
        None => "<span class=\"muted\">no picture</span>".to_owned(),
    };
    let label = match (&item.label, &item.suggestion) {
        (Some(label), Some(better)) => format!("{label} → {better}"),
        (Some(label), None) => label.clone(),
        (None, _) => String::new(),
    };
    let mut notes = Vec::new();
    if let Some(split) = item.split {
        notes.push(split.name().to_owned());
    }
    if !item.detail.is_empty() {
        notes.push(one_line(&item.detail));
    }
    let id = one_line(&item.id);
    let name = id.rsplit('/').next().unwrap_or(&id);
    Ok(format!(
        "<figure><div class=\"shot\">{shot}</div><figcaption><strong>{}</strong><span>{}</span><span title=\"{}\">{}</span></figcaption></figure>\n",
        escape(&label),
        escape(&notes.join(", ")),
        escape(&id),
        escape(name)
    ))
}

fn lines(items: &[Item]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let mut out = String::from("<div class=\"scroll\"><table>\n");
    for item in items.iter().take(LINES) {
        out += &format!(
            "<tr><td class=\"wrap\"><code>{}</code></td><td class=\"wrap muted\">{}</td></tr>\n",
            escape(&one_line(&item.id)),
            escape(&one_line(&item.detail))
        );
    }
    out += "</table></div>\n";
    out + &more(items.len(), LINES)
}

fn more(count: usize, shown: usize) -> String {
    match count.saturating_sub(shown) {
        0 => String::new(),
        rest => format!("<p class=\"muted more\">and {} more, all of them in audit.json</p>\n", thousands(rest)),
    }
}
