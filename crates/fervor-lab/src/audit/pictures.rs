//! What is wrong with single pictures, told from their measures.

use std::collections::HashMap;

use super::facts::Facts;
use super::value::{Finding, FindingKind, Item, Level};
use super::words::{counted, item};
use crate::dataset::Dataset;

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
    let mut found = vec![
        look.find(
            FindingKind::Blank,
            Level::Error,
            ["picture is blank", "pictures are blank"],
            "One colour and nothing else: whatever its label says, nothing can be learnt from it.",
            blank,
            |f| (f64::from(f.brightness), format!("grey {:.0} everywhere", f.brightness)),
        ),
        look.find(
            FindingKind::Flat,
            Level::Warning,
            ["picture has hardly any contrast", "pictures have hardly any contrast"],
            "The grey values spread by less than 6 (standard deviation).",
            flat,
            |f| (f64::from(f.contrast), format!("contrast {:.1}", f.contrast)),
        ),
        look.find(
            FindingKind::TooSmall,
            Level::Warning,
            ["picture is too small", "pictures are too small"],
            "Under 24 pixels a side a face shows no expression.",
            |f| f.width.min(f.height) < SMALL_SIDE,
            |f| (f64::from(f.width.min(f.height)), size(f)),
        ),
        look.find(
            FindingKind::AbsurdSize,
            Level::Warning,
            ["picture has an absurd size", "pictures have an absurd size"],
            "A side over 6,000 pixels costs time and helps no network; a strip over 4 : 1 is squeezed beyond recognition.",
            |f| f.width.max(f.height) > HUGE_SIDE || strip(f),
            |f| (f64::from(f.width.max(f.height)), size(f)),
        ),
        look.find(
            FindingKind::Dark,
            Level::Warning,
            ["picture is very dark", "pictures are very dark"],
            "The mean grey value is under 28 of 255.",
            |f| judged(f) && f.brightness < DARK,
            |f| (f64::from(f.brightness), format!("mean {:.0}", f.brightness)),
        ),
        look.find(
            FindingKind::Bright,
            Level::Warning,
            ["picture is very bright", "pictures are very bright"],
            "The mean grey value is over 225 of 255.",
            |f| judged(f) && f.brightness > BRIGHT,
            |f| (-f64::from(f.brightness), format!("mean {:.0}", f.brightness)),
        ),
        look.find(
            FindingKind::Blurred,
            Level::Warning,
            ["picture is blurred", "pictures are blurred"],
            "Hardly any edges even at 64 pixels a side: the variance of the Laplacian is under 5 % of that of the grey values.",
            |f| judged(f) && f.sharpness < BLURRED,
            |f| (f64::from(f.sharpness), format!("sharpness {:.3}", f.sharpness)),
        ),
    ];
    found.push(look.odd_sizes());
    found.push(look.odd_colors());
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
    fn find(
        &self,
        kind: FindingKind,
        level: Level,
        [one, many]: [&str; 2],
        reason: &str,
        wrong: impl Fn(&Facts) -> bool,
        told: impl Fn(&Facts) -> (f64, String),
    ) -> Option<Finding> {
        let mut items: Vec<(f64, Item)> = (0..self.facts.len())
            .filter(|&index| wrong(&self.facts[index]))
            .map(|index| {
                let (value, detail) = told(&self.facts[index]);
                (value, Item { detail, value: Some(value.abs()), ..item(self.dataset, index) })
            })
            .collect();
        items.sort_by(|a, b| a.0.total_cmp(&b.0));
        let command = (kind == FindingKind::Blank).then(|| "fervor audit DATA --fix OUT".to_owned());
        let title = counted(items.len(), one, many);
        let items: Vec<Item> = items.into_iter().map(|(_, item)| item).collect();
        (!items.is_empty()).then(|| Finding { kind, level, title, reason: reason.to_owned(), command, items, groups: Vec::new() })
    }

    fn odd_sizes(&self) -> Option<Finding> {
        let mut counts: HashMap<(u32, u32), usize> = HashMap::new();
        self.facts.iter().for_each(|f| *counts.entry((f.width, f.height)).or_default() += 1);
        let (&(width, height), &most) = counts.iter().max_by_key(|&(size, count)| (count, *size))?;
        if (most as f64) < USUAL * self.facts.len() as f64 {
            return None;
        }
        self.find(
            FindingKind::OddSize,
            Level::Info,
            ["picture has another size than the others", "pictures have another size than the others"],
            &format!("{most} pictures are {width} x {height}."),
            |f| (f.width, f.height) != (width, height),
            |f| (f64::from(f.width) * f64::from(f.height), size(f)),
        )
    }

    fn odd_colors(&self) -> Option<Finding> {
        let gray = self.facts.iter().filter(|f| f.gray).count();
        let usual = |count: usize| count as f64 >= USUAL * self.facts.len() as f64;
        let kind = FindingKind::OddColor;
        if usual(gray) {
            let names = ["picture has colour in a grey set", "pictures have colour in a grey set"];
            let reason = "A network can tell classes by the kind of picture instead of by the face.";
            self.find(kind, Level::Info, names, reason, |f| !f.gray, |_| (0.0, "colour".to_owned()))
        } else if usual(self.facts.len() - gray) {
            let names = ["picture is grey in a colour set", "pictures are grey in a colour set"];
            let reason = "A network can tell classes by the kind of picture instead of by the face.";
            self.find(kind, Level::Info, names, reason, |f| f.gray, |_| (0.0, "grey".to_owned()))
        } else {
            None
        }
    }
}
