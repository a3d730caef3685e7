//! Who continues which track: the assignment that fits best in all.

/// Beyond so many on one side the best pairs are taken one after the other: the exact answer takes time with the cube of it.
const MOST_EXACT: usize = 64;

/// For each row the column that it gets, so that the sum of the `fit`s, each `[row][column]` and 0 where two do not fit, is
/// greatest. No column is given twice.
pub(super) fn assign(fit: &[Vec<f32>], columns: usize) -> Vec<Option<usize>> {
    if fit.len().max(columns) > MOST_EXACT { greedy(fit, columns) } else { exact(fit, columns) }
}

fn greedy(fit: &[Vec<f32>], columns: usize) -> Vec<Option<usize>> {
    let row = |(r, row): (usize, &Vec<f32>)| row.iter().enumerate().map(move |(c, &fit)| (fit, r, c)).collect::<Vec<_>>();
    let mut pairs: Vec<(f32, usize, usize)> = fit.iter().enumerate().flat_map(row).filter(|(fit, ..)| *fit > 0.0).collect();
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut given, mut taken) = (vec![None; fit.len()], vec![false; columns]);
    for (_, row, column) in pairs {
        if given[row].is_none() && !taken[column] {
            given[row] = Some(column);
            taken[column] = true;
        }
    }
    given
}

/// The Hungarian method with potentials (Kuhn 1955, Munkres 1957), a row after the other. To each row belongs a column of its own
/// that fits nothing, so that none is forced upon another's.
fn exact(fit: &[Vec<f32>], columns: usize) -> Vec<Option<usize>> {
    let rows = fit.len();
    let all = columns + rows;
    let cost = |row: usize, column: usize| if column < columns { -f64::from(fit[row][column]) } else { 0.0 };
    let (mut of_row, mut of_column) = (vec![0.0; rows], vec![0.0; all]);
    let mut owner: Vec<Option<usize>> = vec![None; all];
    for start in 0..rows {
        let mut least = vec![f64::INFINITY; all];
        let mut from: Vec<Option<usize>> = vec![None; all];
        let mut done = vec![false; all];
        let (mut row, mut last) = (start, None);
        let end = loop {
            let mut next: Option<(f64, usize)> = None;
            for column in (0..all).filter(|&column| !done[column]) {
                let slack = cost(row, column) - of_row[row] - of_column[column];
                if slack < least[column] {
                    (least[column], from[column]) = (slack, last);
                }
                if next.is_none_or(|(best, _)| least[column] < best) {
                    next = Some((least[column], column));
                }
            }
            // There are more columns than rows, so one is left.
            let Some((step, column)) = next else { break None };
            of_row[start] += step;
            for other in 0..all {
                if done[other] {
                    of_column[other] -= step;
                    if let Some(row) = owner[other] {
                        of_row[row] += step;
                    }
                } else {
                    least[other] -= step;
                }
            }
            done[column] = true;
            last = Some(column);
            match owner[column] {
                None => break last,
                Some(other) => row = other,
            }
        };
        // Back along the path: each column goes to the owner of the one before it.
        let mut column = end;
        while let Some(here) = column {
            let before = from[here];
            owner[here] = before.map_or(Some(start), |before| owner[before]);
            column = before;
        }
    }
    let mut given = vec![None; rows];
    for (column, owner) in owner.into_iter().enumerate().take(columns) {
        if let Some(row) = owner
            && fit[row][column] > 0.0
        {
            given[row] = Some(column);
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_sum_wins_over_the_best_pair() {
        let fit = [vec![0.5, 0.6], vec![0.0, 0.5]];
        assert_eq!(exact(&fit, 2), [Some(0), Some(1)]);
        assert_eq!(greedy(&fit, 2), [Some(1), None]);
        assert_eq!(assign(&[vec![0.0, 0.0]], 2), [None]);
        assert_eq!(assign(&[vec![], vec![]], 0), [None, None]);
        assert!(assign(&[], 3).is_empty());
    }

    #[test]
    fn no_assignment_of_a_few_is_better() {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = (state >> 8) as f32 / (1 << 24) as f32;
            if value < 0.3 { 0.0 } else { value }
        };
        for (rows, columns) in [(3, 3), (4, 2), (2, 4), (4, 4), (1, 5)].repeat(20) {
            let fit: Vec<Vec<f32>> = (0..rows).map(|_| (0..columns).map(|_| next()).collect()).collect();
            let given = exact(&fit, columns);
            let sum: f32 = given.iter().zip(&fit).map(|(column, row)| column.map_or(0.0, |column| row[column])).sum();
            assert!((sum - best(&fit, &mut vec![false; columns])).abs() < 1e-5, "{fit:?}: {given:?}");
        }
    }

    /// The best sum, by trying all.
    fn best(fit: &[Vec<f32>], taken: &mut Vec<bool>) -> f32 {
        let Some((row, rest)) = fit.split_first() else { return 0.0 };
        let mut most = best(rest, taken);
        for column in 0..row.len() {
            if !taken[column] {
                taken[column] = true;
                most = most.max(row[column] + best(rest, taken));
                taken[column] = false;
            }
        }
        most
    }
}
