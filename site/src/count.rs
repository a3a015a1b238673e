//! A number of things, in words.

use std::fmt;

/// `1 page`, `2 pages`: for things whose plural ends in an s.
pub fn count<N: fmt::Display + PartialEq + From<u8>>(number: N, thing: &str) -> String {
    format!("{number} {thing}{}", if number == N::from(1) { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn one_is_no_plural() {
        let said = [0_usize, 1, 2].map(|number| count(number, "page"));
        assert_eq!(said, ["0 pages", "1 page", "2 pages"]);
        assert_eq!(count(u128::MAX, "run"), format!("{} runs", u128::MAX));
    }
}
