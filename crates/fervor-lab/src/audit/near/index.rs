//! Finds signatures that differ in few bits without comparing all pairs: multi-index hashing (Norouzi, Punjani and Fleet 2012)
//! with probes that flip the least certain bits first (Lv et al. 2007, "Multi-Probe LSH").

use super::hash::{BITS, Signature};

/// A signature has so many keys, one from each quarter on; two signatures with few different bits agree in one of them, or nearly.
const TABLES: usize = 4;
/// Bits of a key: a quarter's own for up to [`USUAL_PICTURES`], then one more for each doubling, which go over into the next
/// quarter. So a bucket holds as many pictures in a large set as in a small one, and the work grows with their number.
const KEY_BITS: usize = BITS / TABLES;
const MOST_KEY_BITS: usize = 24;
const USUAL_PICTURES: usize = 1 << 15;
/// Bits of a key that are tried both ways.
const FLIPPED: usize = 4;
/// Pictures whose signatures differ in more bits are no candidates.
const MOST_DIFFERENT: u32 = 16;
/// Nor are those whose margins correlate less, in parts of [`UNIT`] squared.
const LEAST_ALIKE: i32 = 70 * UNIT * UNIT / 100;
/// A margin of 1 in the index, where each takes a byte.
const UNIT: i32 = 127;
/// Of a bucket that is larger, as in a film, so many places before and after are looked at: neighbours in it are alike, and a
/// group needs no more links than hold it together.
const BUCKET: usize = 64;

/// A picture that may be a copy, and by which alteration.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    pub place: u32,
    /// How alike the margins are, more is better.
    pub alike: i32,
    pub variant: u32,
}

/// The signatures, and the places of each key's signatures.
pub struct Index {
    bits: Vec<u64>,
    margins: Vec<[i8; BITS]>,
    tables: Vec<Table>,
    /// Bits of a key.
    width: usize,
}

struct Table {
    /// Where each key's places begin in `places`; one more than keys.
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl Index {
    pub fn new(signatures: impl IntoIterator<Item = Signature>) -> Self {
        let (bits, margins): (Vec<u64>, Vec<_>) =
            signatures.into_iter().map(|signature| (signature.bits, bytes(&signature))).unzip();
        let doublings = bits.len().div_ceil(USUAL_PICTURES).max(1).ilog2() as usize;
        let width = (KEY_BITS + doublings).min(MOST_KEY_BITS);
        let tables = (0..TABLES).map(|table| Table::new(&bits, table, width)).collect();
        Self { bits, margins, tables, width }
    }

    /// Adds the pictures near a signature to `candidates`; `own` is the place that asks. Of two pictures that are alike as they
    /// are, the later is found by the earlier one.
    pub fn look_up(&self, variant: usize, query: &Signature, own: usize, candidates: &mut Vec<Candidate>) {
        let margins = bytes(query);
        for (nth, table) in self.tables.iter().enumerate() {
            let key = key(query.bits, nth, self.width);
            let uncertain = least_certain(query, nth, self.width);
            // All ways to set the two least certain bits, and each of the next alone.
            let [first, second, rest @ ..] = uncertain.map(|bit| 1_usize << bit);
            let probes = [0, first, second, first | second].into_iter().chain(rest);
            for probe in probes {
                for &place in table.bucket(key ^ probe, own) {
                    let at = place as usize;
                    if at == own || (variant == 0 && at < own) || (self.bits[at] ^ query.bits).count_ones() > MOST_DIFFERENT {
                        continue;
                    }
                    let alike = self.margins[at].iter().zip(&margins).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum();
                    if alike >= LEAST_ALIKE {
                        candidates.push(Candidate { place, alike, variant: variant as u32 });
                    }
                }
            }
        }
    }
}

impl Table {
    fn new(signatures: &[u64], nth: usize, width: usize) -> Self {
        let mut starts = vec![0_u32; (1 << width) + 1];
        signatures.iter().for_each(|&bits| starts[key(bits, nth, width) + 1] += 1);
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut places = vec![0; signatures.len()];
        for (place, &bits) in signatures.iter().enumerate() {
            let next = &mut next[key(bits, nth, width)];
            places[*next as usize] = place as u32;
            *next += 1;
        }
        Self { starts, places }
    }

    fn bucket(&self, key: usize, own: usize) -> &[u32] {
        let bucket = &self.places[self.starts[key] as usize..self.starts[key + 1] as usize];
        if bucket.len() <= 2 * BUCKET {
            return bucket;
        }
        let middle = bucket.partition_point(|&place| (place as usize) < own);
        &bucket[middle.saturating_sub(BUCKET)..(middle + BUCKET).min(bucket.len())]
    }
}

fn key(bits: u64, table: usize, width: usize) -> usize {
    bits.rotate_right((KEY_BITS * table) as u32) as usize & ((1 << width) - 1)
}

fn bytes(signature: &Signature) -> [i8; BITS] {
    signature.margins.map(|margin| (margin * UNIT as f32).round() as i8)
}

/// The bits of a key whose coefficients are nearest to their bounds, the nearest first.
fn least_certain(query: &Signature, table: usize, width: usize) -> [usize; FLIPPED] {
    let mut nearest = [(f32::INFINITY, 0); FLIPPED];
    for at in 0..width {
        let mut entry = (query.margins[(KEY_BITS * table + at) % BITS].abs(), at);
        for kept in &mut nearest {
            if entry.0 < kept.0 {
                std::mem::swap(kept, &mut entry);
            }
        }
    }
    nearest.map(|(_, at)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    fn signature(random: &mut SplitMix64) -> Signature {
        let mut signature = Signature { bits: 0, margins: [0.0; BITS] };
        for bit in 0..BITS {
            signature.margins[bit] = (random.share() as f32 - 0.5) * 0.43;
            signature.bits |= u64::from(signature.margins[bit] > 0.0) << bit;
        }
        signature
    }

    #[test]
    fn a_signature_with_some_bits_turned_is_found_in_sets_of_every_size() {
        for count in [100, 70_000] {
            let mut random = SplitMix64(7);
            let all: Vec<Signature> = (0..count).map(|_| signature(&mut random)).collect();
            let (bits, margins) = (all[42].bits, all[42].margins);
            let index = Index::new(all);
            let mut query = Signature { bits, margins };
            // The least certain ones turn.
            let mut order: Vec<usize> = (0..BITS).collect();
            order.sort_by(|&a, &b| margins[a].abs().total_cmp(&margins[b].abs()));
            for &bit in &order[..3] {
                query.bits ^= 1 << bit;
                query.margins[bit] = -query.margins[bit];
            }
            let mut found = Vec::new();
            index.look_up(1, &query, 0, &mut found);
            assert!(found.iter().any(|candidate| candidate.place == 42), "{count}");
            assert!(found.iter().all(|candidate| candidate.place == 42), "{count}: {found:?}");
        }
    }
}
