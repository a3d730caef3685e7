//! Near-duplicates: altered copies of one picture. Hashes of low frequencies propose pairs through an index, aligned
//! correlation of the thumbnails decides, and what is linked is one group.

mod hash;
mod index;
mod verify;
mod view;

use std::cmp::Reverse;
use std::collections::HashMap;

use rayon::prelude::*;

use super::copies::Copies;
use super::facts::{Facts, SIDE};
use crate::dataset::{Dataset, members_by_hash};
use crate::sets::Sets;
use hash::{Hasher, Signature};
use index::{Candidate, Index};
use verify::Verifier;

/// Correlation from which on two pictures are copies of each other; `tools/reference/near_copies.py` measures what it finds.
pub const SIMILARITY: f32 = 0.85;

/// Under this deviation of grey values a thumbnail is mostly rounding.
const LEAST_CONTRAST: f32 = 3.0;

/// Two pictures that are copies of each other.
struct Link {
    a: usize,
    b: usize,
    similarity: f32,
    alteration: &'static str,
}

/// The groups of samples that hold at least two different pictures which are altered copies of each other. A group's first member
/// has no detail; the others have the likeness to the member that they resemble most.
pub(super) fn groups(dataset: &Dataset, facts: &[Facts], similarity: f32) -> Vec<Copies> {
    // One sample stands for all with its pixels.
    let distinct: Vec<Vec<usize>> = members_by_hash(dataset)
        .into_iter()
        .filter_map(|(_, mut members)| {
            members.retain(|&member| facts[member].contrast >= LEAST_CONTRAST);
            (!members.is_empty()).then_some(members)
        })
        .collect();
    let thumbnails: Vec<&[u8; SIDE * SIDE]> = distinct.iter().map(|members| &*facts[members[0]].thumbnail).collect();
    let inner: Vec<&[[u8; SIDE * SIDE]]> = distinct.iter().map(|members| &*facts[members[0]].inner).collect();
    let links = links(&thumbnails, &inner, similarity);

    let mut sets = Sets::new(distinct.len());
    links.iter().for_each(|link| sets.join(link.a, link.b));
    let mut best: Vec<Option<&Link>> = vec![None; distinct.len()];
    for link in &links {
        for end in [link.a, link.b] {
            if best[end].is_none_or(|known| known.similarity < link.similarity) {
                best[end] = Some(link);
            }
        }
    }
    let mut found: HashMap<usize, Vec<usize>> = HashMap::new();
    for (place, link) in best.iter().enumerate() {
        if link.is_some() {
            found.entry(sets.root(place)).or_default().push(place);
        }
    }
    let mut groups: Vec<Copies> = found
        .into_values()
        .map(|places| {
            let mut members: Vec<(usize, (String, f64))> = Vec::new();
            let mut least = 1.0_f64;
            for place in places {
                let link = best[place].expect("only linked places are in a group");
                least = least.min(link.similarity.into());
                for (nth, &member) in distinct[place].iter().enumerate() {
                    let copy = (if nth == 0 { link.alteration } else { "exact copy" }).to_owned();
                    let similarity = if nth == 0 { f64::from(link.similarity) } else { 1.0 };
                    members.push((member, (copy, similarity)));
                }
            }
            members.sort_by_key(|(member, _)| *member);
            members[0].1 = (String::new(), 1.0);
            let (members, details) = members.into_iter().unzip();
            Copies { members, similarity: least, details }
        })
        .collect();
    groups.sort_unstable_by_key(|group| group.members[0]);
    groups
}

/// The pairs of thumbnails that are at least so alike.
fn links(thumbnails: &[&[u8; SIDE * SIDE]], inner: &[&[[u8; SIDE * SIDE]]], similarity: f32) -> Vec<Link> {
    let hasher = Hasher::fit(thumbnails);
    let signatures: Vec<Signature> = thumbnails.par_iter().map(|thumbnail| hasher.signature(thumbnail)).collect();
    let index = Index::new(signatures);
    let verifier = Verifier::new(similarity);
    thumbnails
        .par_iter()
        .enumerate()
        .map_init(Vec::new, |candidates: &mut Vec<Candidate>, (a, thumbnail)| {
            candidates.clear();
            hasher.queries(thumbnail, |variant, query| index.look_up(variant, query, a, candidates));
            // Of several ways to come to one picture, the nearest few.
            candidates.sort_unstable_by_key(|candidate| (candidate.place, Reverse(candidate.alike), candidate.variant));
            candidates.dedup_by_key(|candidate| (candidate.place, candidate.variant));
            let mut links = Vec::new();
            for of_one in candidates.chunk_by(|x, y| x.place == y.place) {
                let b = of_one[0].place as usize;
                let alignments = of_one.iter().map(|candidate| hash::VARIANTS[candidate.variant as usize]);
                if let Some((similarity, alteration)) = verifier.compare(thumbnail, thumbnails[b], alignments.take(2)) {
                    links.push(Link { a, b, similarity, alteration });
                }
            }
            for (view, alteration) in view::of(thumbnail, inner[a]) {
                candidates.clear();
                // As a variant that is not the first, so that earlier pictures are found, too.
                index.look_up(1, &hasher.signature(&view), a, candidates);
                candidates.sort_unstable_by_key(|candidate| (candidate.place, Reverse(candidate.alike)));
                candidates.dedup_by_key(|candidate| candidate.place);
                for b in candidates.iter().map(|candidate| candidate.place as usize) {
                    if let Some((similarity, _)) = verifier.compare(&view, thumbnails[b], [hash::VARIANTS[0]].into_iter()) {
                        links.push(Link { a, b, similarity, alteration });
                    }
                }
            }
            links
        })
        .flatten_iter()
        .collect()
}
