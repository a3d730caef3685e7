//! Disjoint sets.

/// Numbers that are joined into sets, with halved paths (Tarjan and van Leeuwen 1984).
pub(crate) struct Sets(Vec<usize>);

impl Sets {
    /// Each number below `count` alone.
    pub fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    /// The least number of the set that `place` is in.
    pub fn root(&mut self, mut place: usize) -> usize {
        while self.0[place] != place {
            self.0[place] = self.0[self.0[place]];
            place = self.0[place];
        }
        place
    }

    /// Makes one set of the two that `a` and `b` are in.
    pub fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        // The smaller root stays, so that the outcome depends on no order.
        self.0[a.max(b)] = a.min(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_has_the_least_member_as_its_root_in_any_order() {
        for order in [[(4, 2), (2, 7), (5, 6)], [(5, 6), (7, 2), (4, 7)]] {
            let mut sets = Sets::new(8);
            order.iter().for_each(|&(a, b)| sets.join(a, b));
            assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(|place| sets.root(place)), [0, 1, 2, 3, 2, 5, 5, 2]);
        }
    }
}
