//! Tar archives as sources of pictures: their members, and the links among these.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use fervor::error::{Error, Reason, Result};
use tar::EntryType;

use super::far::{Opened, Seeks};
use super::plan::is_picture;

/// So many links may lead to each other before they count as a circle, as on Linux.
const MOST_LINKS: usize = 40;

/// An entry on the way through an archive.
type Found<'a> = tar::Entry<'a, Box<dyn Seeks>>;

/// What stands in an archive.
pub(super) enum Member {
    /// A picture: its name, where its bytes begin, how many there are.
    Picture(String, u64, u64),
    /// What should be one and cannot be read: its name, and why.
    Refused(String, Error),
    /// Something else.
    Other,
}

/// Hands out the members of a tar archive in their order, links after all others. The archive is walked through a second time if
/// it has links; they are what is held in memory.
///
/// # Errors
/// It cannot be read, or not to its end; and what `found` fails with, as what it is.
pub(super) fn members(
    archive: &Opened,
    path: &Path,
    found: &mut dyn FnMut(Member) -> Result<()>,
) -> std::result::Result<(), Stopped> {
    let (mut seen, mut links) = (0, Vec::new());
    let walked = each(archive, path, &mut |entry| {
        seen += 1;
        let name = name(entry);
        found(match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {
                let (place, size) = (entry.raw_file_position(), entry.size());
                match !is_hidden(&name) && is_picture(&name, &start(entry)) {
                    true => Member::Picture(name, place, size),
                    false => Member::Other,
                }
            }
            EntryType::Link | EntryType::Symlink if !is_hidden(&name) => {
                links.push(Link::of(entry, name));
                return Ok(());
            }
            EntryType::GNUSparse if !is_hidden(&name) && is_picture(&name, &[]) => {
                let error = Error::input("a sparse member is not read: pack it without --sparse");
                Member::Refused(name, error.because(Reason::Unsupported))
            }
            EntryType::Link | EntryType::Symlink | EntryType::GNUSparse => Member::Other,
            EntryType::Char | EntryType::Block | EntryType::Fifo => Member::Other,
            // Folders, and what archives say of themselves.
            _ => return Ok(()),
        })
    });
    if let Err(Stopped::ByCaller(_)) = walked {
        return walked;
    }
    let again = if links.is_empty() { Ok(()) } else { linked(archive, path, links, found) };
    if let Err(Stopped::ByCaller(_)) = again {
        return again;
    }
    walked.and(again)?;
    if seen == 0 {
        return Err(Error::input("the archive holds nothing").because(Reason::Empty).context(path.display()).into());
    }
    Ok(())
}

/// Hands out what links lead to, each as a member of its own.
fn linked(
    archive: &Opened,
    path: &Path,
    links: Vec<Link>,
    found: &mut dyn FnMut(Member) -> Result<()>,
) -> std::result::Result<(), Stopped> {
    let mut targets: HashMap<&str, Option<Target>> = links.iter().filter_map(|link| Some((link.to.as_deref()?, None))).collect();
    let walked = each(archive, path, &mut |entry| {
        if matches!(entry.header().entry_type(), EntryType::Regular | EntryType::Continuous)
            && let Some(target) = targets.get_mut(plain(&name(entry)).as_str())
        {
            let (place, size) = (entry.raw_file_position(), entry.size());
            *target = Some(Target { place, size, is_picture: is_picture("", &start(entry)) });
        }
        Ok(())
    });
    let by_name: HashMap<String, &Link> = links.iter().map(|link| (plain(&link.name), link)).collect();
    for link in &links {
        let mut to = link.to.as_deref();
        let mut target = None;
        for _ in 0..MOST_LINKS {
            target = to.and_then(|to| targets.get(to)?.as_ref());
            to = match target {
                None => to.and_then(|to| by_name.get(to)?.to.as_deref()),
                Some(_) => break,
            };
        }
        let by_name = is_picture(&link.name, &[]);
        found(match target {
            Some(target) if by_name || target.is_picture => Member::Picture(link.name.clone(), target.place, target.size),
            None if by_name => {
                let what = if to.is_some() { "a link that leads back to itself" } else { "a link to what is not in the archive" };
                let error = Error::input(format!("{what}: {}", link.said));
                Member::Refused(link.name.clone(), error.because(Reason::BrokenLink))
            }
            _ => Member::Other,
        })
        .map_err(Stopped::ByCaller)?;
    }
    walked
}

/// A link among the members.
struct Link {
    name: String,
    /// Where it leads, as it stands there.
    said: String,
    /// The name of the member that it leads to; `None` outside of the archive.
    to: Option<String>,
}

impl Link {
    fn of(entry: &Found, name: String) -> Self {
        let said = entry.link_name_bytes().map(|to| String::from_utf8_lossy(&to).into_owned()).unwrap_or_default();
        let to = match entry.header().entry_type() {
            // These are told from the archive's root, symbolic ones from their own folder.
            EntryType::Link => inside("", &said),
            _ if said.starts_with('/') => None,
            _ => {
                let name = plain(&name);
                inside(name.rsplit_once('/').map_or("", |(folder, _)| folder), &said)
            }
        };
        Self { name, said, to }
    }
}

/// A member that a link leads to.
struct Target {
    place: u64,
    size: u64,
    /// By its content.
    is_picture: bool,
}

/// A path from a folder, without dots; `None` where it leads out of the archive or to its root.
fn inside(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// A member's name as links have it: `./a.jpg` is `a.jpg`.
fn plain(name: &str) -> String {
    inside("", name).unwrap_or_else(|| name.to_owned())
}

fn name(entry: &Found) -> String {
    String::from_utf8_lossy(&entry.path_bytes()).into_owned()
}

/// Hidden members are what systems leave: ._a.jpg and the like.
fn is_hidden(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|name| name.starts_with('.'))
}

/// The first bytes of a member, by which pictures are known.
fn start(entry: &mut Found) -> Vec<u8> {
    let mut start = Vec::new();
    let _ = entry.by_ref().take(512).read_to_end(&mut start);
    start
}

/// What an archive is made of.
const BLOCK: u64 = 512;

/// Walks through an archive.
fn each(archive: &Opened, path: &Path, met: &mut dyn FnMut(&mut Found) -> Result<()>) -> std::result::Result<(), Stopped> {
    let cannot = |e: std::io::Error| Error::input("the archive cannot be read").with_source(e).context(path.display());
    let mut members = tar::Archive::new(archive.cursor().map_err(cannot)?);
    // Archives that were put together one behind the other have an end mark between them.
    members.set_ignore_zeros(true);
    let mut end = 0;
    for entry in members.entries_with_seek().map_err(cannot)? {
        let mut entry = match entry {
            Ok(entry) => entry,
            // What is no archive behind an archive's end is nobody's.
            Err(_) if is_end_mark(archive, end) => break,
            Err(e) => return Err(damaged(path, e).into()),
        };
        end = (entry.raw_file_position() + entry.size()).next_multiple_of(BLOCK);
        met(&mut entry).map_err(Stopped::ByCaller)?;
    }
    Ok(())
}

/// Whether an archive ends here: with a block of zeros.
fn is_end_mark(archive: &Opened, place: u64) -> bool {
    archive.range(place..place.saturating_add(BLOCK)).is_ok_and(|block| block.iter().all(|&byte| byte == 0))
}

/// Why there are no more members.
pub(super) enum Stopped {
    Broken(Error),
    ByCaller(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

fn damaged(path: &Path, error: std::io::Error) -> Error {
    Error::input("no tar archive, or damaged from here on").because(Reason::Damaged).with_source(error).context(path.display())
}
