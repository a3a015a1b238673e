//! Interlude B maps asyncio's functions to ours: each is where it says, on both sides.

use std::path::Path;

use book::item::Piece;
use book::places::Places;

const CHAPTER: &str = include_str!("../chapters/interlude-b-asyncio.md");
const TWELVE: &str = include_str!("../../python/reading/twelve.py");

/// The rows of the map: asyncio's name, stage 3's, stage 5's.
fn rows() -> Vec<[&'static str; 3]> {
    let cells = |line: &'static str| {
        let cells: Vec<_> =
            line.split('|').map(|it| it.trim().trim_matches('`')).collect();
        [cells[1], cells[2], cells[3]]
    };
    CHAPTER.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

#[test]
fn the_map_has_the_twelve_that_the_reader_is_shown_in_their_order() {
    let shown = TWELVE.lines().filter_map(|line| {
        line.trim()
            .strip_prefix('"')?
            .strip_suffix("\",")
            .filter(|name| name.contains('.'))
    });
    let mapped: Vec<_> = rows().into_iter().map(|[asyncio, ..]| asyncio).collect();
    assert_eq!(mapped, shown.collect::<Vec<_>>());
    assert_eq!(mapped.len(), 12);
}

#[test]
fn each_of_ours_is_where_the_map_says() {
    let places =
        Places::of(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("it is the book");
    for [asyncio, third, fifth] in rows() {
        for (stage, place) in [("stage3-yield-from", third), ("stage5-asyncio", fifth)] {
            let (file, item) = place.split_once(' ').expect("a place is FILE ITEM");
            let found = Piece::of(&places, &format!("{stage}/src/{file}"), item);
            assert!(found.is_ok(), "{asyncio} in {stage}: {}", found.unwrap_err());
        }
    }
}
