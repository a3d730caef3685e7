//! Stored pictures become upright ones.

use fervor::Picture;

/// The quarter turns, clockwise, that a display matrix `[a b; c d]` asks for: those of a quarter's multiples, else none.
pub(crate) fn quarters([a, b, c, d]: [i32; 4]) -> u8 {
    match (a.signum(), b.signum(), c.signum(), d.signum()) {
        (0, 1, -1, 0) => 1,
        (-1, 0, 0, -1) => 2,
        (0, -1, 1, 0) => 3,
        _ => 0,
    }
}

/// The picture, turned.
pub(crate) fn upright(picture: Picture, quarters: u8) -> Picture {
    if quarters == 0 { picture } else { picture.turned(quarters) }
}
