//! A bundle that computes in whole numbers: activations of seven bits, weights of eight.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Bundle, Card};
use crate::error::{Error, Reason, Result};
use crate::preprocess::Chip;
use crate::runtime::Graph;

/// How far golden logits of whole numbers may differ between two processors, relative to `1 + |logit|`: their sums are exact, but
/// what enters the first of them is not, and may fall on the other side of half a step.
pub(super) const TOLERANCE: f32 = 0.05;

/// Of all values, these shares are tried as what the steps have to reach; what lies beyond counts as the greatest.
const SHARES: [f64; 5] = [1.0, 0.9999, 0.9995, 0.998, 0.995];

/// Bins of a map's values.
const BINS: usize = 4096;

/// The steps in which a network's maps are counted (Jacob et al., "Quantization and training of neural networks for efficient
/// integer-arithmetic-only inference", 2018), and what it answers with them. The weights stay what they are; a program that does
/// not know of this answers with them as they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EightBit {
    /// For each map that a convolution reads in whole numbers, by its name in the graph: the number that 127 steps are.
    pub greatest: BTreeMap<String, f32>,
    /// The logits for [`Preprocess::golden_chip`](crate::Preprocess::golden_chip).
    pub golden: Vec<f32>,
}

impl EightBit {
    pub(super) fn check(&self, outputs: usize) -> Result<()> {
        if let Some((name, greatest)) = self.greatest.iter().find(|(_, greatest)| !(greatest.is_finite() && **greatest > 0.0)) {
            return Err(Error::model(format!("the card's greatest number of the map {name} must be above 0, it is {greatest}")));
        }
        if self.golden.len() != outputs {
            let found = self.golden.len();
            return Err(Error::model(format!("the card holds {found} golden logits of 8 bits, the network gives {outputs}"))
                .because(Reason::Mismatch));
        }
        Ok(())
    }
}

/// What the numbers of a map were.
struct Values {
    greatest: f32,
    least: f32,
    /// How many fell into each of [`BINS`] equal parts from 0 to the greatest; zeros are not counted.
    counts: Vec<u64>,
}

impl Values {
    /// The number that this share of the values does not exceed.
    fn reach(&self, share: f64) -> f32 {
        let all: u64 = self.counts.iter().sum();
        let wanted = (share * all as f64).ceil() as u64;
        let mut seen = 0;
        let bin = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        self.greatest * (bin.map_or(BINS, |bin| bin + 1)) as f32 / BINS as f32
    }
}

impl Bundle {
    /// The same bundle, computing in 8 bits: the steps of its maps are fitted to what the network makes of these chips, 200 or
    /// more of the kind that it will see. Flags, temperature and sets should be fitted again afterwards.
    ///
    /// # Errors
    /// [`Model`](crate::ErrorKind::Model): the network is not one that our own kernels run ([`Reason::Unsupported`]).
    /// [`Input`](crate::ErrorKind::Input): no chips.
    pub fn in_eight_bits(&self, chips: &[Chip]) -> Result<Self> {
        if chips.is_empty() {
            return Err(
                Error::input("the steps of an 8-bit network are fitted to pictures, and there are none").because(Reason::Empty)
            );
        }
        let plain = if self.card.eight_bit.is_some() { &self.with_card(|card| card.eight_bit = None)? } else { self };
        let maps = plain.maps(chips)?;
        let exact = plain.head_logits(chips)?;
        let names: Vec<&String> = maps.keys().collect();
        let steps = |shares: &[f64]| -> BTreeMap<String, f32> {
            names.iter().zip(shares).map(|(name, share)| ((*name).clone(), maps[*name].reach(*share))).collect()
        };
        // First one share for all maps, then map by map whatever is better still.
        let mut best = (f64::INFINITY, Vec::new());
        for share in SHARES {
            let shares = vec![share; names.len()];
            let error = plain.error_of(&steps(&shares), chips, &exact)?;
            if error < best.0 {
                best = (error, shares);
            }
        }
        for place in 0..names.len() {
            for share in SHARES {
                let mut shares = best.1.clone();
                if std::mem::replace(&mut shares[place], share) == share {
                    continue;
                }
                let error = plain.error_of(&steps(&shares), chips, &exact)?;
                if error < best.0 {
                    best = (error, shares);
                }
            }
        }
        let greatest = steps(&best.1);
        let golden = plain.view(&plain.whole(&greatest)?, &[plain.card.preprocess.golden_chip()])?.concat();
        plain.with_card(|card| card.eight_bit = Some(EightBit { greatest, golden }))
    }

    /// The squared distance of the logits with these steps from the exact ones, over all chips.
    fn error_of(&self, greatest: &BTreeMap<String, f32>, chips: &[Chip], exact: &[Vec<f32>]) -> Result<f64> {
        let whole = self.whole(greatest)?;
        let mut error = 0.0;
        for (chips, exact) in chips.chunks(super::BATCH).zip(exact.chunks(super::BATCH)) {
            for (found, exact) in self.view(&whole, chips)?.iter().zip(exact) {
                error += found.iter().zip(exact).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
            }
        }
        Ok(error)
    }

    /// The network as it runs with these steps.
    fn whole(&self, greatest: &BTreeMap<String, f32>) -> Result<Graph> {
        Graph::load_eight_bit(&self.bytes, greatest)?.ok_or_else(unsupported)
    }

    /// The values of each map that convolutions can read in whole numbers: none of theirs is negative.
    fn maps(&self, chips: &[Chip]) -> Result<BTreeMap<String, Values>> {
        let mut maps: BTreeMap<String, Values> = BTreeMap::new();
        self.observe(chips, &mut |name, values| {
            let new = || Values { greatest: 0.0, least: 0.0, counts: vec![0; BINS] };
            let map = maps.entry(name.to_owned()).or_insert_with(new);
            let ends = values.iter().fold((map.least, map.greatest), |(least, most), v| (least.min(*v), most.max(*v)));
            (map.least, map.greatest) = ends;
        })?;
        maps.retain(|_, map| map.least >= 0.0 && map.greatest > 0.0);
        if maps.is_empty() {
            return Err(unsupported());
        }
        self.observe(chips, &mut |name, values| {
            let Some(map) = maps.get_mut(name) else { return };
            for value in values.iter().filter(|value| **value > 0.0) {
                map.counts[((value / map.greatest * BINS as f32) as usize).min(BINS - 1)] += 1;
            }
        })?;
        Ok(maps)
    }

    fn observe(&self, chips: &[Chip], tell: &mut dyn FnMut(&str, &[f32])) -> Result<()> {
        for batch in chips.chunks(super::BATCH) {
            let (shape, values) = self.input(batch)?;
            if !self.graph.observe(shape, &values, tell)? {
                return Err(unsupported());
            }
        }
        Ok(())
    }
}

fn unsupported() -> Error {
    Error::model("the network cannot run in 8 bits: it holds more than convolutions, ReLU, sums and poolings of maps in fours")
        .because(Reason::Unsupported)
        .with_hint("leave its numbers as they are")
}

/// The logits that a network on our own kernels has to give, and how near.
pub(super) fn golden(card: &Card) -> (&[f32], f32) {
    match &card.eight_bit {
        Some(eight_bit) => (&eight_bit.golden, TOLERANCE),
        None => (&card.golden.logits, super::GOLDEN_TOLERANCE),
    }
}
