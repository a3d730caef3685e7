//! What is wrong with single pictures, told from their measures.

use std::collections::HashMap;

use super::facts::Facts;
use super::kind::FindingKind;
use super::value::{Finding, Item};
use super::words::item;
use crate::dataset::Dataset;
use crate::words::counted;

/// Grey values between the darkest and the brightest that compression leaves of one colour.
const BLANK_RANGE: u8 = 2;
/// Standard deviation of grey values: of FER-2013's 32,286 pictures that are not blank, 2 lie below.
const FLAT: f32 = 6.0;
/// Mean grey values: about 1 in 1,000 of FER-2013's pictures lies outside on either side.
const DARK: f32 = 28.0;
const BRIGHT: f32 = 225.0;
/// See [`Facts::sharpness`]; FER-2013's median is 0.70, and 0.10 bounds its least 1 in 1,000.
const BLURRED: f32 = 0.05;
/// Pixels of the shorter side under which a face has no expression left.
const SMALL_SIDE: u32 = 24;
const HUGE_SIDE: u32 = 6_000;
/// The longer side over the shorter one.
const STRIP: f64 = 4.0;
/// From this share of the pictures on, a size or a colour is that of the set.
const USUAL: f64 = 0.8;

pub(super) fn is_blank(facts: &Facts) -> bool {
    facts.range <= BLANK_RANGE
}

pub(super) fn findings(dataset: &Dataset, facts: &[Facts]) -> Vec<Finding> {
    let look = Look { dataset, facts };
    let blank = |f: &Facts| is_blank(f);
    let flat = |f: &Facts| !is_blank(f) && f.contrast < FLAT;
    let judged = move |f: &Facts| !is_blank(f) && f.contrast >= FLAT;
    let strip = |f: &Facts| f64::from(f.width.max(f.height)) / f64::from(f.width.min(f.height)) > STRIP;
    let found = [
        look.find(FindingKind::Blank, blank, |f| (f64::from(f.brightness), format!("grey {:.0} everywhere", f.brightness))),
        look.find(FindingKind::Flat, flat, |f| (f64::from(f.contrast), format!("contrast {:.1}", f.contrast))),
        look.find(FindingKind::TooSmall, |f| f.width.min(f.height) < SMALL_SIDE, |f| (f64::from(f.width.min(f.height)), size(f))),
        look.find(
            FindingKind::AbsurdSize,
            |f| f.width.max(f.height) > HUGE_SIDE || strip(f),
            |f| (f64::from(f.width.max(f.height)), size(f)),
        ),
        look.find(
            FindingKind::Dark,
            |f| judged(f) && f.brightness < DARK,
            |f| (f64::from(f.brightness), format!("mean {:.0}", f.brightness)),
        ),
        look.find(
            FindingKind::Bright,
            |f| judged(f) && f.brightness > BRIGHT,
            |f| (-f64::from(f.brightness), format!("mean {:.0}", f.brightness)),
        ),
        look.find(
            FindingKind::Blurred,
            |f| judged(f) && f.sharpness < BLURRED,
            |f| (f64::from(f.sharpness), format!("sharpness {:.3}", f.sharpness)),
        ),
        look.odd_sizes(),
        look.odd_colors(),
    ];
    found.into_iter().flatten().collect()
}

fn size(facts: &Facts) -> String {
    format!("{} x {}", facts.width, facts.height)
}

struct Look<'a> {
    dataset: &'a Dataset,
    facts: &'a [Facts],
}

impl Look<'_> {
    /// The pictures that are `wrong`, sorted by what `told` measures.
    fn find(&self, kind: FindingKind, wrong: impl Fn(&Facts) -> bool, told: impl Fn(&Facts) -> (f64, String)) -> Option<Finding> {
        let mut items: Vec<(f64, Item)> = (0..self.facts.len())
            .filter(|&index| wrong(&self.facts[index]))
            .map(|index| {
                let (value, detail) = told(&self.facts[index]);
                (value, Item { detail, value: Some(value.abs()), ..item(self.dataset, index) })
            })
            .collect();
        items.sort_by(|a, b| a.0.total_cmp(&b.0));
        Finding::if_any(kind, items.into_iter().map(|(_, item)| item).collect())
    }

    fn odd_sizes(&self) -> Option<Finding> {
        let mut counts: HashMap<(u32, u32), usize> = HashMap::new();
        self.facts.iter().for_each(|f| *counts.entry((f.width, f.height)).or_default() += 1);
        let (&(width, height), &most) = counts.iter().max_by_key(|&(size, count)| (count, *size))?;
        if (most as f64) < USUAL * self.facts.len() as f64 {
            return None;
        }
        let odd = |f: &Facts| (f.width, f.height) != (width, height);
        let found = self.find(FindingKind::OddSize, odd, |f| (f64::from(f.width) * f64::from(f.height), size(f)));
        found.map(|finding| Finding { reason: format!("{most} pictures are {width} x {height}."), ..finding })
    }

    fn odd_colors(&self) -> Option<Finding> {
        let gray = self.facts.iter().filter(|f| f.gray).count();
        let usual = |count: usize| count as f64 >= USUAL * self.facts.len() as f64;
        let (odd_is_gray, detail, [one, many]) = if usual(gray) {
            (false, "colour", ["picture has colour in a grey set", "pictures have colour in a grey set"])
        } else if usual(self.facts.len() - gray) {
            (true, "grey", ["picture is grey in a colour set", "pictures are grey in a colour set"])
        } else {
            return None;
        };
        let found = self.find(FindingKind::OddColor, |f| f.gray == odd_is_gray, |_| (0.0, detail.to_owned()));
        found.map(|finding| Finding { title: counted(finding.items.len(), one, many), ..finding })
    }
}
